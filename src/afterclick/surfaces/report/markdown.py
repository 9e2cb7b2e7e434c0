"""Markdown as people write it in a report: headings, paragraphs, lists, quotes, bold, emphasis, code and links.

What is written becomes text through the one escaping builder; raw HTML is shown as it was typed, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from afterclick.surfaces.viz.markup import Child, Html, el, join

_HEADING: Final = re.compile(r"(#{1,4})\s+(.+?)\s*#*$")
_ITEM: Final = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+(.*)")
_RULE: Final = re.compile(r"\s*([-*_])(\s*\1){2,}\s*$")
_FENCE: Final = "```"
_INLINE: Final = re.compile(
    r"\\(?P<escaped>[\\`*_\[\]()#+.!>-])"
    r"|`(?P<code>[^`]+)`"
    r"|\*\*(?P<bold>[^\s*](?:[^*]*[^\s*])?)\*\*"
    r"|(?<!\w)__(?P<bold_>[^\s_](?:[^_]*[^\s_])?)__(?!\w)"
    r"|\*(?P<em>[^\s*](?:[^*]*[^\s*])?)\*"
    r"|(?<!\w)_(?P<em_>[^\s_](?:[^_]*[^\s_])?)_(?!\w)"
    r"|\[(?P<label>[^\[\]]+)\]\((?P<target>[^()\s]+(?:\([^()\s]*\)[^()\s]*)?)\)"
)
_SAFE: Final = re.compile(r"(?:https?://|mailto:|#)", re.I)
_TOP: Final = 3


def markdown(text: str, top: int = _TOP) -> Html:
    """The text as elements; a `#` heading becomes `h<top>`. Links lead to http, https, mailto and `#` only."""
    return join(_blocks(text.replace("\t", "    ").splitlines(), top))


def _blocks(lines: list[str], top: int) -> Iterator[Html]:
    at = 0
    while at < len(lines):
        line = lines[at]
        heading = _HEADING.match(line)
        if not line.strip():
            at += 1
        elif line.startswith(_FENCE):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith(_FENCE)), len(lines))
            yield el("pre", {"tabindex": 0}, el("code", None, "\n".join(lines[at + 1 : end])))
            at = end + 1
        elif heading:
            yield el(f"h{min(6, top + len(heading[1]) - 1)}", None, inline(heading[2]))
            at += 1
        elif _RULE.match(line):
            yield el("hr")
            at += 1
        else:
            end = _end(lines, at)
            yield _run(lines[at:end], top)
            at = end


def _end(lines: list[str], start: int) -> int:
    """Where a paragraph, list or quote ends: at an empty line, or where another kind of block begins."""
    kind = _kind(lines[start])
    for i in range(start + 1, len(lines)):
        line = lines[i]
        if not line.strip() or line.startswith(_FENCE) or _HEADING.match(line) or _RULE.match(line):
            return i
        if kind == "text" and _kind(line) != "text":
            return i
        if kind == "quote" and _kind(line) == "item":
            return i
    return len(lines)


def _kind(line: str) -> str:
    return "item" if _ITEM.match(line) else "quote" if line.lstrip().startswith(">") else "text"


def _run(lines: list[str], top: int) -> Html:
    kind = _kind(lines[0])
    if kind == "quote":
        inner = [re.sub(r"^\s*>\s?", "", line) for line in lines]
        return el("blockquote", None, join(_blocks(inner, top)))
    return _list(lines) if kind == "item" else el("p", None, _lines(lines))


def _list(lines: list[str]) -> Html:
    """A list of items; lines that stand further in than the first item belong to the item before them."""
    first = _ITEM.match(lines[0])
    assert first is not None
    margin, ordered = len(first[1]), first[2][0].isdigit()
    items: list[list[str]] = []
    for line in lines:
        found = _ITEM.match(line)
        if found and len(found[1]) <= margin:
            items.append([found[3]])
        else:
            items[-1].append(line[margin:])
    return el("ol" if ordered else "ul", None, [el("li", None, _item(item)) for item in items])


def _item(lines: list[str]) -> list[Child]:
    deeper = next((i for i, line in enumerate(lines[1:], 1) if _ITEM.match(line)), len(lines))
    inner = [_list(lines[deeper:])] if deeper < len(lines) else []
    return [_lines(lines[:deeper]), *inner]


def _lines(lines: list[str]) -> list[Child]:
    """Lines of one paragraph; two spaces at the end of a line break it."""
    parts: list[Child] = []
    for i, line in enumerate(lines):
        parts.append(inline(line.strip()))
        if i + 1 < len(lines):
            parts.append(el("br") if line.endswith("  ") else " ")
    return parts


def inline(text: str) -> Html:
    """One line: bold, emphasis, code, links and escaped signs."""
    parts: list[Child] = []
    at = 0
    for found in _INLINE.finditer(text):
        parts += [text[at : found.start()], _marked(found)]
        at = found.end()
    return join([*parts, text[at:]])


def _marked(found: re.Match[str]) -> Child:
    group = found.groupdict()
    if group["escaped"] is not None:
        return group["escaped"]
    if group["code"] is not None:
        return el("code", None, group["code"])
    bold, em = group["bold"] or group["bold_"], group["em"] or group["em_"]
    if bold is not None:
        return el("strong", None, inline(bold))
    if em is not None:
        return el("em", None, inline(em))
    # A target that could run something stays what was typed.
    if not _SAFE.match(group["target"]):
        return found[0]
    return el("a", {"href": group["target"], "rel": "noreferrer"}, inline(group["label"]))
