"""Paths beside their peers: what is handed over, and what is said where counts differ."""

from __future__ import annotations

from afterclick.app.bench import paths, paths_chdb_side, paths_retentioneering_side
from afterclick.app.workspace import open as open_store
from support.shop import Shop


def counted(tmp_path):
    shop = Shop()
    for visitor, way in (("v", "AABC"), ("w", "AB")):
        for place, name in enumerate(way):
            shop.add(visitor, f"{place}m", name)
    with shop.open(tmp_path / "s") as store:
        return store.ask(paths.MOVES)


def test_moves_agree_where_every_pair_is_counted_alike(tmp_path):
    ours = counted(tmp_path)
    same = [["A", "A", 1], ["A", "B", 2], ["B", "C", 1], ["C", "A", 0]]
    assert paths.agreement("transitions", ours, same) == "equal counts of every move"
    other = [["A", "A", 1], ["B", "A", 2], ["B", "C", 1]]
    assert paths.agreement("transitions", ours, other).startswith("4 moves here, 4 there, 4 apart")
    assert paths.agreement("sessions", 3, 3) == "equal counts"
    assert paths.agreement("sessions", 3, 4).startswith("3 here, 4 there")


def test_a_small_store_is_measured_without_peers(tmp_path):
    shop = Shop()
    for number, name in enumerate(("Page Viewed", "Product Viewed", "Product Added", "Checkout Started", "Order Completed")):
        shop.add("v", f"{number}m", name, url="https://shop.example/")
    shop.open(tmp_path / "s").close()
    with open_store(tmp_path / "s") as store:
        told = []
        rows = paths.path_rows(store.store.snapshot(), tmp_path, (None, None), 1, told.append)
    assert told == ["paths"]
    peers = [row for row in rows if " in chdb" in row.against or " in retentioneering" in row.against]
    assert [row.note for row in peers] == ["not installed"] * 4
    scans = [row for row in rows if row.against.startswith("scan")]
    assert [row.bound for row in scans] == [8.0] * 3
    assert all(row.ratio > 0 for row in scans)


def test_the_sides_know_the_questions_they_are_asked():
    assert set(paths_chdb_side.FORMS) == set(paths.BOUNDS)
    assert all(len(forms) == 2 for forms in paths_chdb_side.FORMS.values())
    assert callable(paths_retentioneering_side.transitions)
