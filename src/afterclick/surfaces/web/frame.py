"""The frame around every page: navigation, badge, menus, chips, export and help, as values for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from afterclick.core.said import say
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import asking, controls
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.answers import Asked, elsewhere
from afterclick.surfaces.web.controls import RANGES, Item, capital
from afterclick.surfaces.web.exports import export
from afterclick.surfaces.web.marks import ENTRY, GOAL
from afterclick.surfaces.web.page import Page
from afterclick.surfaces.web.pages import PAGES, named
from afterclick.surfaces.web.taste import Taste

_WORDS: Final = (
    "revenue", "visitors", "conversion_rate", "aov", "river", "exit_rate", "dwell", "pages_per_session", "bounce_rate",
)  # fmt: skip
_GO: Final = {
    "map": "j", "overview": "o", "funnel": "f", "paths": "p", "retention": "r", "attribution": "a", "channels": "c",
    "segments": "s", "value": "v", "visitors": "w", "live": "l", "automations": "u", "experiments": "x",
}  # fmt: skip
"""The second key after g."""
_CONTROLS: Final = {"where": "filter"}
"""Parameters whose control has another name."""
_GROUPS: Final = ("understand", "act", "manage")
_FURTHER: Final = (
    ("act", "live", "/live", "live.title", True),
    ("act", "automations", "/automations", "automations.title", True),
)
"""Pages that ask no question: group, name, address, title, whether they have a script of their own."""


def frame(
    page: Page,
    address: Address,
    taste: Taste,
    info: Mapping[str, Any],
    voice: Voice,
    asked: Sequence[Asked],
    events: Sequence[str],
) -> dict[str, Any]:
    """Everything the template shows around the cards."""
    fields = page.controls
    by = controls.breakdown(address, voice) if not address.missing else None
    interval = controls.interval(address, voice) if not address.missing else None
    counting = [controls.choice(name, address, voice) for name in controls.CHOICES if name in fields]
    return {
        "nav": navigation(page, address, voice),
        "title": voice.text(page.title),
        "badge": badge(info, voice),
        "example": bool(info.get("example")),
        "range": controls.ranges(address, info, voice) if "range" in fields else None,
        "compare": controls.compared(address, voice) if "compare" in fields else None,
        "by": by,
        "interval": interval,
        "counting": counting,
        "views": controls.looks("view", address, taste, voice),
        "filters": controls.filters(address, info, voice) if "where" in fields else None,
        "export": export(page, address, asked, voice),
        "themes": controls.looks("theme", address, taste, voice),
        "langs": controls.languages(address, taste),
        "notices": _notices(address, voice),
        "canonical": address.href(),
        "words": [(capital(voice.text(f"map.{_word(word)}")), voice.text(f"define.{word}")) for word in _WORDS],
        "keys": _keys(fields, by is not None, interval is not None, voice),
        "menu": _menu(page, address, by, voice),
        "ask": asking.form(address, events, voice) if page.asks else None,
        "sheets": _sheets(page, bool(info.get("last_at"))),
    }


def _sheets(page: Page, filled: bool) -> list[str]:
    """The page's sections of the styles, that of the form, and those of the picture of the map in an empty store."""
    wanted = [*page.sheets, *(["ask"] if page.asks else []), *([] if filled else ["map", "empty"])]
    return list(dict.fromkeys(wanted))


def _menu(page: Page, address: Address, by: Item | None, voice: Voice) -> Item:
    """What the click menu needs besides its mark: this page without people, its CSV, the funnel in the same scope."""
    return {
        "page": address.href(),
        "csv": f"/{page.name}.csv",
        "by": by["items"] if by else [],
        "sets": [
            {"name": name, "to": _setting(address, name), "text": voice.text(f"{page.name}.mark_{name}")}
            for name in page.marks
        ],
        **_funnel(page, address),
    }


def _setting(address: Address, name: str) -> str:
    """This page up to the value of a field: one that holds several gets it besides those it has."""
    field = next(field for field in type(address.spec).fields() if field.name == name)
    href = address.href() if field.many else address.href({name: None})
    return f"{href}{'&' if '?' in href else '?'}{name}="


def _funnel(page: Page, address: Address) -> Item:
    """The funnel page without steps, and the field that takes them; nothing where there is no such page."""
    target = named("funnel")
    if target is None or target.start is None or target is page:
        return {"funnel": "", "field": "", "entry": "", "goal": ""}
    needed = frozenset(field.name for field in target.kind.fields() if field.required)
    return {"funnel": elsewhere(target.name, address, {}), "field": next(iter(needed), ""), "entry": ENTRY, "goal": GOAL}


def navigation(page: Page | None, address: Address | None, voice: Voice, here: str = "") -> list[Item]:
    """The groups of the navigation with the pages there are; language and theme go along, the question does not.

    `here` names a page that asks no question. What has a script of its own is `plain`: opened, not put into the frame.
    """
    query = {name: value for name, value in (address.looks if address else {}).items() if name in ("lang", "theme")}
    groups: dict[str, list[Item]] = {group: [] for group in _GROUPS}
    here = (page.under or page.name) if page else here
    listed = [(each.group, each.name, each.path, each.title, False) for each in PAGES if each.group]
    for group, name, path, title, plain in [*listed, *_FURTHER]:
        href = path + (f"?{urlencode(query)}" if query else "")
        item = {"text": voice.text(title), "href": href, "here": name == here, "go": _GO.get(name, ""), "plain": plain}
        groups[group].append(item)
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


def _notices(address: Address, voice: Voice) -> list[str]:
    said = []
    for notice in address.notices:
        if notice.value is None:
            said.append(voice.text("frame.notice_unknown", name=notice.name))
        else:
            text = voice.text("frame.notice", name=_called(notice.name, address, voice), value=notice.value)
            said.append(f"{text} {say(notice.hint, voice.lang)}".strip())
    return said


def _called(name: str, address: Address, voice: Voice) -> str:
    """What the page calls a parameter: the label of its field, or of the control that sets it."""
    field = next((field for field in type(address.spec).fields() if field.name == name), None)
    if field is not None and not field.scope:
        return asking.label(field, address.spec.key_word, voice)
    return voice.known(f"frame.{_CONTROLS.get(name, name)}") or name


def _keys(fields: frozenset[str], by: bool, interval: bool, voice: Voice) -> list[tuple[str, str]]:
    keys = (
        [(key.upper(), capital(voice.text(f"range.{name}"))) for name, key in RANGES.items()]
        if "range" in fields
        else []
    )
    if "range" in fields:
        keys += [("C", capital(voice.text("frame.key_dates"))), ("← →", capital(voice.text("frame.key_period")))]
    shown = [
        ("X", "key_previous", "compare" in fields),
        ("/", "key_filter", "where" in fields),
        ("B", "key_by", by),
        ("I", "key_interval", interval),
        ("K", "key_table", True),
        ("G …", "key_go", True),
        ("?", "key_help", True),
        ("Esc", "key_escape", True),
    ]
    return keys + [(key, capital(voice.text(f"frame.{name}"))) for key, name, there in shown if there]
