"""A second generated shop, unlike the example shop in all but its kinds of barriers: to try the finder on strangers.

An electronics shop with Google's event names, in euros. Every seed draws its own parameters: traffic, prices, how often
each barrier is met and how many it turns away. Intent, device and channel drive both meeting a barrier and buying.
Each decision of a visit has one uniform of its own, so that the shop with and without a barrier is the same luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from afterclick.core import spans
from afterclick.core.arrays import frozen

BARRIERS: Final = ("promo_code_phones", "delivery_surcharge", "weak_spring_page", "slow_audio_pages")
_STAGES: Final = dict(zip(BARRIERS, ("Close", "Close", "Attract", "Attract"), strict=True))
_HOST: Final = "https://volt.example"
_STARTS_AT: Final = 1_790_000_000_000_000
_SPAN: Final = 42
_VIEWS: Final = 6
_CHANNELS: Final = ("direct", "google_cpc", "google", "newsletter", "tiktok", "news")
_REFERRERS: Final = ("", "https://www.google.com/", "https://www.google.com/", "", "https://www.tiktok.com/", "https://tech.example/")
_TAGS: Final = (
    "", "utm_source=google&utm_medium=cpc&utm_campaign=spring", "", "utm_source=volt&utm_medium=email&utm_campaign=weekly",
    "utm_source=tiktok&utm_medium=paid_social&utm_campaign=clips", "",
)  # fmt: skip
_CATEGORIES: Final = ("audio", "cameras", "phones", "tablets", "wearables")
_SPRING: Final = ("/spring/deals", "/spring/new", "/spring/gifts")
_PHONE: Final = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"
_DESK: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


def _sigmoid(score: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-score))
    return result


@dataclass(frozen=True)
class _Visits:
    """One row per visit, by visitor: who comes how, and the uniforms of its decisions."""

    visitor: np.ndarray
    starts_at: np.ndarray
    again: np.ndarray
    phone: np.ndarray
    channel: np.ndarray
    keen: np.ndarray
    category: np.ndarray
    weak: np.ndarray
    page: np.ndarray
    views: np.ndarray
    price: np.ndarray
    luck: dict[str, np.ndarray]


class _Played:
    """What happens in every visit with some barriers on."""

    def __init__(self, shop: OtherShop, on: frozenset[str]) -> None:
        v, p = shop.visits, shop.parameters
        weak = v.weak & ("weak_spring_page" in on)
        slow = (v.category == 0)[:, None] & ("slow_audio_pages" in on)
        self.slow = np.broadcast_to(slow, v.price.shape)
        stays = v.luck["stay"] < _sigmoid(0.5 + 0.5 * v.keen) * np.where(weak, p["weak_stay"], 1)
        self.seen = stays[:, None] & (np.arange(_VIEWS) < v.views[:, None])
        likely = _sigmoid(p["add"] + 0.7 * v.keen)[:, None] * np.where(weak, p["weak_add"], 1)[:, None]
        self.added = self.seen & (v.luck["add"] < likely * np.where(slow, p["slow_add"], 1))
        self.basket = (v.price * self.added).sum(axis=1)
        self.begun = (self.basket > 0) & (v.luck["begin"] < _sigmoid(0.4 + 0.5 * v.keen))
        wants = _sigmoid(-0.9 + 0.25 * v.keen + 0.9 * (v.channel == 3))
        self.entered = self.begun & (v.luck["code"] < wants)
        broken = v.phone & ("promo_code_phones" in on)
        self.refused = self.entered & (v.luck["refuse"] < np.where(broken, p["refuse"], 0.05))
        left = self.refused & broken & (v.luck["give_up"] < p["give_up"])
        self.shipping = self.begun & ~left & (v.luck["ship"] < _sigmoid(1.3 + 0.3 * v.keen))
        dear = np.where(self.basket < p["free_from"], p["charged"], 0.15)
        self.charged = self.shipping & (v.luck["charge"] < dear) & ("delivery_surcharge" in on)
        shocked = self.charged & (v.luck["shock"] < p["shock"])
        self.paying = self.shipping & ~shocked & (v.luck["pay"] < _sigmoid(1.6 + 0.3 * v.keen))
        self.ordered = self.paying & (v.luck["order"] < 0.94)

    @property
    def revenue(self) -> int:
        """Cents of all orders."""
        return int(self.basket[self.ordered].sum())


class OtherShop:
    """See the module; `barriers` on or off, about `visits` visits."""

    def __init__(self, seed: int, *, barriers: bool, visits: int = 260_000) -> None:
        self.seed = seed
        self.on = frozenset(BARRIERS) if barriers else frozenset()
        self.size = visits
        draw = np.random.default_rng([seed, 1])
        ranges = {
            "weak_stay": (0.6, 0.8), "weak_add": (0.12, 0.3), "weak_share": (0.4, 0.6), "slow_add": (0.25, 0.45),
            "slow_factor": (4.0, 7.0), "refuse": (0.7, 0.95), "give_up": (0.5, 0.75), "charged": (0.55, 0.85),
            "shock": (0.33, 0.55), "add": (-3.2, -2.8), "free_from": (30_000, 60_000), "price": (9.6, 10.1),
        }  # fmt: skip
        self.parameters = {name: float(draw.uniform(*span)) for name, span in ranges.items()}

    @cached_property
    def visits(self) -> _Visits:
        """Who comes, before anything is met; the same with and without barriers."""
        draw = np.random.default_rng([self.seed, 2])
        people = int(self.size / 1.6)
        intent, phone = draw.normal(size=people), draw.random(people) < 0.62
        count = np.minimum(draw.geometric(1 / 1.6, people), 8)
        visitor = np.repeat(np.arange(people), count)
        n = len(visitor)
        first = np.repeat(np.cumsum(count) - count, count)
        again = np.arange(n) - first
        begin = draw.integers(0, (_SPAN - 12) * spans.DAY, people)
        gap = draw.integers(3 * spans.HOUR, 40 * spans.HOUR, n)
        gap[again == 0] = 0
        waited = np.cumsum(gap)
        starts = begin[visitor] + waited - waited[first]
        channel = draw.choice(len(_CHANNELS), n, p=(0.2, 0.3, 0.2, 0.08, 0.14, 0.08))
        shift = np.array([0.3, 0.1, 0.2, 0.5, -0.5, 0.0])[channel]
        keen = 0.55 * intent[visitor] + shift + 0.35 * (again > 0) - 0.25 * phone[visitor]
        leaning = self.parameters["weak_share"] + 0.1 * phone[visitor] - 0.02 * intent[visitor]
        names = ("stay", "begin", "code", "refuse", "give_up", "ship", "charge", "shock", "pay", "order")
        luck = {name: draw.random(n) for name in names} | {"add": draw.random((n, _VIEWS))}
        category = draw.integers(0, len(_CATEGORIES), people)[visitor]
        price = np.exp(draw.normal(self.parameters["price"], 0.45, (n, _VIEWS))).round(-2).astype(np.int64)
        weak = (channel == 1) & (draw.random(people)[visitor] < leaning)
        return _Visits(
            frozen(visitor), starts, again, phone[visitor], channel, keen, category, weak, draw.integers(0, 3, n),
            1 + draw.binomial(_VIEWS - 1, _sigmoid(-0.4 + 0.25 * keen)), price, luck,
        )  # fmt: skip

    @property
    def losses(self) -> dict[str, float]:
        """Euros lost to each barrier: the same visits with the same luck, without it."""
        there = _Played(self, self.on).revenue
        return {name: (_Played(self, self.on - {name}).revenue - there) / 100 for name in sorted(self.on)}

    @property
    def stages(self) -> dict[str, str]:
        """The stage of each barrier."""
        return _STAGES

    @property
    def settings(self) -> dict[str, str]:
        """Definitions of its store."""
        return {"timezone": "Europe/Berlin", "currency": "EUR"}

    def is_it(self, barrier: str, row: dict[str, Any]) -> bool:
        """Does this row of an answer speak of the barrier?"""
        kind, name = str(row["kind"]), str(row["name"])
        return {
            "promo_code_phones": kind == "error" and "rejected" in name.lower(),
            "delivery_surcharge": name == "/checkout/surcharge",
            "weak_spring_page": kind == "landing" and name.startswith("/spring"),
            "slow_audio_pages": kind == "slow" and name.startswith("/item"),
        }[barrier]

    def write(self, folder: Path) -> Path:
        """Write the export as one Parquet file; returns the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(_table(self), folder / "events.parquet")
        return folder


class _Rows:
    """Rows collected event by event: which visits have it, where it stands in the visit, what it carries."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, float, str, dict[str, Any]]] = []

    def add(self, which: np.ndarray, place: float, event: str, **columns: Any) -> None:
        """`columns` hold one value per chosen visit, or one for all."""
        self.parts.append((which, place, event, columns))


def _table(shop: OtherShop) -> pa.Table:
    v, played = shop.visits, _Played(shop, shop.on)
    rows, draw = _Rows(), np.random.default_rng([shop.seed, 3])
    every = np.arange(len(v.visitor))
    usual = np.where(v.phone, 1400.0, 900.0)

    def page(which: np.ndarray, place: float, path: Any, slow: Any = False, **more: Any) -> None:
        load = usual[which] * draw.uniform(0.75, 1.25, len(which)) * np.where(slow, shop.parameters["slow_factor"], 1)
        rows.add(which, place, "page_view", path=path, load_time=load.round(), **more)

    spring = np.array([_SPRING[one] for one in v.page])
    other = np.array(["/", "/blog/guide", "/outlet"])[v.page]
    page(every, 0, np.where(v.weak, spring, other), tagged=True)
    for k in range(_VIEWS):
        seen = np.flatnonzero(played.seen[:, k])
        item = np.char.add("/item/", np.char.add(np.array(_CATEGORIES)[v.category[seen]], "-"))
        item = np.char.add(item, (100 + v.price[seen, k] // 700).astype(str))
        page(seen, 1 + 3 * k, item, played.slow[seen, k])
        rows.add(seen, 2 + 3 * k, "view_item", value=v.price[seen, k] / 100)
        added = np.flatnonzero(played.added[:, k])
        rows.add(added, 3 + 3 * k, "add_to_cart", value=v.price[added, k] / 100)
    step = 4 + 3 * _VIEWS
    for number, (which, event, path) in enumerate(
        (
            (played.basket > 0, "view_cart", "/cart"),
            (played.begun, "begin_checkout", "/checkout/start"),
            (played.entered, "promo_code_entered", ""),
            (played.refused, "promo_code_rejected", ""),
            (played.entered & ~played.refused, "promo_code_accepted", ""),
            (played.shipping, "add_shipping_info", "/checkout/delivery"),
            (played.charged, "", "/checkout/surcharge"),
            (played.paying, "add_payment_info", "/checkout/payment"),
        )
    ):
        there = np.flatnonzero(which)
        if path:
            page(there, step + 2 * number, path)
        if event:
            rows.add(there, step + 2 * number + 0.5, event)
    bought = np.flatnonzero(played.ordered)
    rows.add(
        bought, step + 20, "purchase", value=played.basket[bought] / 100,
        transaction_id=np.char.add("T", bought.astype(str)),
    )  # fmt: skip
    return _written(v, rows)


def _written(v: _Visits, rows: _Rows) -> pa.Table:
    """The parts one after another, in order of time."""
    visit = np.concatenate([which for which, *_ in rows.parts])
    place = np.concatenate([np.full(len(which), at) for which, at, *_ in rows.parts])
    event = np.concatenate([np.full(len(which), name) for which, _, name, _ in rows.parts])

    def column(name: str, none: Any) -> np.ndarray:
        return np.concatenate(
            [np.broadcast_to(np.asarray(more.get(name, none)), len(which)) for which, _, _, more in rows.parts]
        )

    at = _STARTS_AT + v.starts_at[visit] + (place * 11 * spans.SECOND).astype(np.int64)
    path, tagged = column("path", ""), column("tagged", False)
    tags = np.array(_TAGS)[v.channel[visit]]
    query = np.where(tagged & (tags != ""), np.char.add("?", tags), "")
    url = np.where(path != "", np.char.add(np.char.add(_HOST, path), query), "")
    order = np.argsort(at, kind="stable")
    texts = {
        "anonymous_id": np.char.add("v", v.visitor[visit].astype(str)), "event": event, "url": url,
        "referrer": np.where(tagged, np.array(_REFERRERS)[v.channel[visit]], ""),
        "user_agent": np.where(v.phone[visit], _PHONE, _DESK), "transaction_id": column("transaction_id", ""),
    }  # fmt: skip
    columns: dict[str, pa.Array] = {
        name: pa.array(values[order], pa.string(), mask=(values == "")[order]) for name, values in texts.items()
    }
    for name in ("value", "load_time"):
        values = column(name, np.nan).astype(np.float64)[order]
        columns[name] = pa.array(values, mask=np.isnan(values))
    return pa.table({"timestamp": pa.array(at[order], pa.timestamp("us", "UTC")), **columns})
