"""The Live page: who is here now, the last half hour in bars, the newest events, what was refused, and how to connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from afterclick.core import clock, i18n
from afterclick.surfaces.viz.barlist import Line, barlist
from afterclick.surfaces.viz.markup import Child, Html, Value, el, join, path, said
from afterclick.surfaces.viz.series import ticks
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

if TYPE_CHECKING:
    from afterclick.collect.live.feed import Now, Refusal, Row
    from afterclick.collect.live.pulse import Minute, Ranked
    from afterclick.store.live.calls import Balance

Who = Callable[[str], tuple[str, str]]
"""An id with its namespace -> how it may be shown, and the address of its visitor ("" for none)."""
At = Callable[[int], str]
"""The start of a minute (us, UTC) -> the address of its events."""

_HEIGHT: Final = 100.0
_EVERY: Final = 5


def time_of_day(at: int, zone: str, *, seconds: bool = False) -> str:
    """`14:03` or `14:03:05` of an instant (us, UTC) in a zone."""
    moment = clock.to_datetime(at).astimezone(ZoneInfo(zone))
    return f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"


def figures(now: Now, rows: Sequence[Row], voice: Voice) -> Html:
    """Active now, events of the last half hour, the instant of the newest."""
    count = voice.number(now.active)
    last = el("time", {"datetime": clock.iso(rows[0].at)}, time_of_day(rows[0].at, voice.zone, seconds=True)) if rows else "–"
    shown = [
        ("live.active", voice.text("live.at_least", n=count) if now.active_more else count),
        ("live.events", voice.number(now.events)),
        ("live.newest", last),
    ]
    return el(
        "section",
        {"class": "panel card"},
        el("dl", {"class": "tiles"}, [_tile(name, value, voice) for name, value in shown]),
        el("p", {"class": "foot"}, voice.text("live.active_what")),
    )


def _tile(name: str, value: Child, voice: Voice) -> Html:
    return el("div", None, el("dt", None, voice.text(name)), el("dd", None, value))


def bars(now: Now, voice: Voice, at: At, view: str, here: int | None = None) -> Html:
    """The last 30 minutes, each a link to its events; `here` is the minute whose events are shown."""
    minutes = now.minutes
    total, whole = now.events, all(minute.whole for minute in minutes)
    finding = voice.text("live.finding", n=total, rate=voice.decimal(total / len(minutes)))
    body = _table(minutes, voice, at) if view == "table" else _drawing(minutes, voice, at, here)
    notes = [] if whole else [voice.text("live.since", at=time_of_day(now.since, voice.zone, seconds=True))]
    if now.repeated_since > minutes[0].at:
        began = time_of_day(now.repeated_since, voice.zone, seconds=True)
        notes.append(voice.text("live.repeated_since", at=began))
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("live.minutes")),
        el("p", {"class": "caption"}, voice.text("live.minutes_caption")),
        el("p", {"class": "finding"}, finding),
        body,
        [el("p", {"class": "foot"}, note) for note in notes],
    )


def _drawing(minutes: Sequence[Minute], voice: Voice, at: At, here: int | None) -> Html:
    marks = ticks(0.0, float(max((minute.events for minute in minutes), default=0)))
    top = marks[-1]
    shapes = []
    for i, minute in enumerate(minutes):
        if minute.events:
            y = _HEIGHT * (1 - minute.events / top)
            drawn = path("M", i * 10 + 1.0, _HEIGHT, "V", y, "H", i * 10 + 9.0, "V", _HEIGHT, "Z")
            running = i == len(minutes) - 1 or not minute.whole
            shapes.append(el("path", {"class": "running" if running else None, "d": drawn}))
    rules = " ".join(path("M", 0, _HEIGHT * (1 - mark / top), "H", len(minutes) * 10) for mark in marks)
    drawing = el(
        "svg",
        {
            "class": "minutes",
            "viewBox": f"0 0 {len(minutes) * 10} {int(_HEIGHT)}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": voice.text("live.drawing"),
        },
        el("path", {"class": "rule", "d": rules}),
        shapes,
    )
    axis = [el("li", None, voice.number(mark)) for mark in reversed(marks) if mark == int(mark)]
    return el(
        "div",
        {"class": "chart"},
        el("ol", {"class": "ys", "aria-hidden": "true"}, axis),
        el("div", {"class": "plot"}, drawing, el("div", {"class": "slices"}, [_slice(m, voice, at, here) for m in minutes])),
        el("ol", {"class": "xs", "aria-hidden": "true"}, [_tick(i, minute, voice) for i, minute in enumerate(minutes)]),
    )


def _slice(minute: Minute, voice: Voice, at: At, here: int | None) -> Html:
    label = _said(minute, voice)
    if not minute.events:
        return el("span", {"class": "slice", "title": label})
    current = "true" if minute.at == here else None
    attrs = {"class": "slice", "href": at(minute.at), "title": label, "aria-current": current}
    return el("a", attrs, el("span", {"class": "vh"}, label))


def _said(minute: Minute, voice: Voice) -> str:
    label = voice.text("live.minute", at=time_of_day(minute.at, voice.zone), n=minute.events)
    more = [
        voice.text(f"live.minute_{name}", n=n)
        for name, n in (("duplicates", minute.duplicates), ("rejected", minute.rejected))
        if n
    ]
    return " · ".join([label, *more])


def _tick(i: int, minute: Minute, voice: Voice) -> Html:
    return el("li", None, el("span", None, time_of_day(minute.at, voice.zone)) if i % _EVERY == 0 else None)


def _table(minutes: Sequence[Minute], voice: Voice, at: At) -> Html:
    def start(minute: Minute) -> Html:
        shown = time_of_day(minute.at, voice.zone)
        return el("a", {"href": at(minute.at)}, shown) if minute.events else el("span", None, shown)

    columns = [
        Column(voice.text("live.column_minute"), start),
        Column(voice.text("live.column_events"), lambda minute: voice.number(minute.events), True),
        Column(voice.text("live.column_duplicates"), lambda minute: voice.number(minute.duplicates), True),
        Column(voice.text("live.column_rejected"), lambda minute: voice.number(minute.rejected), True),
    ]
    return table(columns, list(reversed(minutes)), label=voice.text("live.minutes"))


def listed(rows: Iterable[Row], voice: Voice, who: Who) -> Html:
    """The rows of the feed, newest first, each an element of the list."""
    return join(_row(row, voice, who) for row in rows)


def _row(row: Row, voice: Voice, who: Who) -> Html:
    shown, href = who(row.who) if row.who else (voice.text("live.nobody"), "")
    visitor = el("a", {"class": "who", "href": href}, said(shown)) if href else el("span", {"class": "who"}, said(shown))
    amount = _amount(row, voice)
    return el(
        "li",
        {"data-n": row.number},
        el("time", {"datetime": clock.iso(row.at)}, time_of_day(row.at, voice.zone, seconds=True)),
        el("b", None, said(row.event)),
        el("span", {"class": "page"}, said(row.page)) if row.page else None,
        el("span", {"class": "num"}, amount) if amount else None,
        visitor,
        el("span", {"class": "tag"}, said(row.source)) if row.source else None,
    )


def skipped(n: int, voice: Voice) -> Html:
    """A line in place of rows that came faster than they can be read."""
    return el("li", {"class": "caption"}, voice.text("live.skipped", n=n))


def _amount(row: Row, voice: Voice) -> str:
    if not row.amount:
        return ""
    try:
        return i18n.money(Decimal(row.amount), row.currency or voice.currency, voice.lang)
    except InvalidOperation:
        return row.amount


def ranked(found: Ranked, voice: Voice, name: str) -> Html:
    """The most frequent names of one kind: `pages`, `origins` or `senders`."""
    lines = [Line(each or voice.text("live.no_name"), n, voice.number(n)) for each, n in found.names]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text(f"live.{name}")),
        el("p", {"class": "caption"}, voice.text(f"live.{name}_caption")),
        barlist(lines, head=voice.text(f"live.{name}_head"), figure=voice.text(f"live.{name}_figure"), voice=voice)
        if lines
        else el("p", {"class": "quiet"}, voice.text("live.none_yet")),
        el("p", {"class": "foot"}, voice.text("live.others", n=found.others)) if found.others else None,
    )


def refusals(found: Sequence[Refusal], voice: Voice, most: int = 8) -> Html:
    """The newest events that were not stored, each with its reason."""
    rows = [
        el(
            "li",
            None,
            el("time", {"datetime": clock.iso(each.at)}, time_of_day(each.at, voice.zone, seconds=True)),
            el("b", None, voice.known(f"live.code_{each.code}") or said(each.code)),
            el("span", {"class": "page"}, said(each.message)),
            el("span", {"class": "tag"}, said(each.source)) if each.source else None,
        )
        for each in found[:most]
    ]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("live.refused")),
        el("p", {"class": "caption"}, voice.text("live.refused_caption")),
        el("ol", {"class": "feed"}, rows) if rows else el("p", {"class": "quiet"}, voice.text("live.refused_none")),
    )


def balance(found: Balance, voice: Voice) -> Html:
    """Received = stored + duplicates + rejected, over everything that ever came live."""
    missing = found.received - found.stored - found.duplicates - found.rejected
    said_so = voice.text("live.adds_up") if not missing else voice.text("live.missing", n=missing)
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("live.balance")),
        el("p", {"class": "caption"}, voice.text("live.balance_caption")),
        el(
            "dl",
            {"class": "tiles sum"},
            [_tile(f"live.{name}", voice.number(n), voice) for name, n in found._asdict().items()],
        ),
        el("p", {"class": "foot bad" if missing else "foot"}, ("● " if missing else "✓ ") + said_so),
    )


def feed(
    rows: Sequence[Row], voice: Voice, who: Who, *, title: str, asked: str, hidden: Mapping[str, str]
) -> Html:
    """The newest events with a form that keeps those that hold a text; `hidden` goes along with it."""
    form = el(
        "form",
        {"class": "find", "method": "get", "action": "/live", "role": "search", "data-filter": True},
        [el("input", {"type": "hidden", "name": name, "value": value}) for name, value in hidden.items()],
        el(
            "label",
            None,
            el("span", None, voice.text("live.filter")),
            el("input", {"type": "search", "name": "filter", "value": asked, "maxlength": 100, "autocomplete": "off"}),
        ),
        el("button", {"class": "button", "type": "submit"}, voice.text("live.filter_go")),
    )
    listing: dict[str, Value] = {"class": "feed", "id": "feed", "tabindex": 0, "role": "list", "aria-label": title}
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        el("p", {"class": "caption"}, voice.text("live.feed_caption")),
        form,
        el("ol", listing, listed(rows, voice, who)),
        el("p", {"class": "quiet", "data-none": True, "hidden": bool(rows)}, voice.text("live.none_found")),
    )


def minute_head(minute: int, n: int, shown: int, voice: Voice) -> str:
    """The heading of the list of one minute's events (its start: us, UTC); fewer are shown where newer pushed them out."""
    at = time_of_day(minute, voice.zone)
    if shown < n:
        return voice.text("live.minute_part", at=at, n=n, shown=shown)
    return voice.text("live.minute", at=at, n=n)
