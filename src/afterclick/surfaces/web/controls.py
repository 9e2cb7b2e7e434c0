"""The controls of a page: range, comparison, breakdown, what is counted, filters, looks; each a menu of plain links."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from afterclick.analyse.question import SEGMENT
from afterclick.core import clock, condition, i18n, spans
from afterclick.core.errors import AfterclickError
from afterclick.core.spec import Field
from afterclick.surfaces.viz.foot import days
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.marks import FIELDS
from afterclick.surfaces.web.taste import Taste

RANGES: Final = {
    "today": "d",
    "yesterday": "e",
    "7d": "w",
    "28d": "f",
    "30d": "t",
    "91d": "n",
    "mtd": "m",
    "last-month": "p",
    "ytd": "y",
    "12mo": "l",
    "all": "a",
}
"""The ranges of the menu with their keys."""
_MOST_SEGMENTS: Final = 30
CHOICES: Final = {"bots": ("out", "in"), "identity": ("stitched", "raw")}

Item = dict[str, Any]


def capital(text: str) -> str:
    """The text as the first words of a label."""
    return text[:1].upper() + text[1:]


def ranges(address: Address, info: Mapping[str, Any], voice: Voice) -> Item:
    """The ranges, own dates, and the same number of days before and after."""
    now = str(getattr(address.spec, "range", ""))
    items = [
        {
            "text": capital(voice.text(f"range.{name}")),
            "href": address.href({"range": name}),
            "key": key,
            "here": name == now,
        }
        for name, key in RANGES.items()
    ]
    said = voice.known(f"range.{now}") or (days(now, voice) if ".." in now else "")
    if not said:
        said = voice.text("range.days", n=int(now.removesuffix("d")))
    first, _, last = now.partition("..")
    return {
        "text": capital(said),
        "items": items,
        "from": first if last else "",
        "to": last,
        "hidden": _hidden(address, "range"),
        "most": str(info.get("last_at") or "")[:10],
        "steps": [
            {"text": voice.text(f"frame.{name}"), "href": address.href({"range": text}), "key": key}
            for name, key, by in (("earlier", "arrowleft", -1), ("later", "arrowright", 1))
            if (text := _moved(now, by, info))
        ],
    }


def _moved(now: str, by: int, info: Mapping[str, Any]) -> str:
    """The range as many days earlier or later; whole months stay months; nothing where no event can be."""
    last_at, zone = info.get("last_at"), ZoneInfo(str(info.get("timezone") or "UTC"))
    if not last_at or now == "all":
        return ""
    last = clock.from_datetime(dt.datetime.fromisoformat(str(last_at)))
    try:
        period = spans.resolve_range(now, last, last, zone)
    except AfterclickError:
        return ""
    first, until = spans.local_day(period.start, zone), spans.local_day(period.end, zone)
    if first.day == until.day == 1:
        months = (until.year - first.year) * 12 + until.month - first.month
        first, until = _month(first, by * months), _month(until, by * months)
    else:
        length = until - first
        first, until = first + by * length, until + by * length
    if by > 0 and first > spans.local_day(last, zone):
        return ""
    return f"{first}..{until - dt.timedelta(days=1)}"


def _month(day: dt.date, by: int) -> dt.date:
    count = day.year * 12 + day.month - 1 + by
    return dt.date(count // 12, count % 12 + 1, 1)


def compared(address: Address, voice: Voice) -> Item:
    """What the figures are compared with."""
    now = str(getattr(address.spec, "compare", ""))
    items = [
        {"text": capital(voice.text(f"compare.{name}")), "href": address.href({"compare": name}), "here": name == now}
        for name in ("prev", "yoy", "none")
    ]
    known = now in ("prev", "yoy", "none")
    said = voice.text(f"frame.vs_{now}") if known else voice.text("frame.vs_days", days=days(now, voice))
    first, _, last = now.partition("..")
    return {
        "text": capital(said),
        "items": items,
        "from": first if last else "",
        "to": last,
        "hidden": _hidden(address, "compare"),
        "toggle": address.href({"compare": "prev" if now == "none" else "none"}),
    }


def _hidden(address: Address, without: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in address.pairs() if name != without]


def choice(name: str, address: Address, voice: Voice) -> Item:
    """A field of scope with few values."""
    now = str(getattr(address.spec, name))
    return {
        "text": voice.text(f"frame.{name}"),
        "items": [
            {"text": voice.text(f"frame.{name}_{value}"), "href": address.href({name: value}), "here": value == now}
            for value in CHOICES[name]
        ],
        "changed": now != CHOICES[name][0],
    }


def breakdown(address: Address, voice: Voice) -> Item | None:
    """Break down by: where the question can be, by the common properties or by the ones it allows."""
    field = _field(address, "by")
    if field is None or field.required:
        return None
    now = str(getattr(address.spec, field.name))
    values = field.choices or ("", *FIELDS)
    if now not in values:
        values = (*values, now)
    items = [
        {"text": _property(value, voice), "href": address.href({field.name: value or None}), "here": value == now}
        for value in values
    ]
    said = voice.text("frame.by_now", what=_property(now, voice)) if now else voice.text("frame.by")
    return {"text": said, "items": items, "plain": items[0]["href"] if now and not field.choices else ""}


def _property(value: str, voice: Voice) -> str:
    return capital(voice.known(f"field.{value}") or value) if value else voice.text("frame.by_none")


def interval(address: Address, voice: Voice) -> Item | None:
    """Hours, days, weeks or months, where the question counts over time."""
    field = _field(address, "interval")
    if field is None or not field.choices:
        return None
    now = str(getattr(address.spec, field.name))
    items = [
        {
            "text": capital(voice.known(f"ask.interval_{value}") or value),
            "href": address.href({field.name: value}),
            "here": value == now,
        }
        for value in field.choices
    ]
    return {"text": voice.text("frame.interval"), "items": items}


def _field(address: Address, name: str) -> Field | None:
    return next((field for field in type(address.spec).fields() if field.name == name), None)


def looks(name: str, address: Address, taste: Taste, voice: Voice) -> Item:
    """The theme, or drawing against tables."""
    now = taste.theme if name == "theme" else address.looks.get(name, "chart")
    values = ("auto", "light", "dark") if name == "theme" else ("chart", "table")
    items = [
        {
            "text": capital(voice.text(f"frame.{name}_{value}")),
            "href": address.href({name: value}),
            "here": value == now,
            "key": "k" if name == "view" and value != now else "",
        }
        for value in values
    ]
    return {"text": voice.text(f"frame.{name}"), "items": items}


def languages(address: Address, taste: Taste) -> list[Item]:
    """The languages under their own names."""
    names = {"en": "English", "ko": "한국어"}
    return [
        {"text": names.get(lang, lang), "href": address.href({"lang": lang}), "here": lang == taste.lang, "lang": lang}
        for lang in i18n.languages()
    ]


def filters(address: Address, info: Mapping[str, Any], voice: Voice) -> Item:
    """The segments and conditions as removable chips, the saved segments to choose from, the form that adds a condition."""
    where: tuple[str, ...] = getattr(address.spec, "where", ())
    chips = _segments(address, voice)
    for i, text in enumerate(where):
        words = text if text.startswith(SEGMENT) else condition.parse(text).words(voice.lang)
        rest = where[:i] + where[i + 1 :]
        chips.append(
            {
                "text": words[:160],
                "title": text[:400],
                "href": address.href({"where": rest}),
                "label": voice.text("frame.remove_filter", what=words[:160]),
            }
        )
    return {
        "chips": chips,
        "clear": address.href({"where": None, "segment": None}) if len(chips) > 1 else "",
        "segments": _choose(address, info),
        "hidden": address.pairs(),
        "fields": [(name, capital(voice.known(f"field.{name}") or name)) for name in FIELDS],
        "ops": [(name, voice.text(f"frame.filter_{name}")) for name in ("is", "is_not", "contains", "starts")],
    }


def _segments(address: Address, voice: Voice) -> list[Item]:
    """The segments the page is asked of, as chips."""
    asked: tuple[str, ...] = getattr(address.spec, "segment", ())
    return [
        {
            "text": voice.text("foot.segment", name=text[:160]),
            "title": text[:400],
            "href": address.href({"segment": asked[:i] + asked[i + 1 :]}),
            "label": voice.text("frame.remove_filter", what=text[:160]),
        }
        for i, text in enumerate(asked)
    ]


def _choose(address: Address, info: Mapping[str, Any]) -> list[Item]:
    """The saved segments, each a link that asks the page of its visitors alone."""
    asked: tuple[str, ...] = getattr(address.spec, "segment", ())
    names = [str(name) for name in info.get("segments") or ()][:_MOST_SEGMENTS]
    return [{"text": name[:80], "href": address.href({"segment": (name,)}), "here": asked == (name,)} for name in names]
