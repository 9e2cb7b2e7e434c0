"""What a view needs besides its Result: a language, a currency, a zone, and where a number leads when it is clicked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from afterclick.core import i18n
from afterclick.core.spans import SECOND, micros
from afterclick.surfaces.viz.markup import Child, Html, el

_MISSING: Final = ("", "(none)")
_WORDS: Final = {"device_type": "map.device"}


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """Says texts, numbers and dates in one language.

    `people` gives the address of the visitors behind a cell, `go` the address of the same page with other
    parameters, `to` the address of another page (name, fields) in the same scope ("" where there is no such page),
    `acts` what the click menu offers for a cell, as data attributes; without them (notebook, report) the same text
    stands there without a link. `looks` are the page's own parameters of view. `automate` gives for a
    recommended action the button that drafts an automation of it, None where nothing of it can be done by itself.
    `prefix` keeps the ids of two drawings on one page apart.
    """

    lang: str = "en"
    currency: str = ""
    zone: str = "UTC"
    prefix: str = "ac"
    people: Callable[[str], str] | None = None
    go: Callable[[Mapping[str, str | tuple[str, ...] | None]], str] | None = None
    to: Callable[[str, Mapping[str, Any]], str] | None = None
    acts: Callable[[str, str], Mapping[str, str]] | None = None
    explain: Callable[[str, Sequence[str]], None] | None = None
    looks: Mapping[str, str] = {}
    automate: Callable[[str], Html | None] | None = None

    def text(self, name: str, /, **params: Any) -> str:
        """A text of the catalogue."""
        return i18n.text(self.lang, name, currency=self.currency, zone=self.zone, **params)

    def known(self, name: str) -> str | None:
        """A text of the catalogue without parameters, where there is one."""
        return i18n.find(self.lang, name)

    def name(self, kind: str, value: str) -> str:
        """The catalogue's word for a known value (`channel`, `paid_search`); any other value as it came."""
        found = (
            self.known(f"{_WORDS.get(kind, kind)}.{value}") if value not in _MISSING else self.text("map.none_given")
        )
        return found[:1].upper() + found[1:] if found else value

    def word(self, kind: str, value: str) -> str:
        """The same inside a sentence, where no word begins with a capital."""
        if value in _MISSING:
            return self.text("map.none_given")
        return self.known(f"{_WORDS.get(kind, kind)}.{value}") or value

    def stage(self, name: str) -> str:
        """A stage's name: the four of the default in the page's language, any other as it was written."""
        return (self.known(f"stage.{name.lower()}") if "." not in name else None) or name

    def number(self, value: float | None) -> str:
        """`182,340`."""
        return i18n.number(value, self.lang)

    def short(self, value: float | None) -> str:
        """`182.3K`, `18.2만`."""
        return i18n.number(value, self.lang, compact=True)

    def decimal(self, value: float | None) -> str:
        """One decimal: `2.1`."""
        return i18n.number(value, self.lang, digits=1)

    def factor(self, value: float) -> str:
        """`×1.064`."""
        return "×" + i18n.number(value, self.lang, digits=3)

    def money(self, value: Decimal | None) -> str:
        """An amount in major units, compact: `₩413M`, `4.1억원`."""
        return i18n.money(value, self.currency, self.lang, compact=True)

    def money_full(self, value: Decimal | None) -> str:
        """An amount in major units in full: `₩412,781,320`."""
        return i18n.money(value, self.currency, self.lang)

    def rate(self, value: float | None, *, whole: bool = False) -> str:
        """`2.10%`; `whole` rounds to percents where space is short and something is left of it."""
        if whole and value is not None and value >= 0.01:
            return i18n.number(round(value * 100), self.lang) + "%"
        return i18n.rate(value, self.lang)

    def points(self, difference: float) -> str:
        """`+0.50 pt`."""
        return i18n.points(difference, self.lang)

    def change(self, ratio: float) -> str:
        """`+6.4%` of .064."""
        return i18n.percent_change(ratio, self.lang)

    def within(self, duration: str) -> str:
        """`14 d` of a duration text such as `14d`."""
        return i18n.duration(micros(duration), self.lang)

    def span(self, seconds: float | None) -> str:
        """`19 h` of seconds."""
        return i18n.duration(None if seconds is None else seconds * SECOND, self.lang)

    def day(self, value: dt.date | None, *, year: bool = False) -> str:
        """`27 Sep`."""
        return i18n.date(value, self.lang, year, self.zone)

    def days(self, first: str, last: str) -> str:
        """`31 Aug – 27 Sep` of ISO days, both included."""
        return i18n.days(first, last, self.lang)

    def instant(self, value: dt.datetime | int | str | None) -> str:
        """`27 Sep 2026, 14:03` in the site's zone; text is ISO 8601."""
        if isinstance(value, str):
            value = dt.datetime.fromisoformat(value) if value else None
        return i18n.instant(value, self.lang, self.zone)

    def mark(
        self,
        label: Child,
        cell: str | None,
        *,
        tip: str | None = None,
        css: str = "",
        before: str = "",
        where: str = "",
        name: str | None = None,
    ) -> Html:
        """A number that leads to the visitors behind it: a link where there is an address, else plain text.

        `where` is the condition that "Filter by this" adds, where the cell does not say it by itself
        (`channel=email` does); `name` reads a mark aloud that has no text of its own.
        """
        inner = [el("span", {"aria-hidden": "true"}, before) if before else None, label]
        css = css or "num"
        href = self.people(cell) if cell is not None and self.people is not None else ""
        if cell is None or not href:
            return el("span", {"class": css, "title": tip}, inner)
        more = self.acts(cell, where) if self.acts else {}
        known = {"class": css, "href": href, "title": tip, "aria-label": name, "data-people": True}
        return el("a", {**known, **more}, inner)

    def link(self, label: Child, page: str, css: str = "", **fields: Any) -> Html:
        """A link to another page in the same scope; plain text where there is no such page."""
        href = self.to(page, fields) if self.to else ""
        return el("a", {"class": css or None, "href": href}, label) if href else el("span", {"class": css or None}, label)
