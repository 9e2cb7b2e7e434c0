"""The frame around every page: navigation, badge, menus, chips, export and help, as values for the template."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

from afterclick.core import condition, i18n
from afterclick.core.spec import Spec
from afterclick.surfaces.viz.foot import days
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.pages import PAGES, Page
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

FIELDS: Final = (
    "channel", "media", "source", "medium", "campaign", "term", "page_group", "path", "host", "device_type",
    "browser", "os", "event",
)  # fmt: skip
"""Fields of the filter's form; any other can be written as a condition."""
_CHOICES: Final = {"bots": ("out", "in"), "identity": ("stitched", "raw")}
_WORDS: Final = (
    "revenue", "visitors", "conversion_rate", "aov", "river", "exit_rate", "dwell", "pages_per_session", "bounce_rate",
)  # fmt: skip

Item = dict[str, Any]


def frame(page: Page, address: Address, taste: Taste, info: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    """Everything the template shows around the cards."""
    fields = page.controls
    return {
        "nav": navigation(page, address, voice),
        "title": voice.text(page.title),
        "badge": badge(info, voice),
        "example": bool(info.get("example")),
        "range": _range(address, info, voice) if "range" in fields else None,
        "compare": _compare(address, voice) if "compare" in fields else None,
        "counting": [_choice(name, address, voice) for name in _CHOICES if name in fields],
        "views": _looks("view", address, taste, voice) if page.name == "map" else None,
        "filters": _filters(address, voice) if "where" in fields else None,
        "export": _export(page, address, voice),
        "themes": _looks("theme", address, taste, voice),
        "langs": _langs(address, taste),
        "notices": _notices(address, voice),
        "canonical": address.href(),
        "words": [(_capital(voice.text(f"map.{_word(word)}")), voice.text(f"define.{word}")) for word in _WORDS],
        "keys": _keys(fields, voice),
    }


def navigation(page: Page | None, address: Address | None, voice: Voice) -> list[Item]:
    """The groups of the navigation with the pages there are; language and theme go along, the question does not."""
    query = {name: value for name, value in (address.looks if address else {}).items() if name != "view"}
    groups: dict[str, list[Item]] = {}
    for each in PAGES:
        kept = Address(path=each.path, spec=each.kind(), looks=query)
        groups.setdefault(each.group, []).append(
            {"text": voice.text(each.title), "href": kept.href(), "here": page is not None and each.name == page.name}
        )
    return [{"text": voice.text(f"frame.{group}"), "items": items} for group, items in groups.items()]


def badge(info: Mapping[str, Any], voice: Voice) -> str:
    """`Example data: Hanbit Fashion`, or the shop's name and the instant of its last event."""
    name = str(info.get("name") or "")[:80]
    if info.get("example"):
        return voice.text("frame.example", name=name)
    last = info.get("last_at")
    if not last:
        return name
    said = voice.text("foot.as_of", at=voice.instant(last))
    return f"{name} · {said}" if name else said


def _word(word: str) -> str:
    return "visitors" if word == "river" else word


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _range(address: Address, info: Mapping[str, Any], voice: Voice) -> Item:
    now = str(getattr(address.spec, "range", ""))
    items = [
        {
            "text": _capital(voice.text(f"range.{name}")),
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
        "text": _capital(said),
        "items": items,
        "from": first if last else "",
        "to": last,
        "hidden": _hidden(address, "range"),
        "most": str(info.get("last_at") or "")[:10],
    }


def _compare(address: Address, voice: Voice) -> Item:
    now = str(getattr(address.spec, "compare", ""))
    items = [
        {"text": _capital(voice.text(f"compare.{name}")), "href": address.href({"compare": name}), "here": name == now}
        for name in ("prev", "yoy", "none")
    ]
    known = now in ("prev", "yoy", "none")
    said = voice.text(f"frame.vs_{now}") if known else voice.text("frame.vs_days", days=days(now, voice))
    first, _, last = now.partition("..")
    return {
        "text": _capital(said),
        "items": items,
        "from": first if last else "",
        "to": last,
        "hidden": _hidden(address, "compare"),
        "toggle": address.href({"compare": "prev" if now == "none" else "none"}),
    }


def _hidden(address: Address, without: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in address.pairs() if name != without]


def _choice(name: str, address: Address, voice: Voice) -> Item:
    now = str(getattr(address.spec, name))
    return {
        "text": voice.text(f"frame.{name}"),
        "items": [
            {"text": voice.text(f"frame.{name}_{value}"), "href": address.href({name: value}), "here": value == now}
            for value in _CHOICES[name]
        ],
        "changed": now != _CHOICES[name][0],
    }


def _looks(name: str, address: Address, taste: Taste, voice: Voice) -> Item:
    now = taste.theme if name == "theme" else address.looks.get(name, "chart")
    values = ("auto", "light", "dark") if name == "theme" else ("chart", "table")
    return {
        "text": voice.text(f"frame.{name}"),
        "items": [
            {
                "text": _capital(voice.text(f"frame.{name}_{value}")),
                "href": address.href({name: value}),
                "here": value == now,
            }
            for value in values
        ],
    }


def _langs(address: Address, taste: Taste) -> list[Item]:
    names = {"en": "English", "ko": "한국어"}
    return [
        {"text": names.get(lang, lang), "href": address.href({"lang": lang}), "here": lang == taste.lang, "lang": lang}
        for lang in i18n.languages()
    ]


def _filters(address: Address, voice: Voice) -> Item:
    where: tuple[str, ...] = getattr(address.spec, "where", ())
    chips = []
    for i, text in enumerate(where):
        words = condition.parse(text).words(voice.lang)
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
        "clear": address.href({"where": None}) if len(chips) > 1 else "",
        "hidden": address.pairs(),
        "fields": [(name, _capital(voice.known(f"field.{name}") or name)) for name in FIELDS],
        "ops": [(name, voice.text(f"frame.filter_{name}")) for name in ("is", "is_not", "contains", "starts")],
    }


def _export(page: Page, address: Address, voice: Voice) -> Item:
    parts = _PARTS.get(page.name, {})
    return {
        "csv": [
            {"text": voice.text(said), "href": address.href({"card": part, "view": None}, path=f"/{page.name}.csv")}
            for part, said in parts.items()
        ],
        "json": address.href({"view": None}, path=f"/{page.name}.json"),
        "python": python_call(address.spec),
        "cli": command(address.spec),
    }


_PARTS: Final[dict[str, dict[str, str]]] = {
    "map": {
        "stages": "map.stages",
        "touchpoints": "map.touchpoints",
        "channels": "map.channels",
        "devices": "map.devices",
        "flows": "map.flows",
        "crossings": "map.crossings",
    },
    "data": {
        "events": "data.catalogue",
        "checks": "data.checks",
        "sources": "data.title_sources",
        "imports": "data.title_imports",
        "rejects": "data.title_rejects",
        "properties": "data.title_properties",
    },
}


def python_call(spec: Spec) -> str:
    """The same question in Python."""
    given = ", ".join(f"{name}={value!r}" for name, value in spec.changed().items())
    return (
        f'import afterclick\n\nshop = afterclick.open("DIR")\n'
        f"result = shop.ask(afterclick.{type(spec).__qualname__}({given}))"
    )


def command(spec: Spec) -> str:
    """The same question on the command line."""
    flags = {field.name: field.flag for field in type(spec).fields()}
    words = ["afterclick", spec.key_word, "--store", "DIR"]
    for name, value in spec.changed().items():
        for item in value if isinstance(value, tuple) else (value,):
            words += [flags[name], shlex.quote(str(item).lower() if isinstance(item, bool) else str(item))]
    return " ".join(words)


def _notices(address: Address, voice: Voice) -> list[str]:
    said = []
    for notice in address.notices:
        if notice.value is None:
            said.append(voice.text("frame.notice_unknown", name=notice.name))
        else:
            text = voice.text("frame.notice", name=notice.name, value=notice.value)
            said.append(f"{text} {notice.hint}".strip())
    return said


def _keys(fields: frozenset[str], voice: Voice) -> list[tuple[str, str]]:
    keys = (
        [(key.upper(), _capital(voice.text(f"range.{name}"))) for name, key in RANGES.items()]
        if "range" in fields
        else []
    )
    if "compare" in fields:
        keys.append(("X", _capital(voice.text("frame.key_previous"))))
    return [*keys, ("Esc", _capital(voice.text("frame.key_escape")))]
