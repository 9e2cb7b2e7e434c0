"""Addresses in the delivery settings that no message could ever leave by or lead to, told before they are kept."""

from __future__ import annotations

from email.utils import parseaddr
from urllib.parse import urlsplit

from afterclick.act import contact_facts
from afterclick.act.channels import smtp
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.store.automations import Delivery


def check(delivery: Delivery) -> None:
    """Raise SpecError, naming the field, for an address that is none; what is not set is fine."""
    if delivery.smtp:
        smtp.server(delivery.smtp, delivery.smtp_tls)
    for name in ("from_email", "reply_to"):
        text: str = getattr(delivery, name)
        if text and not contact_facts.email(parseaddr(text)[1]):
            raise SpecError(
                Said("refusals.no_mail_address", address=text[:80]), hint=Said("refusals.write_mail_address"),
                path=f"delivery.{name}",
            )  # fmt: skip
    if delivery.base_url and not _leads(delivery.base_url):
        raise SpecError(
            Said("refusals.no_origin", given=delivery.base_url[:80]), hint=Said("refusals.write_origin"),
            path="delivery.base_url",
        )  # fmt: skip


def _leads(address: str) -> bool:
    """Whether a path can be put behind it."""
    try:
        found = urlsplit(address)
        whole = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return False
    return whole and not found.query and not found.fragment
