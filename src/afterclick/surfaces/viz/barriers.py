"""Barriers under their stages: what was met, what it costs with its interval, who met it, and what to do next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from afterclick.core.result import Result
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.lanes import COLOURS, lane
from afterclick.surfaces.viz.markup import Child, Html, el, join, path, said
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHAPES: Final = {"low": "○", "medium": "◐", "high": "●", "critical": "▲"}
_BADGES: Final = {"medium": "notice", "high": "warning", "critical": "critical"}
SHOWN: Final = 3
"""Barriers that stand open per stage; the rest is behind "+2 more"."""
_ABREAST: Final = 4
"""Stages whose columns fit side by side; more of them scroll."""
_FOUND: Final = ("touchpoint", "error", "field", "landing", "slow", "retry", "loop", "segment")
_PAGES: Final = ("touchpoint", "error", "slow", "landing", "retry")


class Scale(NamedTuple):
    """What the drawings of one card share: the largest end of an interval, the days of the range, the window."""

    most: float
    days: float
    within: str


def scale_of(rows: Iterable[Row], result: Result) -> Scale:
    """The scale of these rows of a Result."""
    ends = [float(row["at_risk_high"] or 0) for row in rows]
    start, end = (_instant(result.about.get(name)) for name in ("start_at", "end_at"))
    days = (end - start) / dt.timedelta(days=1) if start and end else 0.0
    return Scale(max(ends, default=0.0), days, str(result.figures.get("within") or ""))


def _instant(value: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) and value else value or None


def lanes(rows: Sequence[Row], stages: Sequence[str], scale: Scale, voice: Voice) -> Html:
    """The lane of barriers and the lane of next actions, over the same stages as the lanes of the map."""
    of = {stage: [row for row in rows if row["stage"] == stage] for stage in stages}
    elsewhere = [row for row in rows if row["stage"] not in of]
    if elsewhere:
        of[""] = elsewhere

    def cells(fill: Any) -> list[Html]:
        return [
            el(
                "div", {"class": f"cell s{i % COLOURS}"}, el("h3", {"class": "vh"}, voice.stage(stage)),
                fill(here) if here else el("p", {"class": "quiet"}, "–"),
            )
            for i, (stage, here) in enumerate(of.items())
        ]  # fmt: skip

    met = cells(lambda here: _stacked([card(row, scale, voice) for row in here], voice))
    acts = cells(lambda here: _stacked([action(group, voice) for group in _by_recipe(here)], voice))
    explained = why(
        voice.text("barriers.title"), [voice.text("barriers.define"), voice.text("barriers.severity")], voice
    )
    both = join(
        [
            lane(voice.text("barriers.title"), explained, met, "barrier-lane"),
            lane(voice.text("barriers.actions"), None, acts, "action-lane"),
        ]
    )
    drawn = el("div", {"class": f"map n{len(of)}"}, both)
    if len(of) <= _ABREAST:
        return drawn
    label = voice.text("barriers.title")
    return el("div", {"class": "map-scroll", "tabindex": 0, "role": "region", "aria-label": label}, drawn)


def _stacked(cards: Sequence[Html], voice: Voice) -> Html:
    further = cards[SHOWN:]
    more = el("summary", None, voice.text("barriers.more", n=len(further)))
    return join([cards[:SHOWN], el("details", {"class": "more"}, more, further) if further else None])


def severity(row: Row, voice: Voice) -> Html | None:
    """The severity as a shape and a word, colour third; nothing for what is no barrier."""
    level = row["severity"]
    if not level:
        return None
    shape = el("span", {"aria-hidden": "true"}, SHAPES.get(level, "●") + " ")
    return el("span", {"class": f"badge {_BADGES.get(level, '')}"}, shape, voice.text(f"data.severity_{level}"))


def kind(row: Row, voice: Voice) -> str:
    """`error`, `slow page`: what sort of barrier it is."""
    return voice.known(f"barrier_kind.{row['kind']}") or str(row["kind"])


def name(row: Row, voice: Voice) -> Html:
    """What was met, as a link to its own page where it has one."""
    shown = said(row["name"])
    own = row["kind"] in _PAGES and not str(row["name"]).endswith("/**")
    return voice.link(shown, "touchpoint", name=row["name"]) if own else el("span", None, shown)


def finding(row: Row, voice: Voice) -> str:
    """The finding in plain words: how often visits that met it went on to an order, beside visits alike."""
    form = str(row["kind"]) if row["kind"] in _FOUND else "touchpoint"
    return voice.text(
        f"barriers.found_{form}", name=str(row["name"])[:120], met=row["met_rate"], expected=row["expected_rate"]
    )


def amount(row: Row, voice: Voice, field: str = "at_risk") -> str:
    """Money at risk a month, or orders where no amount is known."""
    if row[field] is not None:
        return voice.money(row[field])
    orders = row["lost_orders"]
    return voice.text("barriers.orders", n=round(orders)) if orders is not None else "–"


def card(row: Row, scale: Scale, voice: Voice) -> Html:
    """One barrier."""
    cell = f"barrier={row['key']};part="
    number = voice.mark(amount(row, voice), f"{cell}met", tip=_full(row, voice), css="n")
    explained = why(str(row["name"])[:80], formula(row, scale, voice), voice)
    at_risk = voice.text("barriers.at_risk_short" if row["at_risk"] is not None else "barriers.orders_a_month")
    people = [
        voice.mark(voice.text("barriers.visitors", n=row["visitors"]), f"{cell}met"),
        voice.mark(voice.text("barriers.no_order", n=row["lost"]), f"{cell}lost") if row["lost"] else None,
    ]
    lines: list[Child] = [_dotted(people), _where(row, voice), _once(row, voice)]
    known = _dotted([kind(row, voice), evidence(row, voice)])
    return el(
        "article",
        {"class": f"barrier {row['severity'] or 'low'}"},
        el("p", None, severity(row, voice), " ", el("span", {"class": "quiet"}, known)),
        el("h4", None, f"{row['rank']}. " if row["rank"] else None, name(row, voice)),
        el("p", None, said(finding(row, voice))),
        el("div", None, number, " ", at_risk, explained),
        interval(row, scale.most, voice),
        [el("p", {"class": "quiet"}, line) for line in lines if line],
        why_link(row, voice),
    )


def _dotted(parts: Sequence[Child]) -> list[Child]:
    kept = [part for part in parts if part]
    return [piece for i, part in enumerate(kept) for piece in ((" · ", part) if i else (part,))]


def evidence(row: Row, voice: Voice) -> str:
    """`observed`: how it is known."""
    return voice.known(f"evidence.{row['evidence']}") or str(row["evidence"])


def why_link(row: Row, voice: Voice) -> Html | None:
    """Leads to what differs between those who went on and those who did not."""
    href = voice.go({"why": str(row["key"])}) if voice.go else ""
    label = voice.text("barriers.why_of", name=str(row["name"])[:80])
    return (
        el("p", None, el("a", {"href": f"{href}#card-why", "aria-label": label}, voice.text("barriers.why")))
        if href
        else None
    )


def _full(row: Row, voice: Voice) -> str | None:
    return None if row["at_risk"] is None else voice.money_full(row["at_risk"])


def _where(row: Row, voice: Voice) -> Child:
    if not row["where_field"]:
        return None
    value = voice.name(str(row["where_field"]), str(row["where_value"]))
    return said(voice.text("barriers.where", value=value[:80], rate=row["where_rate"], usual=row["usual_rate"]))


def _once(row: Row, voice: Voice) -> str | None:
    """What is left of it where visits that met several barriers count only at the largest."""
    if row["own_at_risk"] is None or voice.money(row["own_at_risk"]) == voice.money(row["at_risk"]):
        return None
    return voice.text("barriers.once", own=voice.money(row["own_at_risk"]), all=voice.money(row["at_risk"]))


def interval(row: Row, most: float, voice: Voice) -> Html | None:
    """The 95 % interval on the scale that all barriers of the card share, from nothing to its largest end."""
    if row["at_risk"] is None or not most > 0:
        return None
    low, middle, high = (100 * float(row[field]) / most for field in ("at_risk_low", "at_risk", "at_risk_high"))
    drawn = el(
        "svg",
        {"class": "dots", "viewBox": "0 0 100 12", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("path", {"class": "rule", "d": path("M", 0, 1, "V", 11, "M", 0, 6, "H", 100)}),
        el("path", {"d": path("M", low, 6, "H", max(high, low + 0.5))}),
        el("path", {"class": "dot", "d": path("M", middle, 6, "h", 0.01)}),
    )
    ends = voice.text(
        "barriers.interval_month", low=voice.money(row["at_risk_low"]), high=voice.money(row["at_risk_high"])
    )
    return el("div", {"title": voice.text("barriers.interval_tip")}, drawn, el("p", {"class": "quiet"}, ends))


def formula(row: Row, scale: Scale, voice: Voice) -> list[str]:
    """What the money at risk is, with the numbers of this barrier put in."""
    numbers = {
        "visits": row["visits"], "expected": row["expected_rate"], "met": row["met_rate"], "days": scale.days,
        "controls": row["controls"], "spilled": row["spilled_rate"] or 0.0,
    }  # fmt: skip
    if row["at_risk"] is None:
        main = voice.text("barriers.formula_orders", **numbers, orders=row["lost_orders"])
    else:
        worth = {f"{side}_aov": _rounded(row[f"{side}_aov"], voice) for side in ("met", "expected")}
        main = voice.text("barriers.formula", **numbers, **worth, at_risk=voice.money(row["at_risk"]))
    lines = [voice.text("barriers.define_risk"), main]
    if numbers["spilled"]:
        lines.append(voice.text("barriers.formula_spilled", spilled=numbers["spilled"]))
    within = voice.within(scale.within) if scale.within else "–"
    return [*lines, voice.text("barriers.formula_matched", controls=row["controls"], within=within)]


def _rounded(value: float | None, voice: Voice) -> str:
    return "–" if value is None else voice.money_full(Decimal(str(round(value, 2 if value < 1000 else 0))))


def _by_recipe(rows: Sequence[Row]) -> list[list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row["recipe"]), []).append(row)
    return list(groups.values())


def action(rows: Sequence[Row], voice: Voice) -> Html:
    """What to do about barriers of one recipe, and which ones they are."""
    recipe = str(rows[0]["recipe"])
    against = voice.text("barriers.against", names=[f"{row['rank']}. {str(row['name'])[:80]}" for row in rows])
    return el(
        "article",
        {"class": "action"},
        el("h4", None, voice.known(f"recipe.{recipe}") or recipe),
        el("p", None, voice.known(f"recipe.{recipe}_why")),
        el("p", {"class": "quiet"}, said(against)),
        voice.automate(recipe) if voice.automate else None,
    )
