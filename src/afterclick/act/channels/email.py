"""E-mail: one message to one mailbox, at most once, whatever name or text would like to become a header."""

from __future__ import annotations

import re
import ssl
import threading
from email.errors import HeaderParseError, MessageDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final

from afterclick.act.channels import email_page
from afterclick.act.channels.smtp import Parcel, Refused, Server, Session
from afterclick.act.message import Message, Outcome
from afterclick.act.outbound.patience import Deadline
from afterclick.act.templating import markup
from afterclick.core import clock
from afterclick.store.automations import Delivery

DEADLINE_S: Final = 30.0
_IDLE_S: Final = 20.0
_PER_CONNECTION: Final = 100
_LONGEST_HEADER: Final = 900
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\"]{1,253}")


class _Policy(EmailPolicy):
    """The library's, but that addresses of pages are neither broken into lines nor encoded."""

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in _UNBROKEN else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii") if name.lower() in _UNBROKEN else super().fold_binary(name, value)


_UNBROKEN: Final = frozenset(("list-unsubscribe", "list-unsubscribe-post"))
_POLICY: Final = _Policy(linesep="\r\n", cte_type="7bit")
_POLICY_UTF8: Final = _POLICY.clone(utf8=True)
"""For addresses beyond ASCII, which a header cannot hold otherwise (RFC 6532)."""


class BadHeader(ValueError):
    """A text that would not stay in its header, or an address that is none."""


class Email:
    """The channel. Several threads may use it; they take turns."""

    at_least_once = False

    def __init__(
        self,
        delivery: Delivery,
        where: Server,
        *,
        deadline_s: float = DEADLINE_S,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """`where` is the operator's mail server; `trusted` are certificates believed instead of the system's."""
        self._delivery = delivery
        self._where = where
        self._deadline_s = deadline_s
        self._trusted = trusted
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._used_at = 0.0

    def deliver(self, message: Message) -> Outcome:
        """Hand in one e-mail. `uncertain` where the server may have taken it before the connection was lost."""
        try:
            parcel = compose(message, self._delivery)
        except BadHeader as error:
            return Outcome("failed", str(error))
        with self._lock:
            return self._hand_over(parcel)

    def close(self) -> None:
        """End the connection that waits for the next message."""
        with self._lock:
            self._drop()

    def _hand_over(self, parcel: Parcel) -> Outcome:
        deadline = Deadline(self._deadline_s)
        if self._session is not None and (self._session.sent >= _PER_CONNECTION or clock.ticks() - self._used_at > _IDLE_S):
            self._drop()
        if self._session is not None:
            try:
                return self._done(self._session.hand_over(parcel, deadline))
            except Refused:
                # The server had ended the waiting connection: nothing was handed over yet.
                self._drop()
        try:
            name = self._delivery.from_email.rpartition("@")[2] or "localhost"
            self._session = Session(self._where, name, deadline, self._trusted)
            return self._done(self._session.hand_over(parcel, deadline))
        except Refused as error:
            self._drop()
            return Outcome("retry", str(error))

    def _done(self, outcome: Outcome) -> Outcome:
        self._used_at = clock.ticks()
        if outcome.state == "uncertain" or outcome.detail.startswith("421"):
            self._drop()
        return outcome

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def compose(message: Message, delivery: Delivery) -> Parcel:
    """The e-mail as it is handed in, the same for the same message. Raises BadHeader (case 85)."""
    words, given = message.words, message.headers
    sender = _address(delivery.from_email, "the sender's address")
    recipient = _address(message.address, "the address")
    name = _plain(given.get("from_name", "") or delivery.sender, "the sender's name")
    mail = EmailMessage(_POLICY if (sender + recipient + delivery.reply_to).isascii() else _POLICY_UTF8)
    try:
        mail["From"] = _mailbox(sender, name)
        mail["To"] = _mailbox(recipient)
        mail["Subject"] = _plain(words.title, "the subject")
        mail["Date"] = format_datetime(clock.to_datetime(message.at - message.at % 1_000_000))
        mail["Message-ID"] = f"<{_plain(message.action_id, 'the id')}@{sender.rpartition('@')[2]}>"
        if delivery.reply_to:
            mail["Reply-To"] = _mailbox(_address(delivery.reply_to, "the address for answers"))
    except (HeaderParseError, MessageDefect, ValueError, IndexError) as error:
        raise BadHeader(f"a header cannot be written: {error}") from None
    unsubscribe = _plain(given.get("unsubscribe", ""), "the link to opt out")
    if unsubscribe:
        mail["List-Unsubscribe"] = f"<{unsubscribe}>"
        if unsubscribe.startswith("https://"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lang, footer = given.get("lang", "") or words.lang, given.get("footer", "")
    text = email_page.plain(
        words, markup.to_text(words.body), lang=lang, sender=name, footer=footer, unsubscribe=unsubscribe
    )
    page = email_page.page(words, lang=lang, sender=name, footer=footer, unsubscribe=unsubscribe)
    mail.set_content(text)
    mail.add_alternative(page, subtype="html")
    # Boundaries are drawn by chance otherwise: a second try is the same message to the byte.
    mail.set_boundary(f"=_{re.sub('[^0-9A-Za-z]', '', message.action_id)[:40]}_afterclick")
    return Parcel(sender, recipient, mail.as_bytes())


def _mailbox(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def _plain(text: str, what: str) -> str:
    """A text that fits into a header and stays there."""
    if not text.isprintable() or len(text) > _LONGEST_HEADER:
        raise BadHeader(f"{what} holds line breaks or control characters, or is too long")
    return text


def _address(given: str, what: str) -> str:
    """One mailbox, its domain in ASCII."""
    text = given.strip()
    if not _ADDRESS.fullmatch(text) or not text.isprintable():
        raise BadHeader(f"{what} is no e-mail address")
    local, _, domain = text.rpartition("@")
    try:
        host = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadHeader(f"{what} is no e-mail address") from None
    if local.startswith(".") or local.endswith(".") or ".." in text or not all(host.split(".")):
        raise BadHeader(f"{what} is no e-mail address")
    return f"{local}@{host}"
