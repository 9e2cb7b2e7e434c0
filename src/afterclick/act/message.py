"""One message on its way out, and what may come of handing it over: what the sender and every channel agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from afterclick.core.said import Spoken, say
from afterclick.store.automations import Words

if TYPE_CHECKING:
    from afterclick.act.outbox.intent import Intent

HTML_CHANNELS: Final = ("email", "onsite")
"""Channels whose rendered body is a fragment of HTML; of the others it is plain text."""


class Message(NamedTuple):
    """A message with everything rendered; `at` in µs UTC.

    `address` is an e-mail address, a push subscription as JSON, the URL of a webhook, a visitor's key on one's own site,
    or {"email", "phone"} as JSON for an audience. `headers`, all optional: `unsubscribe` an https link, `footer` lines
    under the words, `from_name`, `topic` (messages of one topic replace each other on a device), `ttl_s`, `urgency`, `lang`.
    """

    action_id: str
    channel: str
    address: str
    words: Words
    intent: Intent
    headers: Mapping[str, str]
    at: int


class Outcome(NamedTuple):
    """What came of it.

    sent: the other side has it. failed: it will never have it. gone: nor anything else sent to this address. retry: for
    certain it was not accepted, and may be later. uncertain: it may have been accepted. `said` is the detail as a text
    of the catalogue, where it is of ours and not of the other side.
    """

    state: Literal["sent", "failed", "gone", "retry", "uncertain"]
    detail: str = ""
    retry_after_s: int | None = None
    said: Spoken = ""

    @classmethod
    def failure(cls, said: Spoken) -> Outcome:
        """It will never have it, for a reason of ours."""
        return cls("failed", say(said), said=said)

    def explained(self, lang: str) -> str:
        """The detail for a reader of a language."""
        return say(self.said, lang) or self.detail


class Deliver(Protocol):
    """A channel. `at_least_once`: what is sent twice under one action_id is taken once, so that `uncertain` may go again."""

    at_least_once: bool

    def deliver(self, message: Message) -> Outcome:
        """Hand it over; never raises for what the other side does."""
        ...
