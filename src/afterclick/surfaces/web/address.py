"""The URL as the whole state of a page: read with notices instead of failures, written with the defaults left out."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from afterclick.core.condition_tree import quoted
from afterclick.core.errors import SpecError
from afterclick.core.said import Spoken
from afterclick.core.spec import Field, Spec

Pairs = list[tuple[str, str]]

LOOKS: Final = {"lang": ("en", "ko"), "theme": ("light", "dark", "auto"), "view": ("chart", "table")}
_PASSING: Final = ("people", "page", "card", "wait", "token")
_FORM: Final = (
    "from", "to", "compare_from", "compare_to", "filter_field", "filter_op", "filter_value", "filter_text",
    "edit",
)  # fmt: skip
MOST_PAIRS: Final = 200
_LONGEST: Final = 120


def moved(pairs: Pairs, command: str) -> Pairs:
    """The pairs with one value of a repeated field moved up, down or dropped: `steps:up:2`; anything else changes none."""
    name, _, rest = command.partition(":")
    what, _, place = rest.partition(":")
    values = [value for key, value in pairs if key == name]
    at = int(place) if place.isdecimal() and len(place) < 6 else -1
    if what not in ("up", "down", "drop") or not 0 <= at < len(values):
        return pairs
    value = values.pop(at)
    if what != "drop":
        values.insert(max(0, at - 1) if what == "up" else at + 1, value)
    return [pair for pair in pairs if pair[0] != name] + [(name, each) for each in values]


class Notice(msgspec.Struct, frozen=True):
    """A parameter that was not taken: its name, the value given (None = the name is unknown), what would do."""

    name: str
    value: str | None
    hint: Spoken = ""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A page's question and how it is looked at. `looks` holds only what the URL says; cookies come after it.

    `inner` names the field whose value stands in the path, `missing` the required fields nobody has given yet: they
    are left out of every address until someone does, `own` the page's own parameters of view with their values, of
    which the first is the default.
    """

    path: str
    spec: Spec
    inner: str = ""
    missing: frozenset[str] = frozenset()
    looks: dict[str, str] = {}
    own: Mapping[str, tuple[str, ...]] = {}
    people: str = ""
    page: int = 1
    card: str = ""
    wait: bool = False
    notices: tuple[Notice, ...] = ()

    def pairs(self, *, looks: bool = True) -> Pairs:
        """The canonical parameters that change what is shown: question first, then looks."""
        asked = [pair for pair in _asked(self.spec) if pair[0] not in self.missing]
        return asked + ([(name, self.looks[name]) for name in (*LOOKS, *self.own) if name in self.looks] if looks else [])

    def href(self, changes: Mapping[str, str | tuple[str, ...] | None] | None = None, *, path: str = "") -> str:
        """The address with some parameters changed: a text or texts set, None takes one away; defaults fall out."""
        pairs = [(name, text) for name, text in self.pairs() if not changes or name not in changes]
        fields = _fields(type(self.spec))
        for name, given in (changes or {}).items():
            texts = [] if given is None else [given] if isinstance(given, str) else list(given)
            field = fields.get(name)
            if field is not None and not field.many and texts == [_text(field.default)]:
                continue
            if (name, *texts) in (("view", "chart"), ("page", "1")) or texts == list(self.own.get(name, ())[:1]):
                continue
            pairs += [(name, text) for text in texts]
        step = next((text for name, text in pairs if name == self.inner), "") if not path else ""
        inside = "" if step in ("", ".", "..") else "/" + quote(step, safe="")
        if inside:
            pairs = [pair for pair in pairs if pair[0] != self.inner]
        ordered = sorted(pairs, key=lambda pair: _order(pair[0], [*fields, *self.own]))
        query = urlencode(ordered)
        return (path or self.path) + inside + (f"?{query}" if query else "")


def read(
    path: str,
    kind: type[Spec],
    pairs: Iterable[tuple[str, str]],
    *,
    start: Spec | None = None,
    inner: str = "",
    own: Mapping[str, tuple[str, ...]] | None = None,
) -> Address:
    """The address of a page; what cannot be meant is left out and named in `notices`.

    `start` gives the required fields that the pairs lack.
    """
    known = _fields(kind)
    choices = {**LOOKS, **(own or {})}
    asked: Pairs = []
    looks: dict[str, str] = {}
    passing: dict[str, str] = {}
    notices: list[Notice] = []
    for name, value in list(pairs)[:MOST_PAIRS]:
        if name in known:
            problem = _problem(kind, [(name, value)], start)
            if problem is None:
                asked = [pair for pair in asked if pair[0] != name or _many(kind, name)] + [(name, value)]
            else:
                notices.append(Notice(name, value[:_LONGEST], problem.advice))
        elif name in choices:
            if value in choices[name]:
                looks[name] = value
            else:
                notices.append(Notice(name, value[:_LONGEST], ", ".join(choices[name])))
        elif name in _PASSING:
            passing[name] = value
        elif name not in _FORM:
            notices.append(Notice(name[:_LONGEST], None))
    for name, values in (("view", LOOKS["view"]), *(own or {}).items()):
        if looks.get(name) == values[0]:
            del looks[name]
    spec, missing, further = _whole(kind, asked, start)
    page = passing.get("page", "1")
    numbered = re.fullmatch(r"[1-9]\d{0,8}", page)
    if not numbered:
        notices.append(Notice("page", page[:_LONGEST]))
    return Address(
        path=path,
        spec=spec,
        inner=inner,
        missing=missing,
        looks=looks,
        own=own or {},
        people=passing.get("people", ""),
        page=int(page) if numbered else 1,
        card=passing.get("card", ""),
        wait=passing.get("wait", "") in ("1", "true", "on"),
        notices=tuple(notices + further),
    )


def from_form(pairs: Pairs) -> Pairs | None:
    """The same parameters with what a form sent put into place (dates, a filter); None where there was none."""
    form = {name: value.strip() for name, value in pairs if name in _FORM}
    empty = any(not value for name, value in pairs if name not in _FORM)
    if not form and not empty:
        return None
    kept = [(name, value) for name, value in moved(pairs, form.get("edit", "")) if name not in _FORM and value]
    for first, last, name in (("from", "to", "range"), ("compare_from", "compare_to", "compare")):
        if form.get(first) and form.get(last):
            kept = [pair for pair in kept if pair[0] != name] + [(name, f"{form[first]}..{form[last]}")]
    if form.get("filter_text"):
        kept.append(("where", form["filter_text"]))
    elif form.get("filter_field") and form.get("filter_value"):
        kept.append(("where", _condition(form)))
    return kept


def _condition(form: Mapping[str, str]) -> str:
    field, value = form["filter_field"], form["filter_value"]
    operation = form.get("filter_op", "is")
    if operation in ("contains", "starts"):
        return f"{field}.{'contains' if operation == 'contains' else 'startsWith'}({quoted(value)})"
    literal = value if re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", value) and field in _NUMBERS else quoted(value)
    return f"{field} {'!=' if operation == 'is_not' else '=='} {literal}"


_NUMBERS: Final = frozenset({"amount", "revenue", "session.pages", "visitor.sessions", "basket.value"})


def _whole(kind: type[Spec], asked: Pairs, start: Spec | None) -> tuple[Spec, frozenset[str], list[Notice]]:
    """The question of all parameters together; those it cannot hold together are left out, one after the other."""
    notices: list[Notice] = []
    while True:
        missing = _missing(kind, asked)
        try:
            return kind.from_texts(asked + _given(start, missing)), missing, notices
        except SpecError as error:
            bad = [pair for pair in asked if pair[0] == error.path] or asked
            if not bad:
                raise
            notices += [Notice(name, value[:_LONGEST], error.advice) for name, value in bad]
            asked = [pair for pair in asked if pair not in bad]


def _missing(kind: type[Spec], asked: Pairs) -> frozenset[str]:
    return frozenset(name for name, field in _fields(kind).items() if field.required) - {name for name, _ in asked}


def _given(start: Spec | None, names: frozenset[str]) -> Pairs:
    return [pair for pair in _asked(start) if pair[0] in names] if start is not None else []


def _problem(kind: type[Spec], pairs: Pairs, start: Spec | None) -> SpecError | None:
    """Why a parameter cannot be taken, the other fields being at their defaults."""
    name = pairs[0][0]
    if _fields(kind)[name].required:
        # Such a field may need several values (a funnel two steps), so it is judged as a whole.
        return None
    try:
        kind.from_texts(pairs + _given(start, _missing(kind, pairs)))
    except SpecError as error:
        return error if error.path in ("", name) else None
    return None


def _many(kind: type[Spec], name: str) -> bool:
    return _fields(kind)[name].many


@functools.cache
def _fields(kind: type[Spec]) -> dict[str, Field]:
    return {field.name: field for field in kind.fields()}


@functools.lru_cache(256)
def _pairs_of(spec: Spec) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, text)
        for name, value in spec.changed().items()
        for text in (_texts(value) if isinstance(value, tuple) else [_text(value)])
    )


def _asked(spec: Spec) -> Pairs:
    # A page writes a hundred addresses of one question.
    return list(_pairs_of(spec))


def _order(name: str, fields: list[str]) -> int:
    order = [*fields, *LOOKS, *_PASSING]
    return order.index(name) if name in order else len(order)


def _texts(values: Iterable[Any]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
