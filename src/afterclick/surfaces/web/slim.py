"""Styles and script as they are sent: the sources stay readable, comments and spaces that mean nothing stay at home."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from afterclick.surfaces.viz.styles import Rule, rules, selectors

_SCOPE: Final = ".ac "
# Texts in quotes stand first, so that nothing inside them is touched.
_SPACES: Final = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\s+""", re.S)
_TIGHT: Final = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')| ?([{};,]) ?|(: )""")
_SCRIPT: Final = re.compile(
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`"""  # texts
    r"""|(?:(?<=[(!,=:&|])|(?<=[(!,=:&|]\ ))/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*)"""  # patterns
    r"""|\ ?([{}(),;:=<>?&|*])\ ?""",
    re.X,
)
_STYLES: Final = re.compile(r"(?<=const CSS=`)[^`]*")
_LINE_END: Final = re.compile(r"([{;,(\[=&|?:])\n")


def css(source: str) -> str:
    """A style sheet without comments and spaces that mean nothing; neighbours under `.ac` stand in one nested rule."""
    return _sheet(rules(source))


def _sheet(found: Iterable[Rule]) -> str:
    made, nested = [], ""
    for rule in found:
        inner = _nested(rule.head)
        if inner:
            nested += f"{inner}{{{_tight(rule.body)}}}"
            continue
        made += [f".ac{{{nested}}}"] if nested else []
        nested = ""
        body = _sheet(rules(rule.body)) if rule.head.startswith(("@media", "@supports")) else _tight(rule.body)
        made.append(f"{_tight(rule.head)}{{{body}}}")
    return "".join(made) + (f".ac{{{nested}}}" if nested else "")


def _nested(head: str) -> str:
    """The selectors as they stand inside `.ac { }`: `.ac .card, .ac:lang(ko) h2` is `.card,&:lang(ko) h2`."""
    if head.startswith("@"):
        return ""
    found = selectors(head)
    if all(each.startswith(_SCOPE) for each in found):
        return ",".join(_tight(each.removeprefix(_SCOPE)) for each in found)
    return ""


def _tight(text: str) -> str:
    spaced = _SPACES.sub(lambda found: found[1] or " ", text)
    tight = _TIGHT.sub(lambda found: found[1] or found[2] or ":", spaced)
    return tight.replace(";}", "}").strip(" ;")


def javascript(source: str) -> str:
    """A script without comments on lines of their own, indentation and spaces around signs; line ends stay but for those
    behind a sign after which no statement can end. Styles that it holds as `CSS` are tightened as well."""
    lines = (line.strip() for line in source.splitlines())
    kept = "\n".join(line for line in lines if line and not line.startswith("//"))
    tight = _LINE_END.sub(r"\1", _SCRIPT.sub(lambda found: (found[1] or "").strip() or found[2], kept))
    return _STYLES.sub(lambda found: _tight(found[0]), tight) + "\n"
