"""An address that somebody wrote down, taken apart and refused where it is not plainly what it seems."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection
from typing import Final, NamedTuple, NoReturn
from urllib.parse import urlsplit

from afterclick.act.outbound import networks
from afterclick.core.errors import UsageError

_PORTS: Final = {"https": 443, "http": 80}
_OPEN_PORTS: Final = frozenset({80, 443, 8080, 8443})
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_LONGEST: Final = 2048


class Target(NamedTuple):
    """Where to call: `path` with its query, as it is sent; `listed` says that the operator named this very host."""

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
        _refuse(url, "it holds spaces, control characters or is too long")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        _refuse(url, str(error))
    if parts.scheme not in _PORTS:
        _refuse(url, f"{parts.scheme or 'no scheme'!r} is neither https nor http")
    if "@" in parts.netloc or not parts.hostname:
        _refuse(url, "it names a user, or no host")
    host = _host(url, parts.hostname)
    port = port or _PORTS[parts.scheme]
    named = {name.lower() for name in inside}
    listed = f"{host}:{port}" in named or (host in named and port in _OPEN_PORTS)
    if not listed:
        if port not in _OPEN_PORTS:
            _refuse(url, f"port {port} is none that web servers use")
        if parts.scheme != "https":
            _refuse(url, "http can be read and changed on its way")
        _check(url, host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, listed)


def _host(url: str, given: str) -> str:
    """The host in its one form: lower case, ASCII, no dot at its end."""
    if unicodedata.normalize("NFKC", given) != given:
        _refuse(url, f"the host {given!r} is written in look-alikes")
    if ":" in given:
        return given
    try:
        host = given.encode("idna").decode("ascii").lower()
    except UnicodeError:
        _refuse(url, f"{given!r} is no name of a host")
    if not all(_LABEL.fullmatch(label) for label in host.split(".")):
        _refuse(url, f"{given!r} is no name of a host")
    return host


def _check(url: str, host: str) -> None:
    last = host.rsplit(".", 1)[-1]
    if ":" in host or _NUMERIC.fullmatch(last):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            _refuse(url, f"{host!r} is an address in disguise")
        if reason := networks.refusal(host):
            _refuse(url, reason)
    elif "." not in host or last in ("local", "localhost", "internal", "lan", "home", "arpa", "onion"):
        _refuse(url, f"{host!r} is a name of an own network")


def _refuse(url: str, why: str) -> NoReturn:
    raise UsageError(
        f"{url[:80]!r} is not called: {why}",
        hint="write https://host/path; hosts of your own network are listed in afterclick.toml: outbound = [\"host:port\"]",
        path="url",
        code="refused_address",
    )
