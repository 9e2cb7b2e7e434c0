"""Every question over stores in which nearly nothing can be computed: an answer with reasons, never a traceback or NaN."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import afterclick
from afterclick.app.questions import ALL
from afterclick.core import clock
from afterclick.core.errors import AfterclickError, NotEnoughData
from support.shop import Shop

HOUR = 3_600_000_000
PAGE, ADD, ORDER = "Page Viewed", "Product Added", "Order Completed"
URL = "https://shop.example/p"


def instant(*when: int, zone: str = "UTC") -> int:
    return clock.from_datetime(datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC))


def empty() -> Shop:
    return Shop()


def one_event() -> Shop:
    return Shop().add("v1", "0", PAGE, url=URL)


def one_visitor() -> Shop:
    made = Shop()
    for day in range(40):
        made.add("v1", f"{day}d", PAGE, url=URL).add("v1", f"{day}d1m", ADD, product_id="p1")
        made.add("v1", f"{day}d2m", ORDER, order_id=f"o{day}", revenue=10, product_id="p1")
    return made


def one_instant() -> Shop:
    made = Shop()
    for visitor in range(6):
        made.add(f"v{visitor}", "0", PAGE, url=URL).add(f"v{visitor}", "0", ADD, product_id="p1")
        made.add(f"v{visitor}", "0", ORDER, order_id=f"o{visitor}", revenue=10)
    return made


def zero_denominators() -> Shop:
    """No action that qualifies, orders worth nothing, a refund without an order, an ad without clicks or views."""
    made = Shop().add("v1", "0", "Scrolled").add("v2", "1d", "Scrolled")
    made.add("v1", "1h", ORDER, order_id="o1", revenue=0).add("v1", "2h", "Order Refunded", order_id="gone", revenue=5)
    made.add(None, "12h", "Ad Cost Reported", source="naver", impressions=0, clicks=0, revenue=0)
    return made.add("v3", "2d", "Product Searched", query="")


def dst(zone: str, spring: tuple[int, int], autumn: tuple[int, int]) -> Shop:
    """Every hour of the day before, of and after both changes of the clocks, with an order in the hour that is twice."""
    made = Shop()
    for month, day in (spring, autumn):
        begin = instant(2026, month, day, zone=zone) - 24 * HOUR
        for hour in range(73):
            made.add(f"v{hour % 7}", begin + hour * HOUR, PAGE, url=URL)
            if hour % 5 == 0:
                made.add(f"v{hour % 7}", begin + hour * HOUR + 1, ORDER, order_id=f"o{month}-{hour}", revenue=3)
    return made


def leap_day() -> Shop:
    made = Shop()
    for year, month, day in ((2024, 2, 29), (2024, 3, 1), (2024, 3, 29), (2025, 2, 28), (2025, 3, 1), (2028, 2, 29)):
        for visitor in range(4):
            at = instant(year, month, day, 12, visitor)
            made.add(f"v{visitor}", at, PAGE, url=URL)
            made.add(f"v{visitor}", at + 1, ORDER, order_id=f"{year}{month}{day}-{visitor}", revenue=7)
    return made


def mixed_currencies() -> Shop:
    made = Shop()
    for visitor, currency in enumerate(("KRW", "USD", "EUR", "")):
        made.add(f"v{visitor}", f"{visitor}d", PAGE, url=f"{URL}?utm_source=naver&utm_medium=cpc")
        made.add(f"v{visitor}", f"{visitor}d1m", ORDER, order_id=f"o{visitor}", revenue=9, currency=currency or None)
    return made


def only_bots() -> Shop:
    made = Shop()
    for visitor in range(3):
        made.add(f"b{visitor}", f"{visitor}h", PAGE, url=URL, device="bot")
        made.add(f"b{visitor}", f"{visitor}h1m", ORDER, order_id=f"o{visitor}", revenue=9, device="bot")
    return made


def only_system() -> Shop:
    made = Shop()
    for number in range(3):
        made.add(f"v{number}", f"{number}h", "Identified", type="identify", user=f"u{number}", email=f"u{number}@x.example")
        made.add(f"v{number}", f"{number}h1m", "Message Opened", campaign="spring")
    return made


STORES = {
    "empty": (empty, {}),
    "one_event": (one_event, {}),
    "one_visitor": (one_visitor, {}),
    "one_instant": (one_instant, {}),
    "zero_denominators": (zero_denominators, {"currency": "KRW"}),
    "dst_berlin": (lambda: dst("Europe/Berlin", (3, 29), (10, 25)), {"timezone": "Europe/Berlin"}),
    "dst_new_york": (lambda: dst("America/New_York", (3, 8), (11, 1)), {"timezone": "America/New_York"}),
    "leap_day": (leap_day, {"timezone": "Asia/Seoul"}),
    "mixed_currencies": (mixed_currencies, {}),
    "only_bots": (only_bots, {}),
    "only_system": (only_system, {}),
}

FILLED: dict[str, dict[str, object]] = {
    "map": {}, "barriers": {}, "kpi": {}, "channels": {}, "change": {}, "top": {"of": "source"}, "touchpoints": {},
    "touchpoint": {"name": "/p"}, "visitors": {}, "visitor": {"id": "v1"}, "data": {}, "doctor": {}, "reconcile": {},
    "funnel": {"steps": (PAGE, ORDER)}, "drivers": {"steps": (PAGE, ORDER)}, "retention": {}, "feedback": {}, "rewards": {},
    "referrals": {}, "lifecycle": {}, "stickiness": {}, "onboarding": {}, "paths": {}, "transitions": {}, "searches": {},
    "attribution": {}, "value": {}, "rfm": {}, "repeat": {}, "segment": {"rule": 'performed("Page Viewed")'}, "segments": {},
    "personas": {}, "affinities": {}, "discover": {}, "alerts": {}, "boards": {}, "backtest": {"rule": "session.pages >= 1"},
}  # fmt: skip
"""The required fields of every question; a question that is not here fails the test below."""
REFUSED = {"touchpoint", "visitor", "funnel", "drivers", "segment"}
"""Questions about one thing by its name: a store that does not know the thing refuses, naming the field."""

WRITTEN = {"alerts", "boards"}
"""Questions about what people wrote down, which is there before any event."""

SCOPES: tuple[dict[str, object], ...] = (
    {}, {"range": "all", "compare": "none"}, {"range": "1d", "compare": "yoy", "identity": "raw"},
    {"range": "all", "bots": "in"}, {"range": "2020-02-29..2020-03-01"}, {"range": "all", "where": ('event == "No Such"',)},
)  # fmt: skip


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, afterclick.Workspace]]:
    with tempfile.TemporaryDirectory() as folder:
        opened = {name: make().open(Path(folder) / name, **meant) for name, (make, meant) in STORES.items()}
        yield opened
        for shop in opened.values():
            shop.close()


def test_every_question_stands_in_the_table() -> None:
    assert {kind.key_word for kind in ALL} == set(FILLED)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ALL, ids=[kind.key_word for kind in ALL])
def test_an_answer_or_a_named_reason(stores, kind, store) -> None:
    known = {field.name for field in kind.fields()}
    own = FILLED.get(kind.key_word, {})
    for scope in SCOPES:
        fields = {name: value for name, value in scope.items() if name in known} | own
        if kind.key_word == "change" and fields.get("compare") == "none":
            fields["compare"] = "prev"
        result, error = asked(stores[store], kind(**fields))
        if error is None:
            assert store != "empty" or kind.key_word in WRITTEN
            check(result, (store, scope))
        else:
            assert (error.hint, error.path) != ("", "")
            nothing = isinstance(error, NotEnoughData) and (store == "empty" or _left_out(store))
            assert nothing or kind.key_word in REFUSED, (scope, error.message)


def asked(shop, spec):
    """(answer, None), or (None, why it is refused)."""
    try:
        return shop.ask(spec), None
    except AfterclickError as error:
        return None, error


def _left_out(store: str) -> bool:
    return store in ("only_bots", "only_system")


def check(result, where) -> None:
    for lang in ("en", "ko"):
        assert result.sentence(lang), where
        told = result.to_dict(lang)
        assert all(note["text"] for note in told["notes"]), where
    bad = [path for path, value in leaves(told) if isinstance(value, float) and not math.isfinite(value)]
    assert bad == [], (where, bad[:5])
    lacking = unexplained(result)
    assert lacking == [], (where, lacking)
    for cell in result.cells()[:40]:
        people = result.people(cell)
        assert people.table().num_rows == len(people), (where, cell)
        assert len(set(people.labels.tolist())) == len(people), (where, cell)
    for cell, number in counted(result):
        assert len(result.people(cell)) == number, (where, cell)


def leaves(value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


TELLING = frozenset(
    {
        "sentence.barriers_no_orders", "sentence.searches_empty", "sentence.referrals_empty", "sentence.value_empty",
        "sentence.value_few_repeaters",
    }
)  # fmt: skip
"""Sentences that say themselves why there are no figures."""
NO_PERIOD = ("previous", "change", "compare")


def unexplained(result) -> list[str]:
    """Figures without a value and without a word about why; of nobody at all the sentence already tells."""
    if result.about.get("visitors") == 0 or result._sentence.id in TELLING:
        return []
    said = {name for name, why in (result.figures.get("reasons") or {}).items() if why}
    lacking = [
        name
        for name, value in result.figures.items()
        if value is None and name not in said and not name.startswith(NO_PERIOD) and not result.notes
    ]
    if "reason" in result.frame.column_names and "value" in result.frame.column_names:
        lacking += [
            str(row) for row in result.frame.to_pylist() if row["value"] is None and not row["reason"]
        ]
    return lacking


def counted(result) -> Iterator[tuple[str, int]]:
    """Cells with the number they stand behind, as each question names them."""
    word, rows, figures = result.spec.key_word, result.frame.to_pylist(), result.figures
    if word == "kpi":
        yield from ((name, figures[name]) for name in ("visitors", "buyers"))
        yield "new", figures["new_visitors"]
        yield "returning", figures["returning_visitors"]
    elif word == "map":
        yield "visitors", figures["visitors"]
        yield "stage=none", figures["none"]
        for row in rows:
            for part in ("entered", "onward", "open", "lost", "skipped", "highest"):
                yield f"stage={row['stage']};part={part}", row[part]
    elif word == "channels":
        yield from ((f"channel={row['channel']}", row["visitors"]) for row in rows)
        yield from ((f"channel={row['channel']};part=buyers", row["buyers"]) for row in rows)
    elif word == "funnel":
        yield from ((f"step={row['step']};part=reached", row["n"]) for row in rows)
    elif word == "touchpoints":
        yield from ((f"touchpoint={row['touchpoint']}", row["visitors"]) for row in rows)
    elif word == "visitors":
        yield "visitors", figures["found"]
    else:
        yield from counted_later(result, word, rows)


def counted_later(result, word, rows) -> Iterator[tuple[str, int]]:
    """The same of the analyses that came later."""
    if word == "lifecycle":
        parts = ("active", "new", "returning", "resurrecting", "dormant")
        yield from ((f"interval={row['interval']};part={part}", row[part]) for row in rows for part in parts)
    elif word == "rfm":
        yield from ((f"R{row['recency']}F{row['frequency']}", row["customers"]) for row in rows)
    elif word == "paths":
        named = {"channel": "channel", "page": "touchpoint", "event": "touchpoint"}
        yield from (
            (f"column={row['column']};" + (f"{named[row['type']]}={row['node']}" if row["type"] in named else row["type"]),
             row["visitors"])
            for row in rows
        )  # fmt: skip
    elif word == "attribution":
        yield from ((f"channel={row['channel']}", row["visitors"]) for row in rows if row["visitors"])
    elif word == "retention":
        yield from ((f"cohort={row['cohort']}", row["size"]) for row in result.parts["cohorts"].to_pylist())
