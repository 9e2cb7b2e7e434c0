"""The steps that every funnel of the bench asks for."""

from __future__ import annotations

from afterclick.core import names

WITHIN = "7d"
FIRST_STEPS = ("Product Viewed", names.PAGE_VIEWED)
LATER_STEPS = ("Product Added", "Checkout Started", names.ORDER_COMPLETED)
