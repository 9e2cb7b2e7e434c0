"""The Channels page: one row per channel, each judged by its own aim, what it cost beside what it brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from afterclick.core.condition_tree import quoted
from afterclick.core.result import Result
from afterclick.surfaces.viz.barlist import tabs
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.markup import said as stranger
from afterclick.surfaces.viz.metrics import delta, lacking, shown, title
from afterclick.surfaces.viz.spark import trend
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

BY: Final = ("channel", "source", "medium", "campaign", "media")
"""What a row of the table may be; the first is the default."""
NONE: Final = "(none)"
_UNITS: Final = {
    "impressions": "count", "click_rate": "rate", "sessions": "count", "bounce_rate": "rate", "conversion_rate": "rate",
    "orders": "count", "aov": "money", "revenue": "money", "cost": "money", "cpc": "money", "roas": "number",
    "cac": "money",
}  # fmt: skip
"""Columns in order with their units; one without a single value is left out."""
SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": tuple(_UNITS),
    "traffic": ("impressions", "click_rate", "sessions", "bounce_rate"),
    "sales": ("sessions", "conversion_rate", "orders", "aov", "revenue"),
    "ads": ("impressions", "click_rate", "cost", "cpc", "revenue", "roas", "cac"),
}
"""Which columns are shown; the first is the default."""
_PEOPLE: Final = {"bounce_rate": "bounced", "conversion_rate": "buyers", "orders": "buyers", "revenue": "buyers",
                  "aov": "buyers", "cac": "attributed_new_buyers"}  # fmt: skip
_BARS: Final = frozenset({"sessions", "revenue"})
_ADS: Final = ("impressions", "click_rate", "cost", "cpc", "roas", "cac")


_SHOWN: Final = 40
_FIRST: Final = 10
"""Rows of what is not matched that stand open."""


def channels(result: Result, voice: Voice) -> Html:
    """The table with its ways to group it."""
    by = str(result.about.get("by") or BY[0])
    rows = result.frame.to_pylist()
    head = voice.text("channels.title")
    links = []
    if voice.go is not None:
        links = [(_by(name, voice), voice.go({"by": name}), name == by) for name in BY]
    body = _table(by, rows, result, voice) if rows else el("p", {"class": "caption"}, voice.text("overview.list_empty"))
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, _sentence(result, voice)),
        tabs(links, head) if links else None,
        _chosen(voice) if rows else None,
        body,
        _costs(result.figures, voice),
        foot(result, voice),
    )


def _sentence(result: Result, voice: Voice) -> str:
    """The finding as a heading: a name of the catalogue may stand first, and those begin small."""
    said = result.sentence(voice.lang)
    return said[:1].upper() + said[1:]


def _by(name: str, voice: Voice) -> str:
    return voice.known(f"channels.by_{name}") or title(name, voice)


def _table(by: str, rows: Sequence[Row], result: Result, voice: Voice) -> Html:
    course = _course(result)
    columns = [Column(_by(by, voice), _name(by, voice))]
    if course:
        columns.append(Column(voice.text("channels.course"), lambda row: course.get(row[by])))
    if any(row.get("aim") for row in rows):
        columns.append(Column(voice.text("channels.aim"), lambda row: _aim(by, row, voice)))
    for name in SETS[voice.looks.get("columns", "all")]:
        unit = _UNITS[name]
        if any(row.get(name) is not None for row in rows):
            columns.append(Column(title(name, voice), _cell(by, name, unit, rows, voice), True))
    shown_rows, rest = rows[:_SHOWN], rows[_SHOWN:]
    made = table(columns, shown_rows, label=voice.text("channels.title"), css="wide")
    return join([made, _rest(columns, rest, voice)])


def _chosen(voice: Voice) -> Html | None:
    """Links that choose the columns."""
    if voice.go is None:
        return None
    now = voice.looks.get("columns", "all")
    links = [
        el(
            "a",
            {"class": "tag", "href": voice.go({"columns": name}), "aria-current": "true" if name == now else None},
            voice.text(f"channels.columns_{name}"),
        )
        for name in SETS
    ]
    return el("p", {"class": "caption chosen"}, voice.text("channels.columns"), links)


def _name(by: str, voice: Voice) -> Callable[[Row], Child]:
    def fill(row: Row) -> Child:
        value = str(row[by])
        where = "" if value in ("", NONE, "(unassigned)") else f"{by} == {quoted(value)}"
        tip = voice.text("channels.people", n=row["visitors"])
        cell = f"{by}={value}" if row["visitors"] else None
        name = voice.mark(stranger(_value(by, value, voice)), cell, tip=tip, css="label", where=where)
        media = str(row.get("media") or "") if by != "media" else ""
        return [name, el("span", {"class": f"tag media-{media}"}, voice.name("media", media)) if media else None]

    return fill


def _value(by: str, value: str, voice: Voice) -> str:
    if value in ("", NONE, "(unassigned)"):
        return voice.known(f"channels.none_{by}") or voice.name(by, value)
    return voice.name(by, value)


def _aim(by: str, row: Row, voice: Voice) -> Child:
    """What the channel is there for, and the one figure it is judged by."""
    aim, kpi = str(row.get("aim") or ""), str(row.get("aim_kpi") or "")
    if not aim or not kpi:
        return "–"
    value = shown(row.get("aim_value"), str(row.get("aim_unit") or "count"), voice)
    part = kpi if kpi in ("new_visitors", "new_buyers", "buyers", "attributed_new_buyers") else _PEOPLE.get(kpi, "")
    cell = f"{by}={row[by]}" + (f";part={part}" if part else "") if row.get("aim_value") else None
    words = voice.known(f"channels.aim_{aim}") or aim
    return [
        voice.mark(el("strong", None, value), cell, tip=voice.text("channels.aim_tip", aim=words, kpi=title(kpi, voice))),
        el("small", None, f"{words}: {title(kpi, voice)}"),
    ]


def _cell(by: str, name: str, unit: str, rows: Sequence[Row], voice: Voice) -> Callable[[Row], Child]:
    most = max((float(row[name] or 0) for row in rows), default=0.0) if name in _BARS else 0.0

    def fill(row: Row) -> Child:
        value = row.get(name)
        if value is None or (name in _ADS and not value):
            return el("span", {"class": "quiet"}, shown(value, unit, voice))
        words: Child = shown(value, unit, voice)
        if name == row.get("aim_kpi"):
            words = el("strong", None, words)
        part = _PEOPLE.get(name, "")
        cell = None if name in _ADS and not part or not value else f"{by}={row[by]}" + (f";part={part}" if part else "")
        mark = voice.mark(words, cell, tip=shown(value, unit, voice, full=True))
        if name not in _BARS:
            return mark
        change = _delta(name, unit, row, voice)
        return [mark, bar(float(value), most), el("small", None, change) if change else None]

    return fill


def _delta(name: str, unit: str, row: Row, voice: Voice) -> Html | None:
    """The change of a row's figure since the period before; none where there was nothing."""
    value, old = row.get(name), row.get(f"previous_{name}")
    if value is None or not old:
        return None
    before = {each: row.get(f"previous_{each}") for each in ("sessions", "orders")}
    own = {"unit": unit, "value": value, "previous": old, "change": float(value) / float(old) - 1}
    return delta(name, own, {**row, "previous": before}, voice)


def _course(result: Result) -> dict[str, Html | None]:
    """The sessions of each row over the intervals, as a small line."""
    found: dict[str, list[Row]] = {}
    for row in result.parts["series"].to_pylist() if "series" in result.parts else []:
        found.setdefault(row["value"], []).append(row)
    made = {}
    for value, rows in found.items():
        rows.sort(key=lambda row: int(row["interval"]))
        made[value] = trend([float(row["sessions"]) for row in rows], running=[bool(row["incomplete"]) for row in rows])
    return made if any(made.values()) else {}


def _costs(figures: Mapping[str, Any], voice: Voice) -> Html | None:
    """What the missing ad cost would add."""
    if figures.get("cost") is not None:
        return None
    head = el("h3", {"class": "sub"}, voice.text("channels.no_costs"))
    return el("div", {"class": "need"}, head, lacking("roas", figures, voice))


def media(result: Result, voice: Voice) -> Html | None:
    """Paid, owned, earned and shared: what each kind of medium brings, as tiles that filter."""
    rows = [row for row in result.frame.to_pylist() if row["sessions"]]
    base = getattr(result.spec, "where", ())
    if len(rows) < 2:
        return None
    tiles = [_tile(row, base, voice) for row in rows]
    return el("section", None, el("h2", {"class": "vh"}, voice.text("channels.by_media")), el("ul", {"class": "kpis"}, tiles))


def _tile(row: Row, base: Sequence[str], voice: Voice) -> Html:
    value = str(row["media"])
    known = value not in ("", NONE, "(unassigned)")
    label: Child = _value("media", value, voice)[:60]
    where = f"media == {quoted(value)}"
    if known and voice.go is not None and where not in base:
        label = el("a", {"class": "pick", "href": voice.go({"where": (*base, where)})}, label)
    cell = f"media={value}" if row["visitors"] else None
    facts = [
        (title(name, voice), shown(row.get(name), unit, voice))
        for name, unit in (("conversion_rate", "rate"), ("revenue", "money"), ("cost", "money"), ("roas", "number"))
        if row.get(name) is not None and (name not in _ADS or row[name])
    ]
    return el(
        "li",
        {"class": "panel kpi"},
        el("h3", None, label),
        el(
            "p",
            {"class": "value"},
            voice.mark(voice.number(row["sessions"]), cell, tip=voice.text("channels.people", n=row["visitors"]), css="big"),
            " ",
            _delta("sessions", "count", row, voice),
        ),
        el("p", {"class": "was"}, voice.text("channels.share", share=row["share_rate"])),
        bar(row["share_rate"] or 0.0),
        el("dl", {"class": "pairs"}, [join([el("dt", None, name), el("dd", None, text)]) for name, text in facts]),
    )


def unmatched_costs(result: Result, voice: Voice) -> Html | None:
    """Costs that no visit carries the name of."""
    columns = (("cost", "money"), ("impressions", "count"), ("clicks", "count"))
    return _unmatched(result, "unmatched_costs", ("source", "campaign"), columns, voice)


def unmatched_traffic(result: Result, voice: Voice) -> Html | None:
    """Visits of ads that no cost names."""
    columns = (("sessions", "count"), ("visitors", "count"), ("orders", "count"), ("revenue", "money"))
    return _unmatched(result, "unmatched_traffic", ("source", "campaign", "channel"), columns, voice)


def _unmatched(
    result: Result, part: str, names: Sequence[str], figures: Sequence[tuple[str, str]], voice: Voice
) -> Html | None:
    rows = result.parts[part].to_pylist() if part in result.parts else []
    if not rows:
        return None

    def word(name: str) -> Callable[[Row], Child]:
        return lambda row: stranger(_value(name, str(row[name] or ""), voice))

    def figure(name: str, unit: str) -> Callable[[Row], Child]:
        return lambda row: shown(row[name], unit, voice)

    columns = [Column(title(name, voice), word(name)) for name in names]
    columns += [Column(title(name, voice), figure(name, unit), True) for name, unit in figures]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text(f"channels.{part}")),
        el("p", {"class": "caption"}, voice.text(f"channels.{part}_what")),
        table(columns, rows[:_FIRST], label=voice.text(f"channels.{part}"), css="wide"),
        _rest(columns, rows[_FIRST:], voice),
    )


def _rest(columns: Sequence[Column], rows: Sequence[Row], voice: Voice) -> Html | None:
    if not rows:
        return None
    head = voice.text("channels.rest", n=len(rows))
    return el("details", {"class": "more"}, el("summary", None, head), table(columns, rows, label=head, css="wide"))
