"""How a sender wants to be answered: every kind of SDK reads its answer in its own way, or not at all."""

from __future__ import annotations

from typing import Literal, NamedTuple

Dialect = Literal["segment", "posthog", "posthog_results", "snowplow", "matomo_bulk", "nothing", "pixel"]
"""`nothing` is 204 (GA4, pixels that asked for none), `pixel` a GIF of one transparent point."""


class Shape(NamedTuple):
    """The dialect, and for `posthog_results` the sender's id of each event in order."""

    dialect: Dialect = "segment"
    ids: tuple[str, ...] = ()

    @property
    def deaf(self) -> bool:
        """Whether the sender cannot handle an error, so that a body nobody can read is answered like any other."""
        return self.dialect in ("nothing", "pixel")
