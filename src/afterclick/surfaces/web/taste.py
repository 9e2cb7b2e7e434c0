"""How a reader wants it: language and theme out of address or form, cookie and browser, in this order."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from afterclick.core import i18n
from afterclick.surfaces.web.address import LOOKS, Address

COOKIE: Final = "afterclick_taste"
_YEAR: Final = 31_536_000


class Taste(msgspec.Struct, frozen=True):
    """The language and the theme of one answer."""

    lang: str
    theme: str

    @classmethod
    def of(cls, request: Request, address: Address | None = None) -> Taste:
        """What holds for this request."""
        looks = address.looks if address else {}
        stored = dict(zip(("lang", "theme"), request.cookies.get(COOKIE, "").split("."), strict=False))
        lang = looks.get("lang") or _of_form(request) or _one_of("lang", stored)
        return cls(
            lang or accepted(request.headers.get("accept-language", "")),
            looks.get("theme") or _one_of("theme", stored) or "auto",
        )

    def keep(self, answer: Response, address: Address) -> None:
        """What the address said is remembered for the next one."""
        if "lang" in address.looks or "theme" in address.looks:
            answer.set_cookie(COOKIE, f"{self.lang}.{self.theme}", max_age=_YEAR, httponly=True, samesite="lax")


def _of_form(request: Request) -> str:
    """The language of the page whose form this request sends, where it was read."""
    lang = getattr(request.state, "lang", "")
    return lang if lang in LOOKS["lang"] else ""


def _one_of(name: str, stored: dict[str, str]) -> str:
    value = stored.get(name, "")
    return value if value in LOOKS[name] else ""


def accepted(header: str) -> str:
    """The first language of the catalogue by the browser's wishes (RFC 9110, 12.5.4), else English."""
    wishes = []
    for i, part in enumerate(header[:500].split(",")):
        tag, _, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=")
        value = float(weight) if weight.replace(".", "", 1).isdecimal() else 1.0 if not rest else 0.0
        wishes.append((-value, i, tag.strip().lower().partition("-")[0]))
    known = i18n.languages()
    return next((lang for weight, _, lang in sorted(wishes) if lang in known and weight < 0), known[0])
