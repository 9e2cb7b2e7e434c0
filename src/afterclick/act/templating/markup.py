"""The HTML of messages: made out of plain text, or cleaned where somebody wrote HTML, and turned into text again."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

import nh3

_TAGS: Final = {
    "a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "hr", "i", "img", "li", "ol", "p", "s", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_SIZES: Final = {"width", "height", "alt", "src"}
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": _SIZES,
    "td": {"align", "colspan", "rowspan", "valign"},
    "th": {"align", "colspan", "rowspan", "scope", "valign"},
    "*": {"dir", "lang", "style"},
}
_STYLES: Final = {
    "background-color", "border-radius", "color", "font-size", "font-style", "font-weight", "line-height", "margin",
    "max-width", "padding", "text-align", "text-decoration", "width",
}  # fmt: skip
_SCHEMES: Final = {"http", "https", "mailto", "tel"}
_MARKED: Final = re.compile(rf"</?(?:{'|'.join(sorted(_TAGS))})(?:\s[^<>]{{0,1000}})?/?>", re.IGNORECASE)
_LINK: Final = re.compile(r"https?://[^\s<>\"']{1,2000}")
_BLOCKS: Final = frozenset(("p", "div", "h1", "h2", "h3", "li", "tr", "table", "ul", "ol", "blockquote", "hr"))
_SENTENCE_END: Final = ".,;:!?)]"


def is_html(source: str) -> bool:
    """Did somebody write HTML, and not plain text?"""
    return _MARKED.search(source) is not None


def clean(source: str) -> str:
    """HTML without anything that runs, loads or leads elsewhere than to a page, an address or a number."""
    return nh3.clean(
        source, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=None, filter_style_properties=_STYLES
    )


def of_text(text: str) -> str:
    """Plain text as HTML: paragraphs at empty lines, lines kept, addresses of pages as links."""
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").strip()) if part.strip()]
    return "\n".join(f"<p>{'<br>'.join(map(linked, part.strip().splitlines()))}</p>" for part in paragraphs)


def to_text(fragment: str) -> str:
    """A fragment of HTML as a plain-text message shows it: links with their addresses, one line per block."""
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def linked(line: str) -> str:
    """A line of plain text as HTML, addresses of pages as links."""
    return "".join(_pieces(line))


def _pieces(line: str) -> Iterator[str]:
    place = 0
    for found in _LINK.finditer(line):
        url = found.group().rstrip(_SENTENCE_END)
        yield html.escape(line[place : found.start()])
        yield f'<a href="{html.escape(url)}">{html.escape(url)}</a>'
        place = found.start() + len(url)
    yield html.escape(line[place:])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag != "tr" else "\n")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self.parts)))
        elif tag == "img":
            self.parts.append(given.get("alt") or "")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            href, begun = self._links.pop()
            shown = "".join(self.parts[begun:]).strip()
            if href and href not in (shown, f"mailto:{shown}", f"tel:{shown}"):
                self.parts.append(f" ({href})" if shown else href)
        elif tag in _BLOCKS and tag not in ("li", "tr", "hr"):
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        # A line break of the source is a space of the page.
        self.parts.append(re.sub(r"\s+", " ", data))
