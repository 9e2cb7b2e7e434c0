"""Which channels can send advertising, and what the others still lack: looked at without calling anybody or making any key."""

from __future__ import annotations

from typing import NamedTuple

from afterclick.act.channels import smtp
from afterclick.act.gate import korea
from afterclick.act.secrets import SMTP_PASSWORD, Secrets
from afterclick.core.errors import SpecError
from afterclick.store.automations import CHANNELS, Delivery
from afterclick.store.definitions import Definitions


class Readiness(NamedTuple):
    """A channel; `lacks` are names of settings, () where it can send."""

    channel: str
    lacks: tuple[str, ...] = ()


def of(definitions: Definitions, kept: Secrets) -> tuple[Readiness, ...]:
    """Every channel in the order of `CHANNELS`. Raises StoreError where others can read the secrets."""
    delivery = definitions.delivery
    lacks = {"email": _email(delivery, kept), "push": _push(delivery)}
    law = korea.sender_missing(delivery) if delivery.preset == "kr" else ()
    return tuple(
        Readiness(name, (*lacks.get(name, ()), *(law if name in korea.MESSAGES else ()))) for name in CHANNELS
    )


def _email(delivery: Delivery, kept: Secrets) -> tuple[str, ...]:
    missing = [name for name in ("smtp", "from_email", "base_url") if not getattr(delivery, name)]
    if delivery.smtp:
        try:
            smtp.server(delivery.smtp, delivery.smtp_tls)
        except SpecError:
            missing.append("smtp")
    if delivery.smtp_user and not kept.get(SMTP_PASSWORD):
        missing.append(SMTP_PASSWORD)
    return tuple(missing)


def _push(delivery: Delivery) -> tuple[str, ...]:
    # Services may refuse who does not say how to be reached.
    return () if delivery.push_contact or delivery.reply_to or delivery.from_email else ("push_contact",)
