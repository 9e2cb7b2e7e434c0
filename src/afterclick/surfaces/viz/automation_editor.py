"""One rule or journey as a flow of sentences that can be changed: when, wait, if, send, otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from afterclick.store.automations import Arm, Journey, LiveRule, Show
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.automation_message import look, message
from afterclick.surfaces.viz.automation_steps import Flow, by_place, steps
from afterclick.surfaces.viz.entries import Posting, choice, field, fields
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.voice import Voice

Wrong = Mapping[str, Sequence[str]]
"""What is wrong by the path of a field (`when`, `entry.event`, `steps.1.then.0`)."""

DOES = ("show", "enter", "emit", "call")


class Known(msgspec.Struct, frozen=True):
    """Names a form offers: of journeys, of events, of saved segments."""

    journeys: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


def rule(document: LiveRule, post: Posting, wrong: Wrong, known: Known, voice: Voice) -> Html:
    """The whole rule in one form of three sentences, each with its fields folded away: when, how often, what then."""
    pairs = [("what", "save"), ("kind", "rule"), ("was", document.name)]
    flow = el(
        "ol",
        {"class": "flow"},
        _part("when", voice, _rule_when(document, wrong, voice), words.condition(document.when, voice), wrong),
        _part("how_often", voice, _rule_often(document, wrong, voice), _often(document, voice), wrong),
        _part("then", voice, _rule_does(document, wrong, known, voice), words.does(document, voice), wrong),
    )
    return el("section", {"class": "panel card"}, el("h2", None, voice.text("automations.flow")),
              _left_over(wrong, _RULE_PATHS, voice), post.form(pairs, flow), _arms(document, post, voice),
              _events(known))  # fmt: skip


_PATHS: Mapping[str, tuple[str, ...]] = {
    "when": ("when", "on"), "how_often": ("once", "group", "cooldown"), "then": ("enter", "emit", "call"),
}  # fmt: skip
_RULE_PATHS = tuple(path for paths in _PATHS.values() for path in paths)


def _part(name: str, voice: Voice, inner: Html, sentence: str, wrong: Wrong) -> Html:
    """A sentence, and its fields behind a word; they stand open where something of them is wrong."""
    paths = _PATHS[name]
    told = any(path in paths or (name == "then" and path.startswith(("show", "arms"))) for path in wrong)
    label = voice.text("automations.edit_step", step=sentence[:80])
    save = el("button", {"class": "go"}, voice.text("automations.save"))
    return el(
        "li",
        {"class": f"step step-{name}"},
        el("p", None, el("b", None, voice.text(f"automations.part_{name}")), " ", said(sentence)),
        el("details", {"class": "more", "open": told or None},
           el("summary", {"aria-label": label}, voice.text("automations.edit")),
           el("div", {"class": "question"}, inner, save)),
    )  # fmt: skip


def _often(document: LiveRule, voice: Voice) -> str:
    """How often, and who gets nothing for the comparison."""
    parts = [words.once(document, voice)]
    if document.cooldown:
        parts.append(voice.text("automations.often_cooldown", span=words.span(document.cooldown, voice)))
    if document.group:
        parts.append(voice.text("automations.often_group", name=document.group))
    held = document.holdout_rate
    parts.append(voice.text("automations.often_holdout", share=voice.rate(held)) if held else
                 voice.text("automations.often_no_holdout"))  # fmt: skip
    return " · ".join(parts)


def _left_over(wrong: Wrong, shown: Sequence[str], voice: Voice) -> Html | None:
    """Problems of the document as a whole, or of what has no field of its own."""
    texts = [text for path, found in wrong.items() for text in found if path not in shown and not path.startswith("steps.")]
    if not texts:
        return None
    items = [el("li", None, text) for text in texts]
    return el("ul", {"class": "wrong notes", "aria-label": voice.text("automations.problems")}, items)


def _rule_when(document: LiveRule, wrong: Wrong, voice: Voice) -> Html:
    return fields(
        field(voice.text("automations.name"), "name", document.name, more={"maxlength": 120, "required": True}),
        field(voice.text("automations.condition"), "when", document.when, lines=3, problems=wrong.get("when", ()),
              said=voice.text("automations.condition_said")),
        field(voice.text("automations.on_events"), "on", "\n".join(document.on), lines=2, problems=wrong.get("on", ()),
              said=voice.text("automations.on_said")),
    )  # fmt: skip


def _rule_often(document: LiveRule, wrong: Wrong, voice: Voice) -> Html:
    share, cost = f"{document.holdout_rate * 100:g}", f"{document.cost:g}" if document.cost else ""
    return fields(
        field(voice.text("automations.once"), "once", document.once, problems=wrong.get("once", ()),
              said=voice.text("automations.once_said")),
        field(voice.text("automations.cooldown"), "cooldown", document.cooldown, problems=wrong.get("cooldown", ())),
        field(voice.text("automations.group"), "group", document.group, problems=wrong.get("group", ()),
              said=voice.text("automations.group_said")),
        field(voice.text("automations.priority"), "priority", str(document.priority), more={"inputmode": "numeric"}),
        field(voice.text("automations.holdout"), "holdout", share, more={"inputmode": "decimal"}),
        field(voice.text("automations.cost"), "cost", cost, more={"inputmode": "decimal"}),
    )  # fmt: skip


def _rule_does(document: LiveRule, wrong: Wrong, known: Known, voice: Voice) -> Html:
    does = "enter" if document.enter else "emit" if document.emit else "call" if document.call else "show"
    journeys = [("", "–"), *((name, name) for name in known.journeys)]
    # Styles hide what the chosen deed has no use for; without them all fields stand there, and the others are not read.
    deeds = fields(
        choice(voice.text("automations.does"), "does", does, [(one, voice.text(f"automations.do_{one}")) for one in DOES]),
        el("div", {"class": "for-enter"}, choice(voice.text("automations.do_enter"), "enter", document.enter, journeys)),
        el("div", {"class": "for-emit"},
           field(voice.text("automations.do_emit"), "emit", document.emit, problems=wrong.get("emit", ()))),
        el("div", {"class": "for-call"},
           field(voice.text("automations.do_call"), "call", document.call, problems=wrong.get("call", ()),
                 more={"placeholder": "https://"})),
    )  # fmt: skip
    if document.arms:
        shown: list[Child] = [_arm(arm, i, voice) for i, arm in enumerate(document.arms)]
    else:
        show = document.show or Show()
        shown = [look(show, voice), message(show.words, voice)]
    return el("div", {"class": "deeds"}, deeds, el("div", {"class": "for-show"}, shown))


def _arm(arm: Arm, i: int, voice: Voice) -> Html:
    show, at = arm.show or Show(), f"a{i}_"
    return el(
        "section",
        {"class": "arm"},
        el("h3", None, voice.text("automations.arm"), " ", said(arm.name)),
        fields(
            field(voice.text("automations.arm_name"), f"{at}name", arm.name),
            field(voice.text("automations.arm_weight"), f"{at}weight", f"{arm.weight * 100:g}", more={"inputmode": "decimal"}),
        ),
        look(show, voice, at),
        message(show.words, voice, at),
    )


def _arms(document: LiveRule, post: Posting, voice: Voice) -> Html | None:
    """Buttons that turn one message into a test of two, and back."""
    if document.enter or document.emit or document.call:
        return None
    pairs = [("what", "arms"), ("kind", "rule"), ("name", document.name)]
    more = post.button([*pairs, ("do", "add")], voice.text("automations.arm_add"))
    less = post.button([*pairs, ("do", "drop")], voice.text("automations.arm_drop")) if document.arms else None
    return el("div", {"class": "actions"}, more, less)


def _events(known: Known) -> Html | None:
    options = [el("option", {"value": name}) for name in known.events]
    return el("datalist", {"id": "events"}, options) if options else None


_JOURNEY_PATHS = ("entry.event", "entry.when", "entry.daily", "again", "goal", "leave", "grace")


def journey(document: Journey, post: Posting, wrong: Wrong, known: Known, opened: str, voice: Voice) -> Html:
    """Entry and ends in one form, each step in one of its own, in the order in which they happen."""
    pairs = [("what", "save"), ("kind", "journey"), ("was", document.name)]
    flow = Flow(post, document.name, by_place(wrong, document.steps), opened, voice)
    save = el("button", {"class": "go"}, voice.text("automations.save"))
    enters = words.enters(document.entry, voice)
    version = voice.text("automations.version", n=document.version)
    head = el(
        "div",
        {"class": "step step-when"},
        el("p", None, el("b", None, voice.text("automations.part_when")), " ", said(enters)),
        el("p", {"class": "caption"}, version, " · ", words.again(document, voice)),
        el("details", {"class": "more"},
           el("summary", {"aria-label": voice.text("automations.edit_step", step=enters[:80])}, voice.text("automations.edit")),
           post.form(pairs, _entry(document, wrong, known, voice), save, css="question")),
    )  # fmt: skip
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("automations.flow")),
        _left_over(wrong, _JOURNEY_PATHS, voice),
        head,
        steps(document.steps, flow),
        _ends(document, voice),
        _events(known),
    )


def _ends(document: Journey, voice: Voice) -> Html | None:
    """What ends a run at any moment."""
    lines = [
        el("p", None, el("b", None, voice.text(f"automations.{name}")), " ",
           said(", ".join(words.happening(step, voice) for step in found)))
        for name, found in (("goal", document.goal), ("leave", document.leave))
        if found
    ]  # fmt: skip
    return el("div", {"class": "step step-exit"}, lines) if lines else None


def _entry(document: Journey, wrong: Wrong, known: Known, voice: Voice) -> Html:
    entry = document.entry
    # One that is gone stays chosen until somebody chooses another.
    there = dict.fromkeys((*known.segments, *((entry.segment,) if entry.segment else ())))
    segments = [("", "–"), *((name, name) for name in there)]
    share = f"{document.holdout_rate * 100:g}"

    def one(name: str, value: str, *, lines: int = 0, path: str = "") -> Html:
        told = voice.known(f"automations.{name}_said") or ""
        label = voice.text(f"automations.{name}")
        return field(label, name, value, lines=lines, said=told, problems=wrong.get(path or name, ()))

    return el(
        "div",
        None,
        fields(
            field(voice.text("automations.name"), "name", document.name, more={"maxlength": 120, "required": True}),
            one("entry_event", entry.event, path="entry.event"),
            one("entry_when", entry.when, lines=2, path="entry.when"),
            choice(voice.text("automations.entry_segment"), "entry_segment", entry.segment, segments),
            one("entry_daily", entry.daily, path="entry.daily"),
            legend=voice.text("automations.entry"),
        ),
        fields(
            one("again", document.again),
            one("goal", "\n".join(document.goal), lines=2),
            one("leave", "\n".join(document.leave), lines=2),
            one("grace", document.grace),
            field(voice.text("automations.holdout"), "holdout", share, more={"inputmode": "decimal"}),
            legend=voice.text("automations.ends"),
        ),
    )
