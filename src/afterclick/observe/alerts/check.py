"""One alert looked at: the number now, what it is held against, and whether it rings."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.kpi import Kpi
from afterclick.core import clock, spans
from afterclick.core.errors import AfterclickError, NotEnoughData, SpecError
from afterclick.core.said import Said, Spoken
from afterclick.core.spec import Spec
from afterclick.observe.alerts.asking import Ask, Figure, figure_of, question_of
from afterclick.observe.alerts.baseline import usual
from afterclick.store.documents import Alert

_SERIES = "series"


class Check(NamedTuple):
    """An alert as it stands: `state` is ringing, quiet or unknown (then `reason` says why).

    `usual`, `low` and `high` are what the value is held against (None = no such bound); `days` the days it is of and
    `before` those it is explained beside. `problem` is what was wrong with the alert itself.
    """

    alert: Alert
    state: str
    value: float | None = None
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    days: str = ""
    before: str = ""
    reason: str = ""
    problem: Spoken = ""
    unit: str = "count"


def check(alert: Alert, ask: Ask, context: Context) -> Check:
    """Look at an alert; whatever is wrong with it is said in the answer, so that one cannot silence the others."""
    try:
        spec, figure = question_of(alert.question), figure_of(alert.figure)
        return (_threshold if alert.kind == "threshold" else _unusual)(alert, spec, figure, ask, context)
    except NotEnoughData:
        return Check(alert, "unknown", reason="empty")
    except AfterclickError as error:
        return Check(alert, "unknown", problem=error.said, reason="alert_broken")


def _threshold(alert: Alert, spec: Spec, figure: Figure, ask: Ask, context: Context) -> Check:
    result = ask(spec)
    value, reason = figure.read(result)
    days, before = str(result.about.get("range") or ""), str(result.about.get("compare") or "")
    if not before and "range" in result.about:
        before = _before(days, context)
    if value is None:
        return Check(alert, "unknown", days=days, low=alert.below, high=alert.above, reason=reason or "empty")
    unit = figure.unit(result)
    over = alert.above is not None and value > alert.above
    under = alert.below is not None and value < alert.below
    state = "ringing" if over or under else "quiet"
    return Check(alert, state, value, None, alert.below, alert.above, days, before, unit=unit)


def _before(days: str, context: Context) -> str:
    """As many days just before."""
    period = spans.resolve_range(days, clock.now(), clock.now(), context.zone)
    earlier = spans.resolve_compare("prev", period, context.zone)
    return "" if earlier is None else _text(earlier, context)


def _text(period: spans.Period, context: Context) -> str:
    first, last = spans.local_day(period.start, context.zone), spans.local_day(period.end - 1, context.zone)
    return f"{first}..{last}"


def _unusual(alert: Alert, spec: Spec, figure: Figure, ask: Ask, context: Context) -> Check:
    fields = {field.name for field in type(spec).fields()}
    if not {"range", "compare"} <= fields:
        raise SpecError(Said("refusals.no_usual_day", key_word=spec.key_word), path="question")
    day = last_day(context)
    values = _course(spec, figure, ask, context, day, alert.weeks)
    value, found = values[day], usual(values, day, alert.weeks, alert.false_rate)
    days, before = (f"{one}..{one}" for one in (day, day - timedelta(days=7)))
    if value is None or found.reason:
        return Check(
            alert, "unknown", value, found.middle, days=days, before=before, reason=found.reason or "empty"
        )
    assert found.low is not None
    assert found.high is not None
    over = value > found.high and alert.direction != "less"
    under = value < found.low and alert.direction != "more"
    state = "ringing" if over or under else "quiet"
    unit = figure.unit(ask(_in_days(spec, day, day)))
    return Check(alert, state, value, found.middle, found.low, found.high, days, before, unit=unit)


def last_day(context: Context) -> date:
    """The last local day that is over and that the store knows: the day of the last event, or the one before it."""
    known = spans.local_day(context.as_of(""), context.zone)
    return known if spans.local_day(clock.now(), context.zone) > known else known - timedelta(days=1)


def _course(
    spec: Spec, figure: Figure, ask: Ask, context: Context, day: date, weeks: int
) -> dict[date, float | None]:
    """The number day by day; days of which the store holds no whole one are left out."""
    # The first day of a store began somewhere in its middle.
    begun = spans.local_day(context.snapshot.behaved[0], context.zone)
    days = [day - timedelta(days=ago) for ago in range(7 * weeks + 1)]
    days = [one for one in days if one > begun or one == day]
    if isinstance(spec, Kpi) and not figure.table:
        found = _told(spec, figure, ask, days)
        if found is not None:
            return found
    return {one: _of_day(spec, figure, ask, one) for one in days}


def _told(spec: Spec, figure: Figure, ask: Ask, days: list[date]) -> dict[date, float | None] | None:
    """A key figure whose curve the answer already holds; None for one that has none."""
    result = ask(_in_days(spec, days[-1], days[0], interval="day"))
    table: pa.Table = result.parts[_SERIES]
    rows = [row for row in table.to_pylist() if row["metric"] == figure.name]
    return {one: row["value"] for one, row in zip(sorted(days), rows, strict=True)} if rows else None


def _of_day(spec: Spec, figure: Figure, ask: Ask, day: date) -> float | None:
    try:
        return figure.read(ask(_in_days(spec, day, day)))[0]
    except NotEnoughData:
        return None


def _in_days(spec: Spec, first: date, last: date, **more: Any) -> Spec:
    return msgspec.structs.replace(spec, range=f"{first}..{last}", compare="none", **more)
