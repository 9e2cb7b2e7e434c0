"""Every channel of a store as its documents set it up; one that is not set up says so instead of failing in the dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

from afterclick.act import secrets
from afterclick.act.acts import Acts
from afterclick.act.channels import audience, smtp
from afterclick.act.channels.audience import Audience
from afterclick.act.channels.email import Email
from afterclick.act.channels.onsite import Onsite
from afterclick.act.channels.push import Push
from afterclick.act.channels.vapid import Pair
from afterclick.act.channels.webhook import Webhook
from afterclick.act.message import Deliver, Message, Outcome
from afterclick.act.outbound import call, signing
from afterclick.act.secrets import Secrets
from afterclick.act.unsubscribe import Tokens
from afterclick.core.errors import AfterclickError
from afterclick.core.said import Said, Spoken
from afterclick.store.automations import Delivery
from afterclick.store.definitions import Definitions


class Unset:
    """A channel that is not set up."""

    at_least_once = True

    def __init__(self, why: Spoken) -> None:
        self.why = why

    def deliver(self, _: Message) -> Outcome:
        """Not delivered, and why."""
        return Outcome.failure(self.why)


def channels(store: Path, definitions: Definitions, acts: Acts | None = None) -> Mapping[str, Deliver]:
    """By name every channel a journey may send on; without `acts` nothing waits on one's own site.

    Secrets are read when a channel first needs them. Raises StoreError where others can read them.
    """
    kept, inside = Secrets(store), definitions.outbound
    post = partial(call.post, inside=inside)
    return {
        "email": _email(definitions.delivery, kept),
        "push": Push(cache(partial(Pair.of_store, kept)), post, contact=_contact(definitions.delivery), inside=inside),
        "webhook": Webhook(partial(signing.secrets_of, store), post),
        "onsite": Onsite(acts) if acts is not None else Unset(Said("refusals.serves_no_pages")),
        "export": Audience(store, audience.COUNTRY_CODES.get(definitions.timezone, "")),
    }


def close(made: Mapping[str, Deliver]) -> None:
    """End the connections that wait for a next message."""
    for channel in made.values():
        if isinstance(channel, Email):
            channel.close()


def links(store: Path, delivery: Delivery) -> Callable[[str, str], str]:
    """`links(visitor, channel)`: where a visitor opts out, "" as long as `delivery.base_url` is not set."""
    tokens = cache(partial(Tokens.of_store, Secrets(store)))

    def link(visitor: str, channel: str) -> str:
        return tokens().link(delivery.base_url, visitor, channel) if delivery.base_url else ""

    return link


def _email(delivery: Delivery, kept: Secrets) -> Deliver:
    if not (delivery.smtp and delivery.from_email):
        return Unset(Said("refusals.email_unset"))
    try:
        where = smtp.server(delivery.smtp, delivery.smtp_tls, delivery.smtp_user, kept.get(secrets.SMTP_PASSWORD))
    except AfterclickError as error:
        return Unset(error.said)
    return Email(delivery, where)


def _contact(delivery: Delivery) -> str:
    return delivery.push_contact or delivery.reply_to or delivery.from_email
