"""How a key figure reads: its text by unit, its change in its own direction, its definition, the people behind it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from afterclick.core import noise
from afterclick.core.moments import Share
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


class Metric(NamedTuple):
    """A key figure: the cell of its people ("" = none), whether more of it is good (1), bad (-1) or neither (0), and
    what it is out of, as two other figures."""

    cell: str = ""
    good: int = 1
    over: tuple[str, str] | None = None
    costs: bool = False


METRICS: Final[Mapping[str, Metric]] = {
    "visitors": Metric("visitors"),
    "sessions": Metric("visitors"),
    "new_visitor_rate": Metric("new", 0, ("new_visitors", "visitors")),
    "bounce_rate": Metric("bounced", -1, ("bounced", "qualifying_sessions")),
    "exit_rate": Metric("", -1),
    "engagement_rate": Metric("engaged", 1, ("engaged_sessions", "sessions")),
    "pageviews": Metric("visitors"),
    "conversion_rate": Metric("buyers", 1, ("orders", "visitors")),
    "orders": Metric("buyers"),
    "buyers": Metric("buyers"),
    "new_buyers": Metric("new_buyers"),
    "aov": Metric("buyers", 1, ("revenue", "orders")),
    "revenue": Metric("buyers"),
    "impressions": Metric("", 1, costs=True),
    "clicks": Metric("", 1, costs=True),
    "click_rate": Metric("", 1, ("clicks", "impressions"), True),
    "cost": Metric("", 0, costs=True),
    "cpc": Metric("", -1, ("cost", "clicks"), True),
    "cpa": Metric("", -1, ("cost", "attributed_orders"), True),
    "roas": Metric("", 1, ("attributed_revenue", "cost"), True),
    "cac": Metric("attributed_new_buyers", -1, ("cost", "attributed_new_buyers"), True),
}
OTHER: Final = "(other)"
_MONEY: Final = frozenset({"revenue", "attributed_revenue", "cost", "gross", "refunds", "aov", "cpc", "cpa", "cac"})


def title(name: str, voice: Voice) -> str:
    """The heading of a figure."""
    said = voice.known(f"column.{name}") or name.replace("_", " ")
    return said[:1].upper() + said[1:]


def shown(value: Any, unit: str, voice: Voice, *, full: bool = False) -> str:
    """A value by its unit (count, rate, money, number, months); `full` writes amounts to the last digit."""
    if value is None:
        return "–"
    if unit == "money":
        return voice.money_full(exact(value)) if full else voice.money(exact(value))
    if unit == "rate":
        return voice.rate(value)
    if unit == "number":
        return voice.text("overview.times", n=float(value))
    if unit == "months":
        return voice.text("overview.months", n=float(value))
    return voice.number(value) if full or abs(value) < 1_000_000 else voice.short(value)


def exact(value: Any) -> Decimal:
    """An amount in major units as it is; a float by its shortest digits, to the fourth decimal."""
    return value if isinstance(value, Decimal) else round(Decimal(repr(float(value))), 4)


def signed(value: Any, voice: Voice) -> str:
    """An amount as a difference: `+₩1.2M`, `−₩300`."""
    amount = exact(value)
    return ("+" if amount > 0 else "") + voice.money(amount)


def delta(name: str, row: Row, figures: Mapping[str, Any], voice: Voice) -> Html | None:
    """The change since the period before: rates in points, everything else in %; grey where it may be chance."""
    change, value, old = row.get("change"), row.get("value"), row.get("previous")
    if change is None:
        return None
    said = voice.points(change) if row["unit"] == "rate" else voice.change(change)
    good = METRICS[name].good if name in METRICS else 0
    quiet = within_noise(name, row, figures)
    flat = quiet or not good or not any(digit in said for digit in "123456789")
    css = "flat" if flat else "good" if (change > 0) == (good > 0) else "bad"
    tip = [voice.text("frame.against_previous")]
    if old is not None and value is not None:
        tip.append(f"{shown(old, row['unit'], voice, full=True)} → {shown(value, row['unit'], voice, full=True)}")
    if quiet:
        tip.append(voice.text("overview.within_noise"))
    return el("span", {"class": f"delta {css}", "title": " · ".join(tip)}, said)


def within_noise(name: str, row: Row, figures: Mapping[str, Any]) -> bool:
    """Whether the change is no more than chance brings: rates by their numerators and denominators, counts by themselves,
    revenue by its number of orders. What has no known spread is never called noise."""
    before = figures.get("previous") or {}
    metric = METRICS.get(name)
    if row["unit"] == "rate" and metric and metric.over:
        shares = [_share(side, metric.over) for side in (figures, before)]
        return bool(shares[0] and shares[1] and noise.same_rate(shares[0], shares[1]))
    counted = "orders" if name == "revenue" else name if row["unit"] == "count" else ""
    now, then = figures.get(counted), before.get(counted)
    return now is not None and then is not None and bool(noise.same_count(int(now), int(then)))


def _share(figures: Mapping[str, Any], over: tuple[str, str]) -> Share | None:
    """Orders per visitor is no share where people order often."""
    hits, n = (figures.get(part) for part in over)
    return Share(int(hits), int(n)) if hits is not None and n is not None and 0 <= hits <= n else None


def explained(name: str, row: Row, figures: Mapping[str, Any], voice: Voice) -> Html:
    """The "?" of a figure: definition, formula with its numbers, interval."""
    lines = [voice.known(f"define.{name}") or voice.text("overview.no_definition")]
    over = METRICS[name].over if name in METRICS else None
    parts = [figures.get(part) for part in over] if over else []
    if over and row.get("value") is not None and all(part is not None for part in parts):
        top, bottom = (_of(part, figures[part], voice) for part in over)
        lines.append(f"{top} ÷ {bottom} = {shown(row['value'], row['unit'], voice, full=True)}")
    if row.get("low") is not None and row.get("high") is not None:
        low, high = (shown(row[side], row["unit"], voice, full=True) for side in ("low", "high"))
        lines.append(voice.text("overview.interval", low=low, high=high))
    return why(title(name, voice), lines, voice)


def _of(name: str, value: Any, voice: Voice) -> str:
    unit = "money" if name in _MONEY else "count"
    words = title(name, voice)
    return f"{words} {shown(value, unit, voice, full=True)}"


def lacking(name: str, figures: Mapping[str, Any], voice: Voice) -> Html:
    """What stands where a figure cannot be computed: the input that is missing, and how to bring it in."""
    metric = METRICS.get(name, Metric())
    if metric.costs and figures.get("cost") is None:
        return el(
            "div",
            {"class": "lack"},
            el("p", None, voice.text("overview.needs_costs")),
            el("code", {"data-copy": True, "tabindex": 0}, "afterclick import costs.csv --kind costs"),
        )
    code = str((figures.get("reasons") or {}).get(name) or "empty")
    return el("div", {"class": "lack"}, el("p", None, voice.known(f"reason.{code}") or voice.text("map.not_known")))


def named(field: str, value: str, voice: Voice) -> str:
    """A value of a dimension as a person reads it."""
    if value == OTHER:
        return voice.text("overview.other")
    if value in ("", "(none)"):
        return voice.known(f"overview.none_{field}") or voice.name(field, value)
    return voice.name(field, value)
