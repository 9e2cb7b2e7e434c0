"""A generated reward programme: people who buy often join it, and joining multiplies how often they order afterwards.

Everyone has a love of the shop that nobody sees. Joining on a day depends on what was ordered before and on that day, which is
seen. Each day has one draw for each person, the same with and without the programme, so that the truth is known exactly.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from afterclick.analyse.rewards.contrast import Matched
from afterclick.analyse.rewards.panel import NEVER_DAY, Days, Panel, panel
from support.shop import DAY0, Shop

DAY = 86_400_000_000


class Programme:
    """`visits`, `joined` and both worlds of `orders` as arrays [visitor, day]."""

    def __init__(self, *, seed: int, lift: float, visitors: int = 3000, days: int = 90) -> None:
        rng = np.random.default_rng([seed, 91])
        self.size, self.days, self.lift = visitors, days, lift
        love = rng.gamma(0.7, 1.0, visitors)
        self.visits = rng.random((visitors, days)) < np.minimum(0.6, 0.03 + 0.06 * love)[:, None]
        chance = np.minimum(0.45, 0.05 + 0.10 * love)[:, None]
        buys, joins = rng.random((visitors, days)), rng.random((visitors, days))
        self.device = np.where(rng.random(visitors) < 0.5, 1, 2)
        self.plain = self.visits & (buys < chance)
        self.lifted = self.visits & (buys < np.minimum(1.0, chance * lift))
        earlier = np.cumsum(self.plain, axis=1) - self.plain
        keen = 0.01 + 0.02 * np.minimum(earlier, 5) + 0.05 * self.plain
        candidate = self.visits & (joins < keen)
        # Joining is decided by what was done without the programme until then, so both worlds join on the same day.
        self.joined = np.where(candidate.any(axis=1), candidate.argmax(axis=1), NEVER_DAY)
        after = np.arange(days)[None, :] > self.joined[:, None]
        self.orders = np.where(after, self.lifted, self.plain)

    @cached_property
    def table(self) -> Days:
        """What everyone did by day; every order is worth 10."""
        person, day = np.nonzero(self.visits)
        buyer, bought = np.nonzero(self.orders)
        return Days(
            self.days, person * self.days + day, buyer * self.days + bought, np.full(len(buyer), 100_000),
            np.ones(len(buyer), bool), self.joined.astype(np.int64),
        )  # fmt: skip

    def panel(self, before: int = 91, after: int = 28) -> Panel:
        """The panel of all days whose time afterwards is over; the last day of the store is not."""
        rows = np.arange(len(self.table.visit))
        device = self.device[self.table.visit // self.days]
        return panel(self.table, rows, 0, self.days - 2 - after, before, after, np.ones(len(rows), int), device)

    def truth(self, matched: Matched, after: int = 28) -> float:
        """What joining really added to the orders of the members who were matched, on average."""
        rows = matched.matched
        gains = [
            int((self.orders[who, day + 1 : day + after + 1].astype(int) - self.plain[who, day + 1 : day + after + 1]).sum())
            for who, day in zip(matched.panel.visitor[rows], matched.panel.day[rows], strict=True)
        ]
        return float(np.mean(gains))

    def shop(self) -> Shop:
        """The same as events."""
        shop = Shop()
        for who, day in zip(*(found.tolist() for found in np.nonzero(self.visits)), strict=True):
            at, visitor = DAY0 + day * DAY + 3_600_000_000 + who, f"v{who}"
            device = "mobile" if self.device[who] == 1 else "desktop"
            shop.add(visitor, at, "Page Viewed", url="https://shop.example/", device=device)
            if self.orders[who, day]:
                shop.add(visitor, at + 1_000_000, "Order Completed", order_id=f"{who}-{day}", revenue=10)
            if self.joined[who] == day:
                shop.add(visitor, at + 2_000_000, "Rewards Joined")
        return shop
