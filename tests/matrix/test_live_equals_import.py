"""Every question gives one answer, however the events came: imported, in the tail, sealed, merged, rebuilt."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from afterclick.app.questions import ALL
from afterclick.app.workspace import Workspace
from afterclick.core.errors import AfterclickError
from afterclick.store import current
from afterclick.store.live.tail import Tail
from support import live_shop
from support.tail import put

WAYS = ("unsealed", "shuffled", "half", "sealed", "compacted", "rebuilt")
OF_THE_LOG = {"data", "doctor", "reconcile"}
"""What they say of the log itself differs: how many imports there were."""
OWN: dict[str, dict[str, Any]] = {
    "top": {"of": "source"}, "touchpoint": {"name": "/"}, "visitor": {"id": ""},
    "funnel": {"steps": ("Page Viewed", "Product Added", "Order Completed")},
    "drivers": {"steps": ("Page Viewed", "Order Completed")}, "segment": {"rule": 'performed("Order Completed")'},
}  # fmt: skip
FEW = [kind for kind in ALL if kind.key_word in ("kpi", "channels", "touchpoints", "top", "map")]


@pytest.fixture(scope="module")
def shops() -> Iterator[dict[str, Workspace]]:
    events = live_shop.events()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(current, "REFRESH_S", 0.0)
        made: dict[str, Workspace] = {}
        for way in ("imported", *WAYS):
            made[way] = stack.enter_context(live_shop.opened(Path(folder) / way))
            if way == "imported":
                made[way].append(events)
                continue
            tail = Tail.open(Path(folder) / way)
            stack.callback(tail.close)
            arrive(made[way], tail, way)
        yield made


def arrive(shop: Workspace, tail: Tail, way: str) -> None:
    """Let the events come in calls of any size."""
    events = list(live_shop.events())
    if way != "unsealed":
        random.Random(5).shuffle(events)
    calls = list(live_shop.cut(events, seed=len(way)))
    for number, some in enumerate(calls):
        put(tail, *some)
        if way in ("unsealed", "shuffled") and number % 9 == 0:
            shop.store.snapshot()
        if way in ("sealed", "compacted", "rebuilt") and number % 12 == 0:
            shop.store.seal(tail)
        if way == "half" and number == len(calls) // 2:
            shop.store.seal(tail)
    if way in ("sealed", "compacted", "rebuilt"):
        assert shop.store.seal(tail) is not None
        assert tail.events == 0
    if way in ("compacted", "rebuilt"):
        before = len(shop.store.snapshot().pieces)
        while shop.store.compact() is not None:
            pass
        assert len(shop.store.snapshot().pieces) < before
    if way == "rebuilt":
        shop.rebuild()


def test_the_ways_differ_in_what_lies_where(shops) -> None:
    rows = {way: shop.store.snapshot().rows for way, shop in shops.items()}
    assert set(rows.values()) == {len(live_shop.events())}
    tails = {way: sum(piece.rows for piece in shop.store.snapshot().tail.pieces) for way, shop in shops.items()}
    assert tails["unsealed"] == tails["shuffled"] == rows["imported"]
    assert 0 < tails["half"] < rows["imported"]
    assert tails["imported"] == tails["sealed"] == tails["compacted"] == tails["rebuilt"] == 0
    assert 1 < len(shops["unsealed"].store.snapshot().pieces) <= 6 or len(live_shop.events()) < 5_000


@pytest.mark.parametrize("kind", ALL, ids=[kind.key_word for kind in ALL])
def test_one_answer(shops, kind) -> None:
    fields = dict(OWN.get(kind.key_word, {}))
    if kind.key_word == "visitor":
        fields["id"] = next(event.anonymous_id for event in live_shop.events() if event.anonymous_id)
    wanted = told(shops["imported"], kind(**fields))
    assert "refused" not in wanted or kind.key_word == "touchpoint", wanted
    for way in WAYS:
        assert told(shops[way], kind(**fields)) == wanted, way


def told(shop: Workspace, spec: Any) -> dict[str, Any]:
    """All that is said but where it was read."""
    try:
        said = shop.ask(spec).to_dict("en")
    except AfterclickError as error:
        return {"refused": error.message}
    said["about"] = {name: value for name, value in said["about"].items() if name not in ("fingerprint", "elapsed_ms")}
    # A page is found again by a number of the store's own.
    said["figures"] = {name: value for name, value in said["figures"].items() if name != "next_cursor"}
    if spec.key_word in OF_THE_LOG:
        said.pop("parts", None)
        said["figures"] = {name: value for name, value in said["figures"].items() if name != "imports"}
        said["data"] = [row for row in said["data"] if "received" not in str(row)]
    return said


def test_an_answer_kept_from_before_a_rebuild_is_not_read_with_the_codes_from_after(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)
    events = list(live_shop.events())
    random.Random(9).shuffle(events)
    with live_shop.opened(tmp_path / "shop") as shop:
        tail = Tail.open(tmp_path / "shop")
        for some in live_shop.cut(events[:900], seed=2):
            put(tail, *some)
            shop.store.seal(tail)
        while shop.store.compact():
            pass
        put(tail, *events[900:])
        asked = [kind(range=span, **OWN.get(kind.key_word, {})) for span in ("all", "14d") for kind in FEW]
        wanted = [told(shop, one) for one in asked]
        shop.forget()
        # Columns, labels and sessions are kept from here on.
        assert [told(shop, one) for one in asked[: len(FEW)]] == wanted[: len(FEW)]
        codes = shop.store.snapshot().book("path").all.to_pylist()
        shop.rebuild()
        assert shop.store.snapshot().book("path").all.to_pylist() != codes
        assert [told(shop, one) for one in asked] == wanted
        tail.close()
