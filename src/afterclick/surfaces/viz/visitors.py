"""The list of visitors: searched, sorted, fifty at a time, each leading to the visitor's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from afterclick.core.result import Result
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]



def listed(result: Result, voice: Voice) -> Html:
    """The search, the page of the list, and the way to the next."""
    figures, spec = result.figures, result.spec.changed()
    search = str(spec.get("search") or "")
    caption = voice.text("visitors.caption", visitors=figures["visitors"])
    if search:
        caption = voice.text("visitors.caption_found", found=figures["found"])
    rows = result.frame.to_pylist()
    body: Child = table(_columns(str(spec.get("sort") or "last_seen"), voice), rows, label=voice.text("visitors.list"))
    if not rows:
        body = el("p", None, voice.text("visitors.none"), " ", el("small", None, voice.text("visitors.none_hint")))
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("visitors.list")),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        _search(search, voice),
        el("p", {"class": "caption"}, caption),
        body,
        _pages(figures, voice),
        foot(result, voice),
    )


def _search(search: str, voice: Voice) -> Html | None:
    if voice.go is None:
        return None
    address = voice.go({"search": None, "cursor": None})
    parts = urlsplit(address)
    hidden = [
        el("input", {"type": "hidden", "name": name, "value": value})
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return el(
        "form",
        {"class": "find", "method": "get", "action": parts.path, "role": "search"},
        hidden,
        el(
            "label",
            None,
            el("span", None, voice.text("visitors.search")),
            el("input", {"type": "search", "name": "search", "value": search, "maxlength": 500, "autocomplete": "off"}),
        ),
        el("button", {"class": "button", "type": "submit"}, voice.text("visitors.search_button")),
        el("a", {"class": "button", "href": address}, voice.text("visitors.clear")) if search else None,
        el("p", {"class": "caption"}, voice.text("visitors.search_hint")),
    )


def _columns(sort: str, voice: Voice) -> list[Column]:
    def head(field: str) -> str:
        name = voice.text(f"visitors.{field}")
        if voice.go is None:
            return name
        here = field == sort
        href = voice.go({"sort": field, "cursor": None})
        label = voice.text("visitors.sort_by", what=name)
        return el(
            "a", {"href": href, "title": label, "aria-current": "true" if here else None}, name, " ↓" if here else ""
        )

    def visitor(row: Row) -> Child:
        name = el("code", None, said(row["visitor"]))
        known = el("small", None, said(row["known_as"])) if row["known_as"] else None
        return join([voice.link(name, "visitor", id=row["visitor"], range="all", compare="none"), known])

    numbers = [
        Column(head(field), lambda row, field=field: _number(row, field, voice), True)  # type: ignore[misc]
        for field in ("sessions", "events", "orders", "revenue")
    ]
    days = [
        Column(head(field), lambda row, field=field: _day(row, f"{field}_at", voice), True)  # type: ignore[misc]
        for field in ("first_seen", "last_seen")
    ]
    return [
        Column(voice.text("visitors.visitor"), visitor),
        Column(voice.text("visitors.stage"), lambda row: said(voice.stage(row["stage"])) if row["stage"] else "–"),
        Column(voice.text("visitors.channel"), lambda row: said(voice.name("channel", row["channel"]))),
        Column(voice.text("visitors.device"), lambda row: said(voice.name("device_type", row["device_type"]))),
        *numbers,
        *days,
    ]


def _number(row: Row, field: str, voice: Voice) -> str:
    return voice.money_full(row[field]) if field == "revenue" else voice.number(row[field])


def _day(row: Row, field: str, voice: Voice) -> Child:
    at = row[field]
    return "–" if at is None else el("span", {"title": voice.instant(at)}, voice.day(at))


def _pages(figures: Row, voice: Voice) -> Html | None:
    if voice.go is None or (not figures["before"] and not figures["next_cursor"]):
        return None
    first, last = figures["before"] + 1, figures["before"] + figures["rows"]
    return el(
        "nav",
        {"class": "pages", "aria-label": voice.text("drawer.pages")},
        el("a", {"class": "button", "href": voice.go({"cursor": None})}, voice.text("visitors.start"))
        if figures["before"]
        else None,
        el("span", None, voice.text("visitors.place", first=min(first, last), last=last, n=figures["found"])),
        el(
            "a",
            {"class": "button", "href": voice.go({"cursor": figures["next_cursor"]}), "rel": "next"},
            voice.text("visitors.next"),
        )
        if figures["next_cursor"]
        else None,
    )
