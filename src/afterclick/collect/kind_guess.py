"""Maps of files that hold no events, guessed: what each kind's columns are called, and what no column says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow.compute as pc

from afterclick.collect import amounts, kind_detect, kind_words
from afterclick.collect.event_guess import ORDER, EventGuesser
from afterclick.collect.fields import BREAKDOWNS
from afterclick.collect.findings import Finding, Guess
from afterclick.collect.grain import order_lines
from afterclick.core import names

_SIGNS: Final = {"원": "KRW", "₩": "KRW", "￦": "KRW", "$": "USD", "€": "EUR", "£": "GBP", "円": "JPY", "¥": "JPY"}
_EXTRA: Final = ("event", "refund_amount", "refunded_at", "items", "product_id", "product_name")
"""What order tables have beside the fields of events."""
_SCALES: Final = (5, 7, 10, 100)


class KindGuesser(EventGuesser):
    """Guesses by the column names of the kind alone; what the values say besides becomes constants, each with its why."""

    def run(self) -> Guess:
        """Columns, moments of messages, constants."""
        kind = self._settled.kind
        self._findings.append(Finding("kind", "", kind, self._settled.why))
        self._settle_columns()
        moments = self._moments() if kind == "messages" else {}
        said = {
            "catalogue": self._of_catalogue,
            "costs": self._of_costs,
            "messages": self._of_messages,
            "feedback": self._of_feedback,
        }
        constants = said[kind]() if kind in said else {}
        given = self._made(grain="events", constants=constants, moments=moments)
        timed = tuple(moments.values())[:1] or tuple(self._columns.get("signed_up_at", ()))
        if timed and "occurred_at" not in self._columns:
            given = msgspec.structs.replace(given, time_unit=self._samples.time_unit(timed))
        return self._guessed(given)

    def _assigned(self, header: Sequence[str]) -> dict[str, str]:
        found = kind_detect.chosen(self._settled.kind, header, self._samples.column)
        if self._settled.kind == "messages" and self._wide(header):
            taken = self._wide(header).values()
            found = {field: name for field, name in found.items() if name not in taken and field != "event"}
        return found

    def _wide(self, header: Sequence[str]) -> dict[str, str]:
        moments = kind_detect.moments(header, self._samples.column)
        return moments if len(moments) > 1 else {}

    def _moments(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for reader in self._readers:
            for event, name in self._wide(reader.columns).items():
                found.setdefault(event, name)
        for event, name in found.items():
            self._findings.append(Finding(event, name, self._samples.example((name,)), "says when it was"))
        return found

    def _constant(self, constants: dict[str, str], field: str, value: str, why: str) -> None:
        if field not in self._columns and value:
            constants[field] = value
            self._findings.append(Finding(field, "", value, why))

    def _currency(self, constants: dict[str, str], field: str) -> None:
        """The currency that the name of a column of money or all its values carry."""
        if "currency" in self._columns or field not in self._columns:
            return
        name = self._columns[field][0]
        unit = re.search(r"[(\[（](.*)[)\]）]", name)
        behind = _currencies(re.split(r"[\s,/]+", unit[1]) if unit else [])
        texts = pc.replace_substring_regex(self._samples.column(name).filled, r"[-+0-9.,\s]", "")
        within = _currencies([str(text) for text in pc.unique(texts).to_pylist()])
        if len(behind) == 1:
            self._constant(constants, "currency", behind.pop(), f"stands behind the name {name}")
        elif len(within) == 1:
            self._constant(constants, "currency", within.pop(), f"the values of {name} carry it")
        else:
            self._warnings.append("no column holds a currency: amounts are in the store's own")

    def _of_catalogue(self) -> dict[str, str]:
        constants: dict[str, str] = {}
        self._currency(constants, "price")
        return constants

    def _of_costs(self) -> dict[str, str]:
        constants: dict[str, str] = {}
        header = {kind_words.base(name) for reader in self._readers for name in reader.columns}
        found = [name for name, telling in kind_words.PLATFORMS.items() if telling & header]
        if len(found) == 1:
            telling = ", ".join(sorted(kind_words.PLATFORMS[found[0]] & header))
            self._constant(constants, "utm_source", found[0], f"its reports have columns called {telling}")
        if "utm_source" in {*self._columns, *constants}:
            self._constant(constants, "utm_medium", "cpc", "no column says the medium, and this was paid for")
        self._currency(constants, "cost")
        divided = [self._columns[field][0] for field in BREAKDOWNS if field in self._columns]
        if divided:
            self._warnings.append(
                f"costs are told apart by {', '.join(divided)} too: they stand behind the name of the ad"
            )
        return constants

    def _of_messages(self) -> dict[str, str]:
        constants: dict[str, str] = {}
        if "channel" not in self._columns and {"email", "phone"} & self._columns.keys():
            mail = "email" in self._columns
            what = "e-mail addresses" if mail else "telephone numbers"
            self._constant(
                constants, "channel", "email" if mail else "sms", f"no column says it; recipients are {what}"
            )
        return constants

    def _of_feedback(self) -> dict[str, str]:
        constants: dict[str, str] = {}
        if "score" not in self._columns:
            return constants
        name = kind_words.base(self._columns["score"][0])
        nps = "nps" in name or name.startswith("추천")
        csat = "csat" in name or "만족" in name or "satisfaction" in name
        self._constant(constants, "survey", "NPS" if nps else "CSAT" if csat else "", "the name of the scores says so")
        if "product_id" in self._columns and not nps and not csat and "survey" not in self._columns:
            self._constant(constants, "event", names.PRODUCT_REVIEWED, "scores of products")
        top = self._highest()
        scale = 10 if nps else next((scale for scale in _SCALES if top is not None and top <= scale), None)
        why = "answers go from 0 to 10" if nps else f"no score is above {top:g}" if top is not None else ""
        self._constant(constants, "scale", str(scale) if scale else "", why)
        return constants

    def _highest(self) -> float | None:
        texts = self._samples.column(self._columns["score"][0]).filled
        numbers = amounts.numbers(pc.replace_substring_regex(texts, r"\s*(점|/.*)$", "")).field("number").drop_null()
        return float(pc.max(numbers).as_py()) if len(numbers) else None


def _currencies(said: Sequence[str]) -> set[str]:
    codes = {text for text in said if re.fullmatch("[A-Z]{3}", text) and text != "VAT"}
    return codes | {_SIGNS[text] for text in said if text in _SIGNS}


class OrderGuesser(EventGuesser):
    """Guesses like that of events, with statuses and refunds, and decides whether rows are orders or lines of them."""

    chosen = tuple(field for field in ORDER if field not in ("event", "type"))

    def run(self) -> Guess:
        """Columns, lines or orders, whether each order stands once."""
        self._findings.append(Finding("kind", "", "orders", self._settled.why))
        self._settle_columns()
        self._look_inside()
        constants = {} if "event" in self._columns else self._event_constant()
        lines = not constants and order_lines(self._columns, self._text)
        once = self._distinct_orders()
        if "event" in self._columns:
            # Orders that come again with another status are no lines.
            lines = (
                lines and {"price", "quantity"} <= self._columns.keys() and not (once and "revenue" in self._columns)
            )
        if lines:
            self._drop_repeated_totals()
        settled = "event" in self._columns and (lines or once)
        if settled:
            why = "each order stands once: one that was paid back was an order before"
            self._findings.append(Finding("last_status", "", "true", why))
        given = self._made(grain="order_line" if lines else "events", constants=constants, last_status=settled)
        self._doubts(given)
        return self._guessed(given)

    def _assigned(self, header: Sequence[str]) -> dict[str, str]:
        found = super()._assigned(header)
        free = [name for name in header if name not in found.values()]
        more = kind_detect.chosen("orders", free, self._samples.column)
        wanted = {"order_id", "revenue", "user_id", "email", "phone", *_EXTRA}
        for field, name in more.items():
            if field in wanted and name not in found.values():
                found.setdefault(field, name)
        return found

    def _distinct_orders(self) -> bool:
        listed = self._columns.get("order_id")
        return listed is not None and self._samples.column(listed[0]).distinct == 1.0

    def _drop_repeated_totals(self) -> None:
        """A total of the order that stands in each of its lines would count once per line."""
        if not {"revenue", "price", "quantity"} <= self._columns.keys():
            return
        listed = {field: self._samples.column(raw[0]).text for field, raw in self._columns.items()}
        orders = listed["order_id"].to_pylist()
        columns = [amounts.read(listed[field]) for field in ("revenue", "price", "quantity")]
        line = amounts.product(columns[1], columns[2]).minor
        groups: dict[str, list[int]] = defaultdict(list)
        for row, order in enumerate(orders):
            groups[order].append(row)
        several = [np.array(rows) for rows in groups.values() if len(rows) > 1]
        repeated = [rows for rows in several if len(np.unique(columns[0].minor[rows])) == 1]
        sums = [rows for rows in repeated if (columns[0].minor[rows] != line[rows]).any()]
        if several and len(repeated) >= 0.9 * len(several) and len(sums) >= 0.5 * len(several):
            name = self._columns.pop("revenue")[0]
            self._findings = [one for one in self._findings if one.field != "revenue"]
            self._warnings.append(
                f"{name} is the same in all lines of an order: lines are worth price × quantity instead"
            )
