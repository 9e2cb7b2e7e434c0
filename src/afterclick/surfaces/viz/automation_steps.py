"""The steps of a journey as a column of sentences, each with its fields and buttons below it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from afterclick.store.automations import Node, Send, Show, Wait
from afterclick.store.automations import nodes as every
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.automation_message import look, message
from afterclick.surfaces.viz.entries import Posting, choice, field, fields
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice

NEW: Final = (
    "wait", "until", "event", "condition", "email", "push", "onsite", "webhook", "export", "branch", "split", "set", "exit",
)  # fmt: skip
"""The steps that can be added, in the order of the list."""


def anchor(place: str) -> str:
    """The id of a step on its page."""
    return "step-" + re.sub(r"[^\w-]", "-", place)


class Flow(NamedTuple):
    """What every step needs to be drawn: where its forms go, which journey, what is wrong by place, which one is open."""

    post: Posting
    name: str
    problems: Mapping[str, Sequence[str]]
    opened: str
    voice: Voice

    def pairs(self, do: str, place: str) -> list[tuple[str, str]]:
        """What a form of a step sends along."""
        return [("what", "step"), ("kind", "journey"), ("name", self.name), ("do", do), ("place", place)]

    def wrong(self, place: str) -> Sequence[str]:
        """What is wrong with a step."""
        return self.problems.get(place, ())


def by_place(problems: Mapping[str, Sequence[str]], nodes: Sequence[Node]) -> Mapping[str, Sequence[str]]:
    """Problems by path (`steps.1.then.0.wait.event`, `steps.0[0].body`) under the place of the step they are in."""
    places = sorted((place for place, _ in every(nodes)), key=len, reverse=True)
    found: dict[str, list[str]] = {}
    for path, texts in problems.items():
        inner = path.removeprefix("steps.")
        if inner == path:
            continue
        here = next((place for place in places if inner == place or inner.startswith((f"{place}.", f"{place}["))), "")
        found.setdefault(here, []).extend(texts)
    return found


def steps(nodes: Sequence[Node], flow: Flow, place: str = "") -> Html:
    """A list of steps, and the form that adds one at its end; `place` is empty for the journey's own list."""
    at = f"{place}." if place else ""
    items = [_step(node, f"{at}{i}", i, len(nodes), flow) for i, node in enumerate(nodes)]
    shown = el("ol", {"class": "flow"}, items) if items else None
    return el("div", None, shown, _adding(flow, place))


def _adding(flow: Flow, place: str) -> Html:
    voice = flow.voice
    options = [(kind, voice.text(f"automations.new_{kind}")) for kind in NEW]
    chosen = choice(voice.text("automations.add_step"), "step", "wait", options)
    return flow.post.form(
        flow.pairs("add", place), chosen, el("button", {"class": "button"}, voice.text("automations.add")), css="adding"
    )


def _step(node: Node, place: str, i: int, n: int, flow: Flow) -> Html:
    voice, sentence = flow.voice, words.step(node, flow.voice)
    wrong = flow.wrong(place)
    edit = None if node.exit else el(
        "details", {"class": "more", "open": place == flow.opened or None},
        el("summary", {"aria-label": voice.text("automations.edit_step", step=sentence[:80])}, voice.text("automations.edit")),
        flow.post.form(flow.pairs("save", place), _fields(node, place, flow),
                       el("button", {"class": "go"}, voice.text("automations.save")), css="question"),
    )  # fmt: skip
    return el(
        "li",
        {"class": f"step step-{_kind(node)}", "id": anchor(place)},
        el("div", {"class": "said-step"}, el("p", None, sentence), _buttons(place, i, n, sentence, flow)),
        el("p", {"class": "wrong"}, " ".join(wrong)) if wrong else None,
        edit,
        _ways(node, place, flow),
    )


def _buttons(place: str, i: int, n: int, sentence: str, flow: Flow) -> Html:
    """Up, down, away: plain buttons, each named by what it moves."""

    def one(do: str, sign: str, off: bool) -> Html:
        label = f"{flow.voice.text(f'automations.step_{do}')}: {sentence[:80]}"
        return flow.post.form(
            flow.pairs(do, place), el("button", {"class": "small", "aria-label": label, "disabled": off}, sign), css="one"
        )

    return el("div", {"class": "tools"}, one("up", "↑", i == 0), one("down", "↓", i == n - 1), one("drop", "✕", False))


def _ways(node: Node, place: str, flow: Flow) -> Html | None:
    voice = flow.voice
    if node.branch is not None:
        both = (("then", node.branch.then), ("otherwise", node.branch.otherwise))
        return el("div", {"class": "sides"}, [
            el("section", None, el("h3", None, voice.text(f"automations.{side}")), steps(inner, flow, f"{place}.{side}"))
            for side, inner in both
        ])  # fmt: skip
    if node.split:
        return el("div", {"class": "sides"}, [
            el("section", None, el("h3", None, f"{way.name} · {voice.rate(way.share, whole=True)}"),
               steps(way.steps, flow, f"{place}.{way.name}"))
            for way in node.split
        ])  # fmt: skip
    return None


def _fields(node: Node, place: str, flow: Flow) -> Html:
    voice = flow.voice
    at = f"{anchor(place)}-"
    if node.wait is not None:
        return _wait(node.wait, place, at, flow)
    if node.send is not None:
        return _send(node.send, voice)
    if node.branch is not None:
        wrong = flow.wrong(place)
        said = words.condition(node.branch.when, voice)
        label = voice.text("automations.if")
        return fields(field(label, "when", node.branch.when, lines=2, said=said, problems=wrong, prefix=at))
    if node.split:
        lines = "\n".join(f"{way.name} = {way.share:g}" for way in node.split)
        said = voice.text("automations.split_said")
        return fields(field(voice.text("automations.new_split"), "ways", lines, lines=3, said=said))
    lines = "\n".join(f"{name} = {value}" for name, value in node.set.items())
    return fields(field(voice.text("automations.new_set"), "values", lines, lines=3, said=voice.text("automations.set_said")))


def _wait(wait: Wait, place: str, at: str, flow: Flow) -> Html:
    voice = flow.voice
    wrong = flow.wrong(place)
    if wait.until:
        days = " ".join(str(day) for day in wait.weekdays)
        return fields(
            field(voice.text("automations.until"), "until", wait.until, problems=wrong, prefix=at),
            field(voice.text("automations.weekdays"), "weekdays", days, said=voice.text("automations.weekdays_said")),
        )
    if wait.event or wait.condition:
        name = "event" if wait.event else "condition"
        said = words.condition(wait.condition, voice) if wait.condition else ""
        label, value = voice.text(f"automations.wait_for_{name}"), str(getattr(wait, name))
        return fields(
            field(label, name, value, lines=2, said=said, problems=wrong, prefix=at),
            field(voice.text("automations.timeout"), "timeout", wait.timeout, said=voice.text("automations.span_said")),
        )
    said = voice.text("automations.span_said")
    return fields(field(voice.text("automations.span"), "span", wait.span, said=said, problems=wrong, prefix=at))


def _send(send: Send, voice: Voice) -> Html:
    flags = [("yes", voice.text("automations.yes")), ("no", voice.text("automations.no"))]
    inside = [
        choice(voice.text("automations.advertising"), "advertising", "yes" if send.advertising else "no", flags),
        field(voice.text("automations.tags"), "tags", " ".join(send.tags), said=voice.text("automations.tags_said")),
        field(voice.text("automations.cost"), "cost", f"{send.cost:g}" if send.cost else "", more={"inputmode": "decimal"}),
    ]
    if send.channel in ("webhook", "export"):
        inside.insert(0, field(voice.text(f"automations.to_{send.channel}"), "to", send.to, long=True))
    if send.channel == "email":
        inside.append(choice(voice.text("automations.resend"), "resend", "yes" if send.resend else "no", flags))
    told = send.show.words if send.channel == "onsite" and send.show is not None else send.words
    parts = [message(told, voice)] if send.channel not in ("webhook", "export") else []
    if send.channel == "onsite":
        parts.insert(0, look(send.show or Show(), voice))
    return el("div", None, parts, fields(*inside))


def _kind(node: Node) -> str:
    known = {"wait": node.wait, "send": node.send, "branch": node.branch, "split": node.split, "set": node.set}
    return next((name for name, value in known.items() if value), "exit")
