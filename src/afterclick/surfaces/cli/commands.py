"""The table of all commands, with their help, so that listing them imports none of them."""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """Where a command stands: its heading in the help, `module:attribute`, and its first line."""

    section: str
    place: str
    help: str


START, ASK, DATA, HOUSE = "Start here", "Ask", "Look after the data", "Look after the store"
SECTIONS: Final = (START, ASK, DATA, HOUSE)
"""The headings of the help, in their order."""

QUESTIONS: dict[str, Entry] = {
    "map": Entry(
        ASK,
        "afterclick.analyse.journey_map:JourneyMap",
        "The journey map: where visitors come from, how far they get and where they leave.",
    ),
    "barriers": Entry(
        ASK,
        "afterclick.analyse.barriers:Barriers",
        "What keeps visitors from buying, ranked by money at risk: beside like visitors who did not meet it.",
    ),
    "funnel": Entry(
        ASK,
        "afterclick.analyse.funnel:Funnel",
        "How many visitors take each step in order, and where they leave.",
    ),
    "drivers": Entry(
        ASK,
        "afterclick.analyse.drivers:Drivers",
        "What differs between those who went on to the next step and those who did not.",
    ),
    "retention": Entry(
        ASK,
        "afterclick.analyse.retention.retention:Retention",
        "How many of those who began come back, period by period.",
    ),
    "paths": Entry(
        ASK,
        "afterclick.analyse.paths.paths:Paths",
        "Paths: which way visitors go step by step; every column adds up to all of them.",
    ),
    "transitions": Entry(
        ASK,
        "afterclick.analyse.paths.transitions:Transitions",
        "Transitions: from each step straight to each other, what turns back, and how far the order is.",
    ),
    "searches": Entry(
        ASK,
        "afterclick.analyse.paths.search_terms:SearchTerms",
        "Search terms: what was searched for, what found nothing, and what led to orders.",
    ),
    "lifecycle": Entry(
        ASK,
        "afterclick.analyse.retention.lifecycle:Lifecycle",
        "The life cycle: new, returning, revived and dormant visitors, interval by interval.",
    ),
    "stickiness": Entry(
        ASK,
        "afterclick.analyse.retention.stickiness:Stickiness",
        "Stickiness: on how many days, weeks or months visitors come, and DAU/MAU.",
    ),
    "onboarding": Entry(
        ASK,
        "afterclick.analyse.retention.onboarding:Onboarding",
        "Onboarding: the share of newcomers who reach each activation event by day n.",
    ),
    "channels": Entry(
        ASK, "afterclick.analyse.channels:Channels", "Channels: who came from where, and what it brought."
    ),
    "attribution": Entry(
        ASK,
        "afterclick.analyse.attribution.attribution:Attribution",
        "Attribution: which channels and campaigns orders are owed to, by every model side by side.",
    ),
    "top": Entry(
        ASK,
        "afterclick.analyse.top:Top",
        "Top lists: the sources, campaigns, devices or products that bring the most.",
    ),
    "kpi": Entry(
        ASK,
        "afterclick.analyse.kpi:Kpi",
        "Key figures: visitors, sessions, orders and revenue, and how they changed.",
    ),
    "change": Entry(
        ASK,
        "afterclick.analyse.revenue_change:RevenueChange",
        "Revenue change: how much of it came from visitors, conversion, order value and channel mix.",
    ),
    "touchpoints": Entry(
        ASK,
        "afterclick.analyse.landing:Touchpoints",
        "All touchpoints: where visits land, where they leave, how hard each was, and what was searched for.",
    ),
    "touchpoint": Entry(
        ASK,
        "afterclick.analyse.touchpoint:Touchpoint",
        "One touchpoint: where visits came from and went to, who left there, and how hard it was.",
    ),
    "feedback": Entry(
        ASK,
        "afterclick.analyse.feedback.feedback:Feedback",
        "Feedback: what visitors answer and write, how they score it, and which words low scores go with.",
    ),
    "rewards": Entry(
        ASK,
        "afterclick.analyse.rewards.rewards:Rewards",
        "Reward programme: what members did later, beside visitors alike who had not joined.",
    ),
    "referrals": Entry(
        ASK,
        "afterclick.analyse.referrals.referrals:Referrals",
        "Referrals: who invited whom, what they ordered, and how many each visitor brings.",
    ),
    "segment": Entry(
        ASK,
        "afterclick.analyse.segments.segment:Segment",
        "A segment: how many visitors are in it, how they compare with the others, who comes and goes.",
    ),
    "backtest": Entry(
        ASK,
        "afterclick.act.rehearsal.question:Backtest",
        "A backtest: whom a rule or a journey would have reached had it been on, how often, when and for how much.",
    ),
    "value": Entry(
        ASK,
        "afterclick.learn.value.value:Value",
        "Lifetime value: what buyers will still bring, how many of them are still customers, and what winning one costs.",
    ),
    "rfm": Entry(
        ASK,
        "afterclick.learn.value.rfm:Rfm",
        "Recency, frequency, money: buyers scored 1 to 5 on each, in a table of five by five with names.",
    ),
    "repeat": Entry(
        ASK,
        "afterclick.learn.value.repeat:Repeat",
        "Repeat purchase: how many buyers order a second, third, fourth time, and how long they take.",
    ),
    "visitors": Entry(
        ASK,
        "afterclick.analyse.visitors_list:Visitors",
        "The visitors of a range: search by id or e-mail, sort, fifty at a time.",
    ),
    "visitor": Entry(
        ASK,
        "afterclick.analyse.visitor:Visitor",
        "One visitor: known as what, by which ids, and what they did session by session.",
    ),
    "personas": Entry(
        ASK,
        "afterclick.learn.personas.personas:Personas",
        "Personas: groups of visitors who behave alike, what sets each apart, and what it is worth.",
    ),
    "affinities": Entry(
        ASK,
        "afterclick.learn.affinities.affinities:Affinities",
        "Affinities: the category, brand or price level visitors lean to, anonymous ones too, and how recently.",
    ),
    "discover": Entry(
        ASK,
        "afterclick.learn.stages.discovery:StageDiscovery",
        "Stage discovery: stages proposed from what visitors do, as rules for afterclick.toml, with how well they fit.",
    ),
    "data": Entry(
        ASK,
        "afterclick.analyse.catalogue:Data",
        "What the store holds: events, sources, rejected rows, and what looks wrong.",
    ),
    "reconcile": Entry(
        HOUSE,
        "afterclick.observe.reconcile.question:Reconcile",
        "Do the reports agree: sessions, visitors, orders and revenue counted twice, and where two sides part.",
    ),
}
"""Where each Spec is, so that `--help` need not import it; a test holds names and lines equal to theirs."""

COMMANDS: dict[str, Entry] = {
    "demo": Entry(START, "demo:demo", "Make an example shop, import it and open its dashboard."),
    "import": Entry(
        START,
        "importing:import_files",
        "Bring files into a store: events, orders, catalogue, customers, messages, costs, feedback; the map is guessed.",
    ),
    "serve": Entry(START, "serving:serve", "Serve the dashboard and its JSON of a store, and collect what SDKs send to it."),
    "keys": Entry(START, "keys:keys", "Write keys and tokens of a store: list, make, revoke."),
    "report": Entry(
        ASK, "report:report", "Write a report: pages, or what FILE (TOML) lists, as one HTML file that needs no network."
    ),
    "segments": Entry(
        ASK,
        "segments:segments",
        "The saved segments and lists: how many visitors are in each; save, rename, delete, take a list, export.",
    ),
    "rules": Entry(
        ASK,
        "automations:rules",
        "Rules of the site: list, show, add, check, run over history, switch on and off.",
    ),
    "journeys": Entry(
        ASK,
        "automations:journeys",
        "Journeys of messages: list, show, add, check, run over history, switch on and off.",
    ),
    "delivery": Entry(
        ASK,
        "delivery:delivery",
        "Sending messages: what is set up, passwords and keys, audiences for ad platforms.",
    ),
    "boards": Entry(
        ASK, "boards:boards", "List, show, make and delete boards: saved questions with text and goals."
    ),
    "alerts": Entry(
        ASK, "alerts:alerts", "Look at the alerts on any number of any report; list, add and delete them."
    ),
    "saved": Entry(ASK, "saved:saved", "List, ask again and delete the questions saved under a name."),
    "rejects": Entry(DATA, "rejects:rejects", "List, show and replay the rows that could not become events."),
    "link": Entry(DATA, "identity:link", "Say that two ids are the same visitor."),
    "unlink": Entry(DATA, "identity:unlink", "Take such a link back, or forbid one that was found."),
    "erase": Entry(
        DATA,
        "people:erase",
        "Erase people from a store: every id and event of theirs, everywhere in it, and keep them out from now on.",
    ),
    "export": Entry(
        DATA,
        "people:export_person",
        "Hand out everything held about one person: ids, events, consent, segments, predictions.",
    ),
    "doctor": Entry(HOUSE, "admin:doctor", "Check a store and name what in its data deserves a look."),
    "rebuild": Entry(HOUSE, "admin:rebuild", "Derive the projection again from the log."),
    "backup": Entry(HOUSE, "admin:backup", "Copy a store to a new folder while a server collects into it."),
    "bench": Entry(HOUSE, "bench:bench", "Measure import and questions on generated events."),
    "prove": Entry(
        HOUSE,
        "prove:prove_group",
        "Keep or break a promise: known truths are generated, and what the product says is held against them.",
    ),
    "version": Entry(HOUSE, "version:version", "Print the versions of afterclick and of what it computes with."),
}
"""Commands that are no question. A test holds the help here equal to the command's own."""
