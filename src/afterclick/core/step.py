"""One step of a funnel, or one event of a question, in one text: `Order Completed[revenue >= 20000]?`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import msgspec

from afterclick.core import condition as conditions
from afterclick.core.condition import Condition
from afterclick.core.errors import SpecError
from afterclick.core.said import Said, Spoken

ANY_EVENT: Final = "*"
"""The event name that stands for every event."""

NAME_LIMIT: Final = 1_000

_SPECIAL: Final = frozenset("[]?!\\")
_SUFFIXES: Final = "?!"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """An event name and what the event must be like; raises SpecError for a name that is empty or too long.

    `optional` (suffix `?`): the step is counted but blocks nothing. `anchored` (suffix `!`): in a funnel of
    any order it comes after all steps listed before it. In the text, `[ ] ? ! \\` of a name and spaces at its
    ends stand behind a backslash; the name `*` is any event.
    """

    event: str
    condition: Condition | None = None
    optional: bool = False
    anchored: bool = False

    def __post_init__(self) -> None:
        if not self.event or self.event.isspace():
            raise _error(
                Said("refusals.step_without_event"), Said("refusals.write_event")
            )
        if len(self.event) > NAME_LIMIT:
            raise _error(
                Said("refusals.event_too_long", n=len(self.event)), Said("refusals.use_at_most", name_limit=NAME_LIMIT)
            )
        if _SURROGATE.search(self.event):
            raise _error(Said("refusals.event_half_character"), Said("refusals.use_whole_characters"))
        if self.optional and self.anchored:
            raise _error(Said("refusals.optional_and_anchored"), Said("refusals.keep_one_suffix"))

    @classmethod
    def parse(cls, text: str, *, fields: Collection[str] | None = None, path: str = "steps") -> Step:
        """Read a step. Raises SpecError with what is wrong, where, and how it would be written.

        `fields` are the names a condition may use; `path` is the field of the question the text stands in.
        """
        if not isinstance(text, str):
            raise _error(Said("refusals.step_is_text", kind=type(text).__name__), Said("refusals.write_step"), path)
        name, end = _read_name(text, path)
        rest = text[end:].strip()
        suffix = rest[-1] if rest and rest[-1] in _SUFFIXES else ""
        bracketed = rest.removesuffix(suffix).rstrip() if suffix else rest
        found = None
        if bracketed:
            if bracketed[-1] in _SUFFIXES:
                raise _error(Said("refusals.two_suffixes", text=_short(text)), Said("refusals.keep_one_suffix"), path)
            if len(bracketed) < 2 or not bracketed.startswith("[") or not bracketed.endswith("]"):
                raise _error(
                    Said("refusals.step_not_closed", text=_short(text)),
                    Said("refusals.close_step"),
                    path,
                )
            inner = text.index("[", end) + 1
            found = conditions.parse(bracketed[1:-1], fields=fields, path=path, offset=inner)
        try:
            return cls(event=name, condition=found, optional=suffix == "?", anchored=suffix == "!")
        except SpecError as error:
            raise _error(error.said, error.advice, path) from None

    def text(self) -> str:
        """The canonical text; `Step.parse(text)` gives an equal step."""
        inner = f"[{self.condition.text()}]" if self.condition else ""
        return _escaped(self.event) + inner + ("?" if self.optional else "!" if self.anchored else "")

    @property
    def fields(self) -> frozenset[str]:
        """The fields its condition asks for."""
        return self.condition.fields if self.condition else frozenset()

    def __str__(self) -> str:
        return self.text()


def _read_name(text: str, path: str) -> tuple[str, int]:
    """The event name and the position behind it: a `[`, a suffix, or the end."""
    chars: list[str] = []
    kept = 0  # characters that an escape protects from being stripped
    i = len(text) - len(text.lstrip())
    while i < len(text) and text[i] not in "[?!":
        if text[i] == "]":
            raise _error(Said("refusals.lone_close", n=i + 1), Said("refusals.escape_close"), path)
        if text[i] == "\\":
            i += 1
            if i == len(text) or not (text[i] in _SPECIAL or text[i].isspace()):
                raise _error(Said("refusals.lone_backslash", i=i), Said("refusals.escape_backslash"), path)
            kept = len(chars) + 1
        chars.append(text[i])
        i += 1
    while len(chars) > kept and chars[-1].isspace():
        chars.pop()
    if i < len(text) and text[i] in _SUFFIXES and text[i + 1 :].strip():
        raise _error(
            Said("refusals.sign_inside", text=text[i], n=i + 1),
            Said("refusals.escape_sign", text=text[i]),
            path,
        )
    return "".join(chars), i


def _escaped(name: str) -> str:
    inner = name.strip()
    start = name.index(inner)
    body = "".join("\\" + char if char in _SPECIAL else char for char in inner)
    before, after = name[:start], name[start + len(inner) :]
    return "".join("\\" + char for char in before) + body + "".join("\\" + char for char in after)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _error(message: Spoken, hint: Spoken, path: str = "steps") -> SpecError:
    return SpecError(message, hint=hint, path=path, code="bad_step")
