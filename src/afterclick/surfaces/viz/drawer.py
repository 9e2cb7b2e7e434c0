"""The visitors behind one number, fifty at a time: the same list as the number, told in a sentence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from afterclick.core.result import People
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

PAGE: Final = 50


class Keeping(msgspec.Struct, frozen=True):
    """Where the form goes that keeps these visitors as a list, and what it sends along."""

    action: str
    hidden: tuple[tuple[str, str], ...]


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """Where the drawer leads: close, CSV, JSON, the pages beside this one, and filters that follow from the cell."""

    close: str
    csv: str
    json: str
    before: str = ""
    after: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    keeping: Keeping | None = None


def drawer(people: People, offset: int, ways: Ways, voice: Voice) -> Html:
    """The list as a dialog that stands open in the page where no script runs."""
    count = len(people)
    rows = people.table(offset, PAGE).to_pylist()
    return _dialog(
        ways.close,
        voice,
        el("p", {"class": "selection"}, people.text.say(voice.lang)),
        el("p", {"class": "n"}, voice.text("drawer.count", n=count)),
        el(
            "p",
            {"class": "actions"},
            el("a", {"class": "button", "href": ways.csv, "download": True}, "CSV"),
            el("a", {"class": "button", "href": ways.json}, "JSON"),
            [el("a", {"class": "button", "href": href}, label) for label, href in ways.filters],
        ),
        _keep(ways.keeping, voice) if ways.keeping and rows else None,
        people_table(rows, voice) if rows else None,
        _pages(count, offset, len(rows), ways, voice),
        el("p", {"class": "caption"}, voice.text("drawer.masked")),
    )


def _keep(keeping: Keeping, voice: Voice) -> Html:
    """The form that keeps the visitors as a list, to be asked of like any segment."""
    hidden = [el("input", {"type": "hidden", "name": name, "value": value}) for name, value in keeping.hidden]
    field = el("input", {"name": "name", "maxlength": 80, "required": True})
    return el(
        "form",
        {"method": "post", "action": keeping.action, "class": "save"},
        hidden,
        el("label", None, voice.text("segments.keep_as"), field),
        el("button", None, voice.text("segments.keep")),
    )


def people_table(rows: list[dict[str, Any]], voice: Voice) -> Html:
    """Rows of `People.table` as a person reads them."""
    return table(_columns(rows, voice), rows, label=voice.text("drawer.title"))


def failed(message: str, hint: str, close: str, voice: Voice) -> Html:
    """The drawer of a cell that is not there."""
    return _dialog(close, voice, el("p", {"class": "selection"}, message), el("p", {"class": "caption"}, hint))


def _dialog(close: str, voice: Voice, *body: Child) -> Html:
    head = el(
        "div",
        {"class": "drawer-head"},
        el("h2", {"id": "drawer-title"}, voice.text("drawer.title")),
        el(
            "a",
            {"class": "button close", "href": close, "aria-label": voice.text("drawer.close"), "data-close": True},
            "✕",
        ),
    )
    return el(
        "dialog", {"class": "drawer", "id": "drawer", "open": True, "aria-labelledby": "drawer-title"}, head, list(body)
    )


def _columns(rows: list[dict[str, Any]], voice: Voice) -> list[Column]:
    def visitor(row: Row) -> Child:
        known = str(row.get("known_as") or "")
        shown = str(row["visitor"])
        return join(
            [
                voice.link(
                    el("code", {"title": shown[:200]}, said(shown)), "visitor", id=shown, range="all", compare="none"
                ),
                el("small", None, said(known)) if known else None,
            ]
        )

    columns = [
        Column(voice.text("drawer.visitor"), visitor),
        Column(voice.text("drawer.channel"), lambda row: said(voice.name("channel", str(row["channel"] or "")))),
        Column(voice.text("drawer.sessions"), lambda row: voice.number(row["sessions"]), True),
    ]
    if any(row.get("orders") for row in rows):
        columns.append(Column(voice.text("drawer.orders"), lambda row: voice.number(row["orders"]), True))
        columns.append(Column(voice.text("drawer.revenue"), lambda row: voice.money(row["revenue"]), True))
    columns.append(Column(voice.text("drawer.last_seen"), lambda row: _seen(row["last_seen_at"], voice), True))
    return columns


def _seen(at: dt.datetime, voice: Voice) -> Html:
    return el("span", {"title": voice.instant(at)}, voice.day(at))


def _pages(count: int, offset: int, shown: int, ways: Ways, voice: Voice) -> Html | None:
    if count <= PAGE and not offset:
        return None
    return el(
        "nav",
        {"class": "pages", "aria-label": voice.text("drawer.pages")},
        el("a", {"class": "button", "href": ways.before, "rel": "prev"}, voice.text("drawer.before"))
        if ways.before
        else None,
        el("span", None, voice.text("drawer.place", first=min(count, offset + 1), last=offset + shown, n=count)),
        el("a", {"class": "button", "href": ways.after, "rel": "next"}, voice.text("drawer.after"))
        if ways.after
        else None,
    )
