"""Fields and forms that change something: labelled, with what is wrong beside the field, working without any script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from afterclick.surfaces.viz.markup import Child, Html, Value, el

Pairs = Iterable[tuple[str, str]]


class Posting(NamedTuple):
    """Where forms go and what each of them sends along (the token against foreign forms, the language)."""

    path: str
    pairs: tuple[tuple[str, str], ...]

    def form(self, pairs: Pairs, *children: Child, css: str = "", label: str = "") -> Html:
        """A form with hidden pairs of its own."""
        hidden = [hidden_field(name, value) for name, value in (*self.pairs, *pairs)]
        return el("form", {"method": "post", "action": self.path, "class": css or None, "aria-label": label or None},
                  hidden, children)  # fmt: skip

    def button(self, pairs: Pairs, text: Child, *, css: str = "button", label: str = "") -> Html:
        """A form that is one button."""
        return self.form(pairs, el("button", {"class": css or None, "aria-label": label or None}, text), css="one")

    def asked(self, pairs: Pairs, summary: Child, question: str, text: str, *, label: str = "") -> Html:
        """A button that asks once before it does something."""
        return el(
            "details",
            {"class": "drop"},
            el("summary", {"aria-label": label or None}, summary),
            self.form(pairs, el("p", None, question), el("button", None, text)),
        )


def hidden_field(name: str, value: str) -> Html:
    """A value that is sent along unseen."""
    return el("input", {"type": "hidden", "name": name, "value": value})


def field(
    label: Child,
    name: str,
    value: str = "",
    *,
    said: str = "",
    problems: Sequence[str] = (),
    lines: int = 0,
    long: bool = False,
    prefix: str = "",
    more: Mapping[str, Value] | None = None,
) -> Html:
    """A text field; `lines` makes it one of several lines, `said` says below what the value means, `problems` what is wrong."""
    mark = f"{prefix}{name}-problem" if problems else None
    attrs: dict[str, Value] = {
        "name": name, "spellcheck": "false" if not lines else None, "autocomplete": "off",
        "aria-invalid": "true" if problems else None, "aria-describedby": mark, **(more or {}),
    }  # fmt: skip
    box = el("textarea", {**attrs, "rows": lines}, value) if lines else el("input", {**attrs, "value": value})
    return el(
        "label",
        {"class": "long" if long or lines else None},
        el("span", None, label),
        box,
        el("small", {"class": "said"}, said) if said else None,
        el("small", {"class": "wrong", "id": mark}, " ".join(problems)) if problems else None,
    )


def choice(label: Child, name: str, value: str, choices: Iterable[tuple[str, str]]) -> Html:
    """A list to choose one of; a value that is none of them stands first."""
    known = list(choices)
    if value not in {each for each, _ in known}:
        known.insert(0, (value, value))
    options = [el("option", {"value": each, "selected": each == value}, text) for each, text in known]
    return el("label", None, el("span", None, label), el("select", {"name": name}, options))


def fields(*children: Child, legend: Child = None) -> Html:
    """Fields side by side where there is room, under a legend."""
    inner = el("div", {"class": "fields"}, children)
    return el("fieldset", None, el("legend", None, legend), inner) if legend else inner
