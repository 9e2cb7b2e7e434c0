"""The one place where text becomes markup: everything is escaped, numbers are rounded, nothing inline is let through."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*")
# What XML and HTML parsers refuse or read differently: control characters, lone surrogates, non-characters.
_UNSAID: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
_SCHEMES: Final = ("http:", "https:", "mailto:")


class Html(str):
    """Text that is markup already; template engines that know `__html__` leave it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


Child = str | int | float | None | Iterable["Child"]
Value = str | int | float | bool | None


def text(value: object) -> Html:
    """Anything as escaped text; characters no document may hold become U+FFFD."""
    if isinstance(value, Html):
        return value
    return Html(escape(_UNSAID.sub("�", str(value)), quote=True))


def number(value: float) -> str:
    """A coordinate: at most two decimals, never NaN, infinite or in exponents."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no coordinate")
    rounded = round(value, 2)
    return str(int(rounded)) if rounded == int(rounded) else f"{rounded:.2f}".rstrip("0")


def el(name: str, attrs: Mapping[str, Value] | None = None, *children: Child) -> Html:
    """One element. Attributes that are None or False are left out, True stands bare.

    Raises ValueError for `style`, event handlers and links to a scheme that could run script: the page's policy
    would block them, a notebook's or a file's might not.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no element")
    parts = [f"<{name}"]
    for key, value in (attrs or {}).items():
        if not NAME.fullmatch(key) or key == "style" or key.startswith("on"):
            raise ValueError(f"the attribute {key!r} is not written")
        if value is None or value is False:
            continue
        if key in ("href", "src", "action"):
            _check_target(str(value))
        if value is True:
            parts.append(f" {key}")
        else:
            shown = number(value) if isinstance(value, float) else value
            parts.append(f' {key}="{text(shown)}"')
    parts.append(">")
    if name not in _VOID:
        parts.append(join(children))
        parts.append(f"</{name}>")
    return Html("".join(parts))


def join(children: Iterable[Child]) -> Html:
    """Children one after the other: strings escaped, markup as it is, None left out, lists flattened."""
    return Html("".join(_flat(child) for child in children))


def _flat(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, str | int):
        return text(child)
    if isinstance(child, float):
        return number(child)
    return join(child)


def _check_target(target: str) -> None:
    plain = re.sub(r"[\x00-\x20]", "", target).lower()
    if re.match(r"[a-z][a-z0-9+.-]*:", plain) and not plain.startswith(_SCHEMES):
        raise ValueError("a link may lead to http, https and mailto only")


def said(value: object, css: str = "") -> Html:
    """A name that strangers gave (event, path, channel): isolated, so that right-to-left marks end with it."""
    return el("bdi", {"class": css or None}, _short(str(value)))


def _short(value: str, limit: int = 200) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"


def path(*steps: str | float) -> str:
    """Path data out of letters and coordinates: `path("M", 0, 0, "H", 10)`."""
    return " ".join(step if isinstance(step, str) else number(step) for step in steps)
