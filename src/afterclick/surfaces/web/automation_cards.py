"""The cards around an editor: where the document stands, how its messages read, what a run over history showed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from afterclick.act.channels.trial import CHANNELS
from afterclick.app.automation_checks import Problem, say
from afterclick.app.automation_places import Document
from afterclick.app.automation_preview import previews
from afterclick.app.automation_print import fingerprint
from afterclick.app.automations import BACKTEST, Automations, kind_of
from afterclick.core import spec as specs
from afterclick.core.errors import AfterclickError
from afterclick.store.automations import LiveRule, Words, nodes
from afterclick.surfaces.viz import automation_delivery, automation_outbox, automation_standing, states
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.automation_backtest import dry_run
from afterclick.surfaces.viz.automation_message import preview
from afterclick.surfaces.viz.entries import Posting, choice, field
from afterclick.surfaces.viz.markup import Child, Html, el
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.automation_forms import PATH, AutomationForms, page_of

RANGES: Final = ("7d", "28d", "91d", "all")


def undo(desk: Automations, post: Posting, voice: Voice) -> Html | None:
    """The button that takes the last change back."""
    last = desk.undoable
    if last is None:
        return None
    what = voice.text(f"automations.undo_{last.change}", name=last.name or voice.text("automations.delivery"))
    return post.button([("what", "undo")], ["↶ ", what])


def head(document: Document, errors: int, desk: Automations, post: Posting, voice: Voice) -> Html:
    """Where it stands, and the buttons that change that."""
    kind, name = kind_of(document), document.name
    pairs = [("kind", kind), ("name", name)]
    ready = not errors and document.tested == fingerprint(document)
    if document.state == "on":
        switch = post.button([("what", "pause"), *pairs], voice.text("automations.pause"))
    elif ready:
        switch = post.button([("what", "on"), *pairs], voice.text("automations.switch_on"), css="go")
    elif errors:
        switch = el("p", {"class": "caption"}, voice.text("automations.not_ready_errors", n=errors))
    else:
        why = el("p", {"class": "caption"}, voice.text("automations.not_ready"))
        run = [("what", "test"), *pairs, ("range", RANGES[1])]
        switch = el("div", {"class": "next"}, post.button(run, voice.text("automations.test"), css="go"), why)
    drop = None
    if document.state != "on":
        sure = voice.text("automations.sure", name=name)
        drop = post.asked(
            [("what", "remove"), *pairs], voice.text("automations.remove"), sure, voice.text("automations.remove")
        )
    last = desk.undoable
    mine = last is not None and (last.kind, last.name) in ((kind, name), ("delivery", ""))
    shown = [words.state(document.state, voice), switch, drop, undo(desk, post, voice) if mine else None]
    return el("section", {"class": "panel card head"}, shown)


def outbox(desk: Automations, post: Posting, voice: Voice) -> Html | None:
    """Where everything is that was to be sent; what cannot be read says so in its place."""
    try:
        found = desk.outgoing()
    except AfterclickError as problem:
        return states.error(problem, voice, request="", retry=PATH)
    return automation_outbox.outbox(found, voice, post if desk.sends else None) if found is not None else None


def delivery(desk: Automations, post: Posting, voice: Voice) -> Html:
    """How messages leave, and what the channels still lack for it."""
    try:
        return automation_delivery.delivery(desk.delivery, desk.ready, post, voice)
    except AfterclickError as error:
        return automation_delivery.delivery(desk.delivery, (), post, voice, problem=error.say(voice.lang))


def standing(document: Document, desk: Automations, voice: Voice) -> Html | None:
    """Who is on the way in a journey; None for a rule, and before anybody came."""
    if isinstance(document, LiveRule):
        return None
    try:
        found = desk.standing(document.name)
    except AfterclickError as problem:
        return states.error(problem, voice, request="", retry=PATH)
    if found is None or (document.state == "draft" and not found.entered):
        return None
    return automation_standing.standing(document, found, voice)


def hints(problems: Sequence[Problem], voice: Voice) -> Html | None:
    """What deserves a look and keeps nothing from being switched on."""
    texts = dict.fromkeys(say(problem, voice.lang) for problem in problems if problem.level == "warning")
    if not texts:
        return None
    items = [el("li", None, text) for text in texts]
    title = el("h2", None, voice.text("automations.hints"))
    return el("section", {"class": "panel card"}, title, el("ul", {"class": "notes"}, items))


def read(
    document: Document, keeper: Any, visitor: str, forms: AutomationForms, post: Posting, voice: Voice
) -> Html | None:
    """Every message in every language with values put in: those of a visitor, or made-up ones; and a form to try it."""
    problem = ""
    shown: list[Child] = []
    for place, heading, channel, told in _messages(document, voice):
        try:
            found = previews(keeper, told, voice.lang, visitor=visitor, channel=channel)
        except AfterclickError as error:
            problem = error.say(voice.lang)
            found = previews(keeper, told, voice.lang, channel=channel)
        shown.append(preview(found, voice, heading))
        if channel in CHANNELS:
            shown.append(_trial(document.name, place, channel, visitor, forms, post, voice))
    if not shown:
        return None
    entry = field(voice.text("automations.preview_of"), "visitor", visitor, said=problem,
                  more={"placeholder": voice.text("automations.preview_nobody")})  # fmt: skip
    lang = el("input", {"type": "hidden", "name": "lang", "value": voice.lang})
    go = el("button", {"class": "button"}, voice.text("automations.preview_go"))
    target = page_of(kind_of(document), document.name)
    form = el("form", {"method": "get", "action": target, "class": "adding", "target": "_self"}, lang, entry, go)
    title = el("h2", None, voice.text("automations.preview"))
    return el("section", {"class": "panel card", "id": "preview"}, title, form, shown)


def backtest(document: Document, forms: AutomationForms, post: Posting, voice: Voice) -> Html | None:
    """The dry run over history: its form, and what the last one showed."""
    if BACKTEST not in specs.kinds():
        return None
    kind, name = kind_of(document), document.name
    mark = fingerprint(document)
    result = forms.tested(kind, name, mark)
    ranges = [(each, voice.text(f"range.{each}")) for each in RANGES]
    form = post.form(
        [("what", "test"), ("kind", kind), ("name", name)],
        choice(voice.text("frame.range"), "range", "28d", ranges),
        el("button", {"class": "button"}, voice.text("automations.test")), css="adding",
    )  # fmt: skip
    done = voice.text("automations.test_done" if document.tested == mark else "automations.test_wanted")
    shown: list[Child] = [el("p", {"class": "caption"}, done)]
    if result is not None:
        shown = [dry_run(result, document, voice)]
    title = el("h2", None, voice.text("automations.backtest"))
    return el("section", {"class": "panel card", "id": "backtest"}, title, form, shown)


def _trial(
    name: str, place: str, channel: str, visitor: str, forms: AutomationForms, post: Posting, voice: Voice
) -> Html:
    """The form that sends one message to one's own address, and what came of it."""
    tried = forms.tried(name)
    came = None
    if tried is not None and tried[0] == place:
        said = voice.text(f"automations.tried_{tried[1].outcome.state}")
        came = el("p", {"class": "caption", "role": "status"}, " ".join((said, tried[1].outcome.explained(voice.lang))))
    pairs = [("what", "trial"), ("kind", "journey"), ("name", name), ("place", place), ("visitor", visitor)]
    entry = field(voice.text(f"automations.try_{channel}"), "address", more={"required": True, "maxlength": 2000})
    return post.form(pairs, entry, el("button", {"class": "button"}, voice.text("automations.try_go")), came, css="adding")


def _messages(document: Document, voice: Voice) -> Iterator[tuple[str, str, str, Sequence[Words]]]:
    """What a document says, each with its place, a heading and the channel it goes by."""
    if isinstance(document, LiveRule):
        shows = [(arm.name, arm.show) for arm in document.arms] or [(words.does(document, voice), document.show)]
        yield from (("", name, "onsite", show.words) for name, show in shows if show is not None)
        return
    for place, node in nodes(document.steps):
        if node.send is not None:
            told = node.send.show.words if node.send.show is not None else node.send.words
            yield place, words.step(node, voice), node.send.channel, told
