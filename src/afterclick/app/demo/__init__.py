"""The example shop: a generated log of Hanbit Fashion with truths planted in it."""

from afterclick.app.demo.catalogue import discount
from afterclick.app.demo.shop import ALL_BARRIERS, Shop, truths
from afterclick.app.demo.stream import generate
from afterclick.app.demo.tables import SCHEMA
from afterclick.app.demo.writer import write

__all__ = ["ALL_BARRIERS", "SCHEMA", "Shop", "discount", "generate", "truths", "write"]
