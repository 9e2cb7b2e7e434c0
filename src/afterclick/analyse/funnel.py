"""Ordered funnels: who reached which step, how long it took, what it was worth, and who stands behind each number."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse import fields
from afterclick.analyse.attempts import Attempts, Chain, attempts_of
from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.kernels import funnel as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.orders import total
from afterclick.analyse.question import Duration, Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.moments import Quantiles, Share
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.step import Step
from afterclick.store.columns import NO_AMOUNT
from afterclick.store.snapshot import Snapshot

GROUPS = 10
HISTOGRAM = tuple(spans.micros(text) for text in ("0s", "10s", "1m", "10m", "1h", "6h", "1d", "3d", "7d", "30d", "90d"))


class Funnel(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many visitors take each step in order, and where they leave."""

    key_word = "funnel"

    steps: Annotated[
        tuple[str, ...],
        Meta(
            description="two or more steps in order, each Event or Event[condition]",
            examples=["Product Viewed", "Order Completed[revenue >= 20000]"],
            min_length=2,
        ),
    ]
    within: Annotated[Duration, Meta(description="time from step 1, inclusive")] = "14d"
    within_from: Annotated[
        Literal["first", "previous"], Meta(description="the window runs from step 1, or from the last step reached")
    ] = "first"
    unit: Annotated[
        Literal["visitors", "attempts"], Meta(description="count visitors once, or each attempt that does not overlap")
    ] = "visitors"
    entry: Annotated[
        Literal["best", "first"], Meta(description="the attempt that got furthest, or only the first one")
    ] = "best"
    ties: Annotated[
        Literal["either", "strict"],
        Meta(description="equal instants count in either order, or a later step must be later"),
    ] = "either"
    tie_tolerance: Annotated[Duration, Meta(description="instants this close count as equal")] = "0ms"
    clip: Annotated[
        Literal["none", "range"], Meta(description="later steps may follow the range, or nothing after it counts")
    ] = "none"
    by: Annotated[str, Meta(description="field of step 1 to break down by", examples=["device_type", "channel"])] = ""
    value: Annotated[str, Meta(description="money summed per step", examples=["amount", "price"])] = "amount"

    def check(self) -> None:
        """Steps must be readable."""
        super().check()
        for text in self.steps:
            step = Step.parse(text)
            if step.optional or step.anchored:
                raise SpecError(
                    f"the step {text!r} carries a ? or !",
                    hint="optional and anchored steps are not offered yet",
                    path="steps",
                )

    def parsed(self) -> tuple[Step, ...]:
        """The steps as values."""
        return tuple(Step.parse(text) for text in self.steps)

    def chain(self) -> Chain:
        """What an attempt is, as plain values."""
        strict = self.ties == "strict"
        first = kernels.FIRST if self.entry == "first" else kernels.BEST
        return Chain(
            steps=self.parsed(),
            within=spans.micros(self.within),
            from_previous=self.within_from == "previous",
            strict=strict,
            tolerance=0 if strict else spans.micros(self.tie_tolerance),
            entry=kernels.ATTEMPTS if self.unit == "attempts" else first,
            clipped=self.clip == "range",
        )

    def answer(self, context: Context) -> Result:
        """Run the funnel."""
        return _read(scope_of(context, self), self)


def _read(scope: Scope, funnel: Funnel) -> Result:
    found = attempts_of(scope, funnel.chain(), scope.period)
    before = attempts_of(scope, funnel.chain(), scope.previous) if scope.previous else None
    still_open = _open(scope, funnel, found)
    frame = _steps(scope, funnel, found, before, still_open)
    rows = frame.to_pylist()
    notes: list[Note] = []
    if scope.as_of < scope.period.end - 1 + spans.micros(funnel.within) and still_open.any():
        notes.append(Note("funnel_open", {"open": int(still_open.sum()), "within": spans.micros(funnel.within)}))
    if not len(found.visitor):
        notes.append(Note("funnel_empty", {"step": funnel.steps[0]}))
    groups, codes = _groups(scope, funnel, found)
    parts = {"histogram": _histogram(funnel, found)}
    if funnel.by:
        parts["breakdown"] = _breakdown(scope, funnel, found, groups, codes)
    figures = {
        "started": len(found.visitor),
        "converted": rows[-1]["n"],
        "conversion_rate": rows[-1]["of_all_rate"],
        "previous_conversion_rate": _last_rate(before, len(funnel.steps)),
        "seconds_to_convert_p50": rows[-1]["seconds_from_first_p50"],
    }
    return Result(
        funnel, frame, sentence=_sentence(rows, funnel), figures=figures, parts=parts, notes=tuple(notes),
        about=scope.about(funnel.unit, within=funnel.within, visitors=found.visitors),
        people=_people(scope, funnel, found, still_open, groups, codes),
    )  # fmt: skip


def _open(scope: Scope, funnel: Funnel, found: Attempts) -> np.ndarray:
    """Which units may still go on: not through, and the window of the awaited step is not over at "as of"."""
    if not len(found.visitor):
        return np.zeros(0, bool)
    if funnel.within_from == "previous":
        last = found.rows.at[found.pick[np.arange(len(found.reached)), found.reached - 1]]
    else:
        last = found.times[0]
    horizon = min(scope.as_of, scope.period.end - 1) if funnel.clip == "range" else scope.as_of
    waiting = last + spans.micros(funnel.within) > horizon
    result: np.ndarray = waiting & (found.reached < len(funnel.steps))
    return result


def _steps(scope: Scope, funnel: Funnel, found: Attempts, before: Attempts | None, still_open: np.ndarray) -> pa.Table:
    values = _values(scope, funnel)
    first = len(found.visitor)
    table: list[dict[str, Any]] = []
    for k, step in enumerate(funnel.parsed()):
        here = found.reaching[k]
        n = len(here)
        previous = table[-1]["n"] if table else n
        amounts = values(found.rows_of(k, here)) if has_amounts(scope, funnel, step) else None
        ended, waits = found.reached[here] == k + 1, still_open[here]
        left = ended & ~waits
        lost = None if amounts is None else _sum(amounts[left])
        row: dict[str, Any] = {
            "step": k + 1, "event": step.text(), "optional": False, "n": n,
            "of_all_rate": Share(n, first).rate, "from_previous_rate": Share(n, previous).rate,
            "lost": int(left.sum()) if k + 1 < len(funnel.steps) else 0,
            "open": int((ended & waits).sum()),
            "previous_n": None if before is None else int((before.reached > k).sum()),
            **_money(amounts), "lost_value": lost,
        }  # fmt: skip
        since_first = _times(found, 0, k)
        since_previous = since_first if k < 2 else _times(found, k - 1, k)
        row.update({f"seconds_from_first_{stat}": value for stat, value in since_first.items()})
        row.update({f"seconds_from_previous_{stat}": value for stat, value in since_previous.items()})
        table.append(row)
    return pa.Table.from_pylist(table, schema=_SCHEMA)


_STATS = ("p25", "p50", "p75", "p90", "mean")
_MONEY = pa.decimal128(28, 4)
_SCHEMA = pa.schema(
    [
        ("step", pa.int32()), ("event", pa.string()), ("optional", pa.bool_()), ("n", pa.int64()),
        ("of_all_rate", pa.float64()), ("from_previous_rate", pa.float64()), ("lost", pa.int64()),
        ("open", pa.int64()), ("previous_n", pa.int64()), ("value_sum", _MONEY), ("value_mean", pa.float64()),
        ("value_median", pa.float64()), ("lost_value", _MONEY),
        *((f"seconds_from_{since}_{stat}", pa.float64()) for since in ("first", "previous") for stat in _STATS),
    ]
)  # fmt: skip


def has_amounts(scope: Scope, funnel: Funnel, step: Step) -> bool:
    """Can an event of this step carry the funnel's value? Looked up once per store: most steps never do."""
    if funnel.value not in fields.AMOUNTS:
        return True
    context = scope.context

    def find() -> np.ndarray:
        there = np.zeros(len(context.names()[0]), bool)
        for chunk in context.snapshot.chunks(("name", "amount"), None):
            there[chunk.columns["name"][chunk.columns["amount"] != NO_AMOUNT]] = True
        return there

    return bool(context.keep(("names with amounts",), find)[context.name_codes(step.event)].any())


def _values(scope: Scope, funnel: Funnel) -> Callable[[np.ndarray], np.ndarray | None]:
    """Minor units (or numbers) of global rows for the funnel's money field; None where the field is not in the store."""
    context = scope.context
    if funnel.value in fields.AMOUNTS:
        return lambda rows: _taken(context.snapshot, rows)
    stored = f"p.{funnel.value}"
    if funnel.value not in context.snapshot.property_names or context.snapshot.column_kind(stored) != "number":
        raise SpecError(
            f"{funnel.value!r} is no number in this store",
            hint="leave value out, or name a number such as price",
            path="value",
        )

    def scaled(rows: np.ndarray) -> np.ndarray:
        numbers = context.snapshot.take(stored, rows)
        minor = np.full(len(numbers), NO_AMOUNT, np.int64)
        there = ~np.isnan(numbers)
        minor[there] = np.rint(numbers[there] * 10_000).astype(np.int64)
        return minor

    return scaled


def _taken(snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """Amounts of these rows, looked up side by side: the first step may have very many."""
    amounts = np.empty(len(rows), np.int64)
    cuts = np.linspace(0, len(rows), workers() + 1).astype(int)

    def look_up(first: int, last: int) -> None:
        amounts[first:last] = snapshot.take("amount", rows[first:last])

    list(pool().map(look_up, cuts[:-1], cuts[1:]))
    return amounts


def _money(amounts: np.ndarray | None) -> dict[str, Any]:
    there = _there(amounts) if amounts is not None else np.zeros(0, np.int64)
    if not len(there):
        return {"value_sum": None, "value_mean": None, "value_median": None}
    whole = total(there)
    return {
        "value_sum": to_decimal(whole),
        "value_mean": whole / len(there) / 10_000,
        "value_median": float(np.median(there)) / 10_000,
    }


def _sum(amounts: np.ndarray) -> Decimal | None:
    there = _there(amounts)
    return to_decimal(total(there)) if len(there) else None


def _there(amounts: np.ndarray) -> np.ndarray:
    absent = amounts == NO_AMOUNT
    return amounts[~absent] if absent.any() else amounts


def _times(found: Attempts, since: int, until: int) -> dict[str, float | None]:
    here = found.reaching[until]
    if since == until or not len(here):
        return dict.fromkeys(_STATS)
    took = found.took(since, until)
    spread = Quantiles.of(took)
    points = (spread.p25, spread.median, spread.p75, spread.p90)
    seconds = [value / spans.SECOND if value is not None else None for value in points]
    return dict(zip(_STATS, (*seconds, float(took.mean()) / spans.SECOND), strict=True))


def _histogram(funnel: Funnel, found: Attempts) -> pa.Table:
    rows = []
    edges = np.array([*HISTOGRAM, 2**62])
    for k in range(1, len(funnel.steps)):
        took = np.maximum(found.took(0, k), 0)
        counts, _ = np.histogram(took, edges)
        rows += [
            {
                "step": k + 1, "low_seconds": edges[i] / spans.SECOND,
                "high_seconds": None if i + 2 == len(edges) else edges[i + 1] / spans.SECOND, "n": int(counts[i]),
            }
            for i in range(len(counts))
        ]  # fmt: skip
    kinds = [("step", pa.int32()), ("low_seconds", pa.float64()), ("high_seconds", pa.float64()), ("n", pa.int64())]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _groups(scope: Scope, funnel: Funnel, found: Attempts) -> tuple[list[str], np.ndarray]:
    """The names of the groups, largest first, then "other"; and per unit its group, by the value at step 1."""
    if not funnel.by:
        return [], np.zeros(0, np.int64)
    context = scope.context
    name = funnel.by.removeprefix("properties.")
    if name not in fields.known_fields(context):
        raise SpecError(
            f"there is no field {funnel.by!r} in this store",
            hint=", ".join(fields.known_fields(context)[:30]),
            path="by",
        )
    codes, texts = fields.codes_of(context, name, scope.taker(0, found.rows_of(0, found.reaching[0])))
    counts = np.bincount(codes + 1, minlength=len(texts) + 1)
    labels = ["(none)", *texts]
    ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], labels[code]))
    place = np.full(len(counts), GROUPS, np.int64)
    place[ranked[:GROUPS]] = np.arange(len(ranked[:GROUPS]))
    names = [labels[code] for code in ranked[:GROUPS]]
    return [*names, *(["(other)"] if len(ranked) > GROUPS else [])], place[codes + 1]


def _breakdown(scope: Scope, funnel: Funnel, found: Attempts, groups: list[str], codes: np.ndarray) -> pa.Table:
    values, rows = _values(scope, funnel), []
    for number, group in enumerate(groups):
        inside = codes == number
        first = previous = int(inside.sum())
        for k in range(len(funnel.steps)):
            here = found.reaching[k][inside[found.reaching[k]]]
            n = len(here)
            low, high = Share(n, previous).interval or (None, None)
            rows.append(
                {
                    "group": group, "step": k + 1, "n": n, "of_all_rate": Share(n, first).rate,
                    "from_previous_rate": Share(n, previous).rate, "low": low, "high": high,
                    "value_sum": _money(values(found.rows_of(k, here)))["value_sum"],
                }
            )  # fmt: skip
            previous = n
    kinds = [
        ("group", pa.string()), ("step", pa.int32()), ("n", pa.int64()), ("of_all_rate", pa.float64()),
        ("from_previous_rate", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("value_sum", _MONEY),
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _last_rate(found: Attempts | None, steps: int) -> float | None:
    if found is None:
        return None
    return Share(int((found.reached == steps).sum()), len(found.reached)).rate


def _sentence(rows: list[dict[str, Any]], funnel: Funnel) -> Text:
    if not rows[0]["n"]:
        return Text("sentence.funnel_empty", {"step": rows[0]["event"]})
    worst = max(range(len(rows) - 1), key=lambda k: rows[k]["n"] - rows[k + 1]["n"])
    return Text(
        "sentence.funnel_open" if rows[worst]["open"] else "sentence.funnel",
        {
            "lost": rows[worst]["n"] - rows[worst + 1]["n"], "open": rows[worst]["open"],
            "before": rows[worst]["event"], "after": rows[worst + 1]["event"],
            "rate": rows[-1]["of_all_rate"], "within": spans.micros(funnel.within),
        },
    )  # fmt: skip


def _people(
    scope: Scope, funnel: Funnel, found: Attempts, still_open: np.ndarray, groups: list[str], codes: np.ndarray
) -> dict[str, Callable[[], People]]:
    cells: dict[str, Callable[[], People]] = {}
    # Results are kept for long, so their cells hold what they count and not the rows it was found in.
    visitor, reached, steps = found.visitor, found.reached, len(funnel.steps)

    def cell(k: int, part: str, number: int = -1) -> Callable[[], People]:
        group = groups[number] if number >= 0 else ""
        params = {"step": funnel.steps[k], "within": spans.micros(funnel.within), "group": group}
        text = Text(f"people.funnel_{part}" + ("_group" if group else ""), params)

        def behind() -> People:
            here = reached > k if part == "reached" else reached == k + 1
            if part != "reached":
                here = here & (still_open if part == "open" else ~still_open)
            if number >= 0:
                here = here & (codes == number)
            return people_of(scope, np.unique(visitor[here]), text)

        return behind

    for k in range(steps):
        for part in ("reached", "lost", "open") if k + 1 < steps else ("reached",):
            cells[f"step={k + 1};part={part}"] = cell(k, part)
        for number, group in enumerate(groups):
            cells[f"group={group};step={k + 1};part=reached"] = cell(k, "reached", number)
    return cells
