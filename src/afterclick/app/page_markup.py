"""The HTML of a message as a shop's page may show it: cleaned once more, and as a tree that needs no parser there."""

from __future__ import annotations

import re
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any, Final

import nh3

Node = str | list[Any]
"""A text, or [tag, {attribute: value}, node ...]."""

TAGS: Final = {
    "a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "hr", "i", "img", "li", "ol", "p", "s", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_VOID: Final = frozenset(("br", "hr", "img"))
_ATTRIBUTES: Final = {
    "a": {"href", "title"}, "img": {"alt", "src", "width", "height"}, "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"}, "*": {"dir", "lang", "style"},
}  # fmt: skip
_STYLES: Final = {
    "background-color", "border-radius", "color", "font-size", "font-style", "font-weight", "line-height", "margin",
    "max-width", "padding", "text-align", "text-decoration",
}  # fmt: skip
_WHOLE: Final = re.compile(r"https://[^/\\\s@][^\s\\]{0,2047}", re.I)
_NEAR: Final = re.compile(r"(?:[/?#]|\.{1,2}/)(?![/\\])[^\s\\]{0,2047}")


def is_safe(address: str) -> bool:
    """Does a link lead to a page over https, or to one of the shop's own?"""
    return address.isprintable() and bool(_WHOLE.fullmatch(address) or _NEAR.fullmatch(address))


@lru_cache(maxsize=512)
def clean(fragment: str) -> str:
    """HTML of which nothing runs, and that links to https and to the shop itself alone."""
    return nh3.clean(
        fragment, tags=TAGS, attributes=_ATTRIBUTES, url_schemes={"https"}, attribute_filter=_attribute,
        filter_style_properties=_STYLES, link_rel="noopener noreferrer",
    )  # fmt: skip


@lru_cache(maxsize=512)
def tree(fragment: str) -> list[Node]:
    """A cleaned fragment as nodes; the caller changes nothing in them."""
    reader = _Reader()
    reader.feed(clean(fragment))
    reader.close()
    return reader.root


def _attribute(_tag: str, name: str, value: str) -> str | None:
    return None if name in ("href", "src") and not is_safe(value) else value


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: list[Node] = []
        self._open: list[list[Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value and name != "rel"}
        node: list[Any] = [tag, given]
        self._add(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        # What nh3 writes is nested as it should be.
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, node: Node) -> None:
        (self._open[-1] if self._open else self.root).append(node)
