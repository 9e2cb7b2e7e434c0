"""What is wrong with a template, as a problem with its line that a page can show in either language."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, Final

from liquid.exceptions import (
    BlockNestingError,
    LiquidError,
    LoopIterationLimitError,
    ResourceLimitError,
    UnknownFilterError,
)

from afterclick.act.templating import liquid
from afterclick.act.templating.filters import FILTERS, BadValue
from afterclick.act.templating.marks import TAGS, NeverClosed, UnknownTag
from afterclick.act.templating.values import ROOTS
from afterclick.decide.rules.problem import Level, Problem

_EXCERPT: Final = 60
_NO_END: Final = re.compile(r"expected tag (\w+)|(\w+) tag was never closed")


def of_error(error: LiquidError, source: str, path: str) -> Problem:
    """The problem behind an error of parsing or rendering."""
    line = _line(error, source)
    if isinstance(error, NeverClosed):
        return _problem("never_closed", path, line, mark=str(error.message))
    if isinstance(error, UnknownTag):
        return _named("unknown_tag", path, line, str(error.message), TAGS)
    if isinstance(error, UnknownFilterError):
        return _named("unknown_filter", path, line, str(error.message).split("'")[1], FILTERS)
    if isinstance(error, BadValue):
        return _problem(f"bad_{error.why}", path, line, value=error.value)
    if isinstance(error, BlockNestingError):
        return _problem("too_deep", path, line)
    if isinstance(error, LoopIterationLimitError):
        return _problem("too_many_rounds", path, line, most=liquid.ROUNDS)
    if isinstance(error, liquid.TooSlow):
        return _problem("too_slow", path, line)
    if isinstance(error, ResourceLimitError):
        long = len(source) > liquid.SOURCE
        return _problem("too_long" if long else "too_much", path, line, most=(liquid.SOURCE if long else liquid.OUTPUT) // 1024)
    if ended := _NO_END.search(str(error.message)):
        return _problem("no_end", path, line, tag=(ended.group(1) or f"end{ended.group(2)}"))
    return _problem("unreadable", path, line, excerpt=_excerpt(source, line))


def of_names(source: str, path: str) -> Iterator[Problem]:
    """Names in a template that parses: filters there are none of, values that nobody gives."""
    found = liquid.parsed(source).analyze(include_partials=False)
    for name, places in found.filters.items():
        if name not in FILTERS:
            yield _named("unknown_filter", path, places[0].line_col(source)[0], name, FILTERS)
    for name, variables in found.globals.items():
        if name not in ROOTS:
            yield _named("unknown_value", path, variables[0].span.line_col(source)[0], name, ROOTS, level="warning")


def _problem(what: str, path: str, line: int, *, level: Level = "error", **params: Any) -> Problem:
    return Problem(level, "", path, f"templates.{what}", {"line": line, **params})


def _named(what: str, path: str, line: int, name: str, known: Any, *, level: Level = "error") -> Problem:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    near = near or [", ".join(list(known)[:8])]
    return _problem(what, path, line, level=level, name=name[:40], near=near[0])


def _line(error: LiquidError, source: str) -> int:
    index = error.token.start_index if error.token is not None else -1
    if index < 0:
        return source.count("\n") + 1 if "end" in str(error.message) else 1
    # Tokens of an expression count within the template too.
    return source.count("\n", 0, min(index, len(source))) + 1


def _excerpt(source: str, line: int) -> str:
    lines = source.splitlines()
    return lines[line - 1].strip()[:_EXCERPT] if line <= len(lines) else ""
