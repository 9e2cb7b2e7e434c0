"""What a journey or a rule wants sent to one visitor, before anybody asked whether it may leave."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from afterclick.store.automations import Send


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message that is to reach one visitor, decided at `at` (µs UTC); `action_id` stays the same over retries.

    `run` and `step` say where in a journey; `values` are what templates may show; `holdout_rate` and `grace`
    (µs) are the journey's: what an outage made later than that is not sent.
    """

    action_id: str
    visitor: str
    send: Send
    at: int
    journey: str = ""
    rule: str = ""
    run: str = ""
    step: str = ""
    arm: str = ""
    values: dict[str, Any] = {}
    holdout_rate: float = 0.0
    grace: int = 0

    @property
    def channel(self) -> str:
        """The way it goes out."""
        return self.send.channel

    @property
    def advertising(self) -> bool:
        """Does it need consent to marketing, and heed quiet hours and caps?"""
        return self.send.advertising

    @property
    def tags(self) -> tuple[str, ...]:
        """What caps may count it by."""
        return self.send.tags


PACK: Final = msgspec.msgpack.Encoder()
UNPACK: Final = msgspec.msgpack.Decoder(Intent)
