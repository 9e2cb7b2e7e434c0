"""An address that somebody wrote down, taken apart and refused where it is not plainly what it seems."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection
from typing import Final, NamedTuple, NoReturn
from urllib.parse import quote, urlsplit

from afterclick.act.outbound import networks
from afterclick.core.errors import UsageError
from afterclick.core.said import Said, Spoken

_PORTS: Final = {"https": 443, "http": 80}
_OPEN_PORTS: Final = frozenset({80, 443, 8080, 8443})
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_LONGEST: Final = 2048
_SENT: Final = "".join(chr(code) for code in range(0x21, 0x7F))
"""Characters that are sent as they are written: what is escaped already stays so."""


class Target(NamedTuple):
    """Where to call: `path` with its query, as it is sent in ASCII; `listed` says that the operator named this very host."""

    scheme: str
    host: str
    port: int
    path: str
    listed: bool

    @property
    def authority(self) -> str:
        """The host as it stands in a request, with its port where that is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target(url: str, inside: Collection[str] = ()) -> Target:
    """Take a URL apart. Raises UsageError (code `refused_address`) for whatever is no plain https address of the internet.

    `inside` are hosts (`hooks`, `hooks:8080`) that the operator lists: only those may be of the own network, have another
    port, or be called by http.
    """
    if not url.isprintable() or " " in url or len(url) > _LONGEST or "\\" in url:
        _refuse(url, Said("refusals.url_has_spaces"))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        _refuse(url, Said("refusals.no_url"))
    if parts.scheme not in _PORTS:
        _refuse(url, Said("refusals.neither_https", scheme=parts.scheme or Said("refusals.no_scheme")))
    if "@" in parts.netloc or not parts.hostname:
        _refuse(url, Said("refusals.url_names_user"))
    host = _host(url, parts.hostname)
    port = port or _PORTS[parts.scheme]
    named = {name.lower() for name in inside}
    listed = f"{host}:{port}" in named or (host in named and port in _OPEN_PORTS)
    if not listed:
        if port not in _OPEN_PORTS:
            _refuse(url, Said("refusals.no_web_port", port=port))
        if parts.scheme != "https":
            _refuse(url, Said("refusals.plain_http"))
        _check(url, host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # As browsers send it: a request line holds ASCII alone.
    return Target(parts.scheme, host, port, quote(path, safe=_SENT), listed)


def _host(url: str, given: str) -> str:
    """The host in its one form: lower case, ASCII, no dot at its end."""
    if unicodedata.normalize("NFKC", given) != given:
        _refuse(url, Said("refusals.look_alikes", given=given))
    if ":" in given:
        return given
    try:
        host = given.encode("idna").decode("ascii").lower()
    except UnicodeError:
        _refuse(url, Said("refusals.no_host_name", given=given))
    if not all(_LABEL.fullmatch(label) for label in host.split(".")):
        _refuse(url, Said("refusals.no_host_name", given=given))
    return host


def _check(url: str, host: str) -> None:
    last = host.rsplit(".", 1)[-1]
    if ":" in host or _NUMERIC.fullmatch(last):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            _refuse(url, Said("refusals.disguise", host=host))
        if reason := networks.refusal(host):
            _refuse(url, reason)
    elif "." not in host or last in ("local", "localhost", "internal", "lan", "home", "arpa", "onion"):
        _refuse(url, Said("refusals.own_network", host=host))


def _refuse(url: str, why: Spoken) -> NoReturn:
    raise UsageError(
        Said("refusals.url_not_called", url=url[:80], why=why),
        hint=Said("refusals.write_https"),
        path="url",
        code="refused_address",
    )
