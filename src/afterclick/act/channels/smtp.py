"""A conversation with a mail server that ends by a deadline and knows at each point whether a message may have been taken."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from typing import Any, Final, Literal, NamedTuple

from afterclick.act.message import Outcome
from afterclick.act.outbound import patience
from afterclick.act.outbound.patience import Deadline
from afterclick.core.errors import SpecError
from afterclick.core.said import Said

Tls = Literal["starttls", "tls", "none"]

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_MOST: Final = 256 * 1024
_GONE: Final = frozenset(("5.0.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"))
"""Enhanced codes (RFC 3463) that say there is no such mailbox; others of class 5 are about this message or this sender."""
_NO_MAILBOX: Final = frozenset((550, 551, 553))
_OURS: Final = re.compile(r"relay|denied|permit|polic|spam|block|black|authenti|access|sender|abus|reputation", re.IGNORECASE)
"""What a server without enhanced codes says where it refuses us, and not because there is no such mailbox."""
_CLOSING: Final = 421
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_DOTS: Final = re.compile(rb"^\.", re.MULTILINE)
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?")


class Server(NamedTuple):
    """Where mail is handed in, and how: what the operator set, not what anybody sent."""

    host: str
    port: int
    tls: Tls = "starttls"
    user: str = ""
    password: str = ""


class Parcel(NamedTuple):
    """One message for one mailbox; `content` is the whole of it with CRLF at line ends."""

    sender: str
    recipient: str
    content: bytes


class Refused(Exception):
    """The server cannot be used: nothing was handed over."""


def server(address: str, tls: Tls, user: str = "", password: str = "") -> Server:
    """A server by `host` or `host:port`. Raises SpecError."""
    found = _ADDRESS.fullmatch(address.strip())
    if found is None or not 0 < int(found.group(2) or _PORTS[tls]) < 1 << 16:
        raise SpecError(
            Said("refusals.no_mail_server", address=address[:80]),
            hint=Said("refusals.write_mail_server"),
            path="delivery.smtp",
        )
    return Server(found.group(1).strip("[]"), int(found.group(2) or _PORTS[tls]), tls, user, password)


class Session:
    """A connection that is open for several messages. Not for several threads at once."""

    def __init__(self, where: Server, name: str, deadline: Deadline, trusted: ssl.SSLContext | None = None) -> None:
        """Connect, encrypt and sign in; `name` is what we call ourselves. Raises Refused, by the deadline."""
        self.sent = 0
        self._talk = _Talk(where, name, deadline, trusted or ssl.create_default_context())
        try:
            self._talk.begin()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._talk.close()
            raise Refused(_told(error)) from error
        except BaseException:
            self._talk.close()
            raise

    def hand_over(self, parcel: Parcel, deadline: Deadline) -> Outcome:
        """Hand in one message. Raises Refused where the connection was gone before anything could have been taken."""
        self._talk.deadline = deadline
        self.sent += 1
        try:
            refusal = self._announced(parcel)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Refused(_told(error)) from error
        if refusal is not None:
            return refusal
        try:
            # From here on the server may have it, whatever we get to hear.
            self._talk.send(_DOTS.sub(b"..", parcel.content) + b".\r\n")
            return self._judged(*self._talk.getreply(), mailbox=False)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Outcome("uncertain", f"the connection was lost while the message was handed over: {_told(error)}")

    def close(self) -> None:
        """Take leave, if the other side still listens."""
        self._talk.deadline = Deadline(1.0)
        try:
            self._talk.quit()
        except (smtplib.SMTPException, OSError, ValueError):
            self._talk.close()

    def _announced(self, parcel: Parcel) -> Outcome | None:
        """Say from whom and to whom; the refusal of either."""
        options = []
        if not (parcel.sender + parcel.recipient).isascii():
            if not self._talk.has_extn("smtputf8"):
                return Outcome("failed", "the mail server takes no addresses with letters beyond ASCII")
            options = ["SMTPUTF8"]
        self._talk.command_encoding = "utf-8" if options else "ascii"
        code, said = self._talk.mail(parcel.sender, options)
        if code != 250:
            return self._refused(code, said, mailbox=False)
        code, said = self._talk.rcpt(parcel.recipient)
        if code not in (250, 251):
            return self._refused(code, said, mailbox=True)
        code, said = self._talk.docmd("DATA")
        return None if code == 354 else self._refused(code, said, mailbox=False)

    def _refused(self, code: int, said: bytes, *, mailbox: bool) -> Outcome:
        outcome = self._judged(code, said, mailbox=mailbox)
        if code != _CLOSING:
            # The next message of this connection begins afresh.
            self._talk.docmd("RSET")
        return outcome

    def _judged(self, code: int, said: bytes, *, mailbox: bool) -> Outcome:
        """What an answer means; only one about the mailbox itself says that there is none."""
        if code == _CLOSING or code < 0:
            self._talk.close()
        text = f"{code} {said.decode('utf-8', 'replace')}"[:300]
        if 200 <= code < 300:
            return Outcome("sent", text)
        if 400 <= code < 500:
            return Outcome("retry", text)
        enhanced = _ENHANCED.match(said.decode("utf-8", "replace"))
        dead = enhanced.group(1) in _GONE if enhanced else code in _NO_MAILBOX and not _OURS.search(text)
        return Outcome("gone" if mailbox and dead else "failed", text)


class _Talk(smtplib.SMTP):
    """The library's conversation, whose every word has to come before one deadline."""

    def __init__(self, where: Server, name: str, deadline: Deadline, trusted: ssl.SSLContext) -> None:
        self.deadline = deadline
        self._where = where
        self._trusted = trusted
        super().__init__(local_hostname=name)
        # The name that the server's certificate is to be for.
        self._host = where.host

    def begin(self) -> None:
        """Connect, encrypt, sign in. Raises SMTPException, OSError."""
        code, said = self.connect(self._where.host, self._where.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if self._where.tls == "starttls":
            self.starttls(context=self._trusted)
        self.ehlo_or_helo_if_needed()
        if self._where.user:
            if self._where.tls == "none" and self._where.host not in ("localhost", "127.0.0.1", "::1"):
                raise smtplib.SMTPException("a password is not sent over a connection that is not encrypted")
            self.login(self._where.user, self._where.password)

    def _left(self) -> float:
        # Every message of a connection has a deadline of its own.
        return self.deadline.left()

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:  # noqa: ARG002
        opened = socket.create_connection((host, port), timeout=self.deadline.left())
        if self._where.tls != "tls":
            return opened
        return self._trusted.wrap_socket(opened, server_hostname=host)

    def send(self, s: Any) -> None:
        """Send bytes or text, as long as there is time."""
        if self.sock is not None:
            self.sock.settimeout(self.deadline.left())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """The server's answer, as long as there is time, and of a bounded length."""
        if self.file is None and self.sock is not None:
            self.file = patience.reader(self.sock, self._left, _MOST)
        return super().getreply()


def _told(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"[:300]
    return f"{type(error).__name__}: {error}"[:300]
