"""The question about value over whole stores: what adds up, whom it opens, what it keeps, and what it will not say."""

from __future__ import annotations

import hashlib
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import afterclick
from afterclick import Channels, Kpi, Repeat, Rfm, Value
from afterclick.core.errors import NotEnoughData
from support.buyers import shop_of_buyers
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with shop_of_buyers().open(tmp_path_factory.mktemp("buyers") / "store", currency="USD") as opened:
        yield opened


@pytest.fixture(scope="module")
def answer(shop):
    return shop.ask(Value(**ALL))


def finite(value: Any) -> bool:
    """No infinity and no NaN anywhere inside."""
    if isinstance(value, dict):
        return all(finite(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(finite(each) for each in value)
    return not isinstance(value, float) or math.isfinite(value)


class TestWhatAddsUp:
    def test_groups_months_and_bins_sum_to_the_whole(self, answer):
        rows, figures = answer.frame.to_pylist(), answer.figures
        assert sum(row["customers"] for row in rows) == figures["customers"] == 240
        assert sum(row["repeaters"] for row in rows) == figures["repeaters"]
        assert sum(row["alive"] for row in rows) == pytest.approx(figures["alive"])
        for of in (rows, answer.parts["months"].to_pylist(), answer.parts["distribution"].to_pylist()):
            assert float(sum(row["clv"] for row in of)) == pytest.approx(float(figures["clv"]), abs=0.01)
        assert sum(row["orders"] for row in answer.parts["months"].to_pylist()) == pytest.approx(figures["orders_ahead"])
        for part in ("distribution", "alive", "fit"):
            assert sum(row["customers"] for row in answer.parts[part].to_pylist()) == 240
        assert sum(row["expected"] for row in answer.parts["fit"].to_pylist()) == pytest.approx(240)

    def test_every_interval_holds_its_estimate(self, answer):
        for name in ("alive", "clv", "orders"):
            low, high = (float(answer.figures[f"{name}_{side}"]) for side in ("low", "high"))
            middle = float(answer.figures["orders_ahead" if name == "orders" else name])
            assert 0 < low < middle < high
        assert answer.figures["alive_high"] < 240

    def test_every_number_opens_its_people(self, answer):
        figures = answer.figures
        for cell, count in (("customers", 240), ("repeaters", figures["repeaters"]), ("likely", figures["likely"])):
            assert len(answer.people(cell)) == count
        for part, cell in (("distribution", "clv"), ("alive", "alive")):
            for row in answer.parts[part].to_pylist():
                assert len(answer.people(f"{cell}={row['bin']}")) == row["customers"]
        for row in answer.parts["fit"].to_pylist():
            assert len(answer.people(f"repeats={row['repeats']}")) == row["customers"]
        for row in answer.parts["calibration"].to_pylist():
            assert len(answer.people(f"held={row['repeats']}")) == row["customers"]
        for row in answer.frame.to_pylist():
            name = f"channel={row['channel']}"
            assert len(answer.people(name)) == row["customers"]
            assert len(answer.people(f"{name};part=repeaters")) == row["repeaters"]
            assert len(answer.people(f"{name};part=won")) == (row["won"] or 0)
            assert len(answer.people(f"{name};part=new_buyers")) == row["new_buyers"]
        assert len(answer.people("top")) == 24
        for cell in answer.cells():
            for lang in ("en", "ko"):
                assert answer.people(cell).text.say(lang)

    def test_margin_and_discount(self, shop, answer):
        half = shop.ask(Value(margin=0.5, holdout="off", **ALL)).figures
        assert float(half["clv"]) == pytest.approx(float(answer.figures["clv"]) / 2, abs=1e-3)
        assert "value_margin" not in {note.code for note in shop.ask(Value(margin=0.5, holdout="off", **ALL)).notes}
        plain = shop.ask(Value(discount_rate=0.0, holdout="off", **ALL))
        months = plain.parts["months"].to_pylist()
        assert all(float(row["revenue"]) == pytest.approx(float(row["clv"]), abs=1e-3) for row in months)
        assert plain.figures["clv"] > answer.figures["clv"]

    def test_without_end_is_more_than_any_horizon(self, shop):
        worth = [
            shop.ask(Value(model="pareto", horizon=horizon, holdout="off", **ALL)).figures["clv"]
            for horizon in ("12mo", "36mo", "60mo", "ever")
        ]
        assert worth == sorted(worth)
        assert worth[3] > worth[2]

    def test_every_model_says_about_the_same(self, shop):
        found = {model: shop.ask(Value(model=model, holdout="off", **ALL)) for model in ("mbg", "pareto", "bg", "bgbb")}
        clv = np.array([float(result.figures["clv"]) for result in found.values()])
        assert clv.max() / clv.min() < 1.5
        assert found["bg"].figures["alive"] == found["mbg"].figures["alive"], "never BG/NBD's own"
        assert found["bg"].about["alive_model"] == "mbg"
        assert "value_alive_model" in {note.code for note in found["bg"].notes}


class TestLtvToCac:
    def test_cac_is_that_of_channels_and_of_the_key_figures(self, shop, answer):
        channels = {row["channel"]: row for row in shop.ask(Channels(**ALL)).frame.to_pylist()}
        kpi = shop.ask(Kpi(**ALL)).figures
        assert answer.figures["cac"] == kpi["cac"]
        for row in answer.frame.to_pylist():
            assert row["cac"] == channels[row["channel"]]["cac"]
            assert row["won"] == channels[row["channel"]]["attributed_new_buyers"]
            assert row["cost"] == channels[row["channel"]]["cost"]

    def test_ltv_cac_is_the_mean_of_those_won_over_what_one_cost(self, answer):
        rows = {row["channel"]: row for row in answer.frame.to_pylist()}
        paid = rows["paid_search"]
        assert paid["cac"] == Decimal(900) / paid["won"]
        assert paid["ltv_cac"] == pytest.approx(float(paid["won_clv"] / paid["cac"]))
        assert paid["reason"] == ""
        free = rows["email"]
        assert (free["ltv_cac"], free["cac"]) == (None, None)
        assert free["reason"]

    def test_first_touch_is_another_rule(self, tmp_path):
        made = shop_of_buyers()
        for who in range(0, 240, 3):
            made.add(f"v{who}", "0", "Page Viewed", url="https://shop.example/?utm_source=letter&utm_medium=email&utm_campaign=news",
                     event_id=f"early{who}")  # fmt: skip
        with made.open(tmp_path / "s", currency="USD") as shop:
            last, first = (shop.ask(Value(touch=touch, holdout="off", **ALL)).frame.to_pylist() for touch in ("last", "first"))
        of = [{row["channel"]: row["customers"] for row in rows} for rows in (last, first)]
        assert of[0]["paid_search"] == 80
        assert of[1]["email"] == 160
        assert sum(of[1].values()) == 240

    def test_only_buyers_of_the_range_are_set_against_its_cost(self, shop):
        found = shop.ask(Value(range="2026-03-01..2026-03-31", compare="none", holdout="off"))
        rows = {row["channel"]: row for row in found.frame.to_pylist()}
        assert rows["paid_search"]["customers"] == 80
        assert 0 < rows["paid_search"]["new_buyers"] < 80
        assert rows["paid_search"]["reason"], "no cost was reported in March"


class TestDegenerate:
    def test_empty_store(self, tmp_path):
        with Shop().open(tmp_path / "s") as shop:
            for question in (Value(), Rfm(), Repeat()):
                with pytest.raises(NotEnoughData):
                    shop.ask(question)

    def made(self, kind: str) -> Shop:
        shop = Shop()
        if kind == "no order":
            shop.add("v", "0", "Page Viewed", url="https://shop.example/")
        elif kind == "one order":
            shop.add("v", "0", "Order Completed", order_id="1", revenue=5)
        elif kind == "one instant":
            for number in range(120):
                shop.add(f"v{number // 2}", "1d", "Order Completed", order_id=str(number), revenue=5)
        elif kind == "of nobody":
            shop.add(None, "0", "Order Completed", order_id="1", revenue=5)
        elif kind == "all alike":
            for number in range(240):
                shop.add(f"v{number % 80}", f"{number // 80 * 7}d", "Order Completed", order_id=str(number), revenue=5)
        elif kind == "nothing paid":
            shop = shop_of_buyers(refunds=False)
            shop.events = [event for event in shop.events if event.event != "Order Completed"] + [
                type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"amount": 0})
                for event in shop.events if event.event == "Order Completed"
            ]  # fmt: skip
        elif kind == "mixed currencies":
            shop = shop_of_buyers(refunds=False)
            for event in shop.events[::7]:
                msgspec.structs.force_setattr(event, "currency", "EUR")
            for event in shop.events[1::7]:
                msgspec.structs.force_setattr(event, "currency", "USD")
        elif kind == "leap day":
            for number in range(3):
                shop.add("v", 1_709_164_800_000_000 + number * 366 * 86_400_000_000, "Order Completed", order_id=str(number),
                         revenue=5)  # fmt: skip
        return shop

    @pytest.mark.parametrize(
        "kind",
        ["no order", "one order", "one instant", "of nobody", "all alike", "nothing paid", "mixed currencies", "leap day"],
    )
    def test_nulls_and_notes_instead_of_nonsense(self, tmp_path, kind):
        values = Value(**ALL), Value(model="pareto", **ALL), Value(model="bgbb", by="campaign", **ALL)
        with self.made(kind).open(tmp_path / "s", timezone="America/New_York") as shop:
            for question in (*values, Rfm(), Repeat()):
                result = shop.ask(question)
                assert finite(result.to_dict())
                for lang in ("en", "ko"):
                    assert result.sentence(lang)
                    assert all(note.say(lang) for note in result.notes)
                for cell in result.cells():
                    result.people(cell)
                figures = result.figures
                if question.key_word == "value" and figures["clv"] is None:
                    assert figures["reasons"]["clv"]

    def test_reasons(self, tmp_path):
        truth = {
            "no order": "no_orders", "one order": "few_repeaters", "one instant": "few_repeaters",
            "nothing paid": "few_repeaters", "mixed currencies": "mixed_currencies",
        }  # fmt: skip
        for kind, reason in truth.items():
            with self.made(kind).open(tmp_path / kind) as shop:
                assert shop.ask(Value(**ALL)).figures["reasons"]["clv"] == reason, kind

    def test_orders_without_amounts_still_tell_who_is_there(self, tmp_path):
        with self.made("nothing paid").open(tmp_path / "s") as shop:
            found = shop.ask(Value(**ALL))
            assert 0 < found.figures["alive"] < 240
            assert found.figures["orders_ahead"] > 0
            assert found.figures["clv"] is None
            assert "value_spend_few_repeaters" in {note.code for note in found.notes}


def test_amounts_that_tell_nobody_apart_count_as_their_mean(tmp_path):
    """Everybody's orders go up and down alike: Gamma-Gamma ends at its edge, and the mean of repeat purchases serves."""
    made = shop_of_buyers(400, refunds=False)
    for event in made.events:
        if event.order_id:
            number = int(event.order_id.partition("-")[2])
            msgspec.structs.force_setattr(event, "amount", (110 if number % 2 else 90) * 10_000)
    with made.open(tmp_path / "s", currency="USD") as shop:
        found = shop.ask(Value(holdout="off", **ALL))
        assert "value_spend_alike" in {note.code for note in found.notes}
        assert float(found.figures["order_value"]) == pytest.approx(100, abs=5)
        values = {row["model"]: row for row in found.parts["parameters"].to_pylist()}
        assert values["mean"]["low"] < values["mean"]["value"] < values["mean"]["high"]
        worth = float(found.figures["order_value"]) * found.figures["orders_ahead"]
        assert float(found.figures["clv"]) == pytest.approx(worth * 0.955, rel=0.02)
        assert found.figures["clv_low"] < found.figures["clv"] < found.figures["clv_high"]


class TestKeptModels:
    def open(self, folder: Path) -> Any:
        return afterclick.open(folder, write=True)

    def answer(self, folder: Path) -> dict[str, Any]:
        with self.open(folder) as shop:
            found = shop.ask(Value(holdout="off", **ALL))
            codes = {note.code for note in found.notes}
            return {row["parameter"]: row["value"] for row in found.parts["parameters"].to_pylist()} | {"codes": codes}

    def forged(self, file: Path, change: Any) -> None:
        """The file with its model changed and the hash made to fit."""
        body = json.loads(file.read_text())["model"]
        change(body)
        text = json.dumps(body, separators=(",", ":")).encode()
        file.write_bytes(b'{"sha256":"' + hashlib.sha256(text).hexdigest().encode() + b'","model":' + text + b"}")

    @pytest.fixture
    def store(self, tmp_path):
        shop_of_buyers().open(tmp_path / "s", currency="USD").close()
        return tmp_path / "s"

    def test_a_fit_is_kept_and_taken_up(self, store):
        first = self.answer(store)
        file = next((store / "models").glob("mbg-*.json"))
        written = json.loads(file.read_text())["model"]
        assert written["schema"] == 1
        assert written["training"]["rows"] == 240
        assert written["training"]["features"] == ["repeats", "last", "age", "count"]
        assert set(written["spec"]) >= {"where", "identity", "bots", "as_of", "timezone"}
        assert self.answer(store) == first

        def other(body: Any) -> None:
            body["fitted"]["values"][0] = 0.777

        # Only to see that the file is what the answer is made of: who forges the hash too, forges the model.
        self.forged(file, other)
        assert self.answer(store)["r"] == 0.777

    def test_new_orders_are_fitted_anew(self, store):
        first = self.answer(store)
        with self.open(store) as shop:
            added = Shop()
            for number in range(30):
                when, more = f"{200 + number}d", {"order_id": f"new{number}", "event_id": f"n{number}"}
                added.add(f"v{number}", when, "Order Completed", revenue=9, **more)
            shop.append(added.events)
        assert self.answer(store)["r"] != first["r"]

    def test_a_replaced_or_unknown_file_is_refused_and_made_again(self, store):
        first = self.answer(store)
        file = next((store / "models").glob("mbg-*.json"))
        sound = file.read_bytes()

        def layout(body: Any) -> None:
            body["schema"] = 2

        def stranger(body: Any) -> None:
            body["kind"] = "pareto"

        def more(body: Any) -> None:
            body["fitted"]["extra"] = 1

        damages = (
            lambda: file.write_bytes(sound.replace(b"0.", b"1.", 1)), lambda: file.write_bytes(b"not json"),
            lambda: file.write_bytes(sound[: len(sound) // 2]), lambda: self.forged(file, layout),
            lambda: self.forged(file, stranger), lambda: self.forged(file, more),
        )  # fmt: skip
        for damage in damages:
            damage()
            again = self.answer(store)
            assert "model_refused" in again["codes"]
            assert {name: value for name, value in again.items() if name != "codes"} == {
                name: value for name, value in first.items() if name != "codes"
            }
            assert file.read_bytes() == sound, "the same histories give the same bytes"
            assert "model_refused" not in self.answer(store)["codes"]

    def test_any_order_of_arrival_gives_the_same_bytes(self, tmp_path):
        files = []
        for seed in range(2):
            made = shop_of_buyers()
            np.random.default_rng(seed).shuffle(made.events)
            made.open(tmp_path / str(seed), currency="USD").close()
            answered = self.answer(tmp_path / str(seed))
            found = sorted((tmp_path / str(seed) / "models").iterdir())
            files.append(([file.name for file in found], [file.read_bytes() for file in found], answered))
        assert files[0] == files[1]

    def test_a_store_that_cannot_be_written_answers_all_the_same(self, store):
        (store / "models").write_text("in the way")
        assert self.answer(store)["r"] > 0
