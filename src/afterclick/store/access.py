"""Who may send to a store and who may look into it: keys and tokens, kept as digests only, in one file of mode 0600."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from afterclick.core import clock
from afterclick.core.errors import StoreError, UsageError, nearest
from afterclick.core.said import Said
from afterclick.store import disk

if sys.platform != "win32":
    import fcntl

FILE: Final = "access.json"
_LOCK: Final = "access.lock"
_VERSION: Final = 1

Role = Literal["owner", "analyst", "write"]
ROLES: Final[tuple[Role, ...]] = ("owner", "analyst", "write")

SECRET_BYTES: Final = 24
"""Random bytes of a key or token: 192 bits, so its plain SHA-256 cannot be searched and needs no slow hash."""

DEFAULT_RATE: Final = 5000
"""Events a second that a write key may send for long, unless it was made with another rate."""

_FIRST: Final[tuple[Role, ...]] = ("write", "owner")
_PREFIX: Final[dict[Role, str]] = {"owner": "ac_owner_", "analyst": "ac_read_", "write": "ac_write_"}


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One key or token. `digest` is the SHA-256 of its text in hexadecimal; the text itself is nowhere.

    `origins` are the web origins (`https://shop.example`) a browser may send from, empty = any; `rate` is events a
    second, 0 = no limit. Instants are microseconds UTC.
    """

    id: str
    role: Role
    digest: str
    source: str = ""
    origins: tuple[str, ...] = ()
    rate: int = 0
    made_at: int = 0
    revoked_at: int = 0


class Made(NamedTuple):
    """A grant with its text, which is shown once and then known to its owner alone."""

    grant: Grant
    secret: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int = _VERSION
    grants: tuple[Grant, ...] = ()


class Access:
    """The grants of a store. Looking one up is safe from several threads; another process's changes come by `refresh`."""

    def __init__(self, store_path: Path) -> None:
        """Raises UsageError where the file can be read by others than its owner, StoreError where it cannot be read."""
        self.path = store_path / FILE
        self._content: bytes | None = None
        self._grants: tuple[Grant, ...] = ()
        self._live: dict[bytes, Grant] = {}
        self.refresh()

    @property
    def exists(self) -> bool:
        """Has this store ever been given keys?"""
        return self._content is not None

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every grant, the revoked too, oldest first."""
        return self._grants

    def refresh(self) -> bool:
        """Read the file again; did it change?"""
        content = _content(self.path)
        if content == self._content:
            return False
        grants = _parsed(content, self.path) if content is not None else ()
        # Before the grants: who sees the new ones may rely on what is found then.
        self._live = {bytes.fromhex(grant.digest): grant for grant in grants if not grant.revoked_at}
        self._content, self._grants = content, grants
        return True

    def find(self, secret: str) -> Grant | None:
        """The grant of a key or token, unless it is unknown or revoked.

        The digest is what is looked up, so how long it takes says nothing about the text of any key; the last
        comparison is in constant time.
        """
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        found = self._live.get(digest)
        return found if found is not None and hmac.compare_digest(bytes.fromhex(found.digest), digest) else None

    def writer(self, key: str) -> Grant | None:
        """The grant of a write key; a token opens no collecting."""
        found = self.find(key)
        return found if found is not None and found.role == "write" else None

    def reader(self, token: str) -> Grant | None:
        """The grant of an owner or analyst token; a write key opens nothing but collecting."""
        found = self.find(token)
        return found if found is not None and found.role != "write" else None

    def guarded(self) -> bool:
        """Is there a token that opens the dashboard?"""
        return any(grant.role != "write" for grant in self._live.values())

    def first(self) -> list[Made]:
        """A write key "web" and an owner token where the store never had one: each store's own, so that none is a default."""
        if not self._missing(self._grants):
            return []
        with self._changing() as grants:
            # Looked at again under the lock: two that start at once must not both make keys.
            wanted = self._missing(grants)
            return [_made(grants, role, "web", (), DEFAULT_RATE) if role == "write" else _made(grants, role) for role in wanted]

    def make(
        self, role: Role, *, source: str = "", origins: tuple[str, ...] = (), rate: int = DEFAULT_RATE
    ) -> Made:
        """A new grant, on disk when this returns. Raises UsageError for an origin that is none."""
        if role not in ROLES:
            raise UsageError(
                Said("refusals.no_role", role=role),
                hint=nearest(role, ROLES) or Said("refusals.known_roles", names=", ".join(ROLES)),
                path="role",
            )
        writes = role == "write"
        origins = tuple(_origin(each) for each in origins)
        if not writes and (origins or source):
            raise UsageError(Said("refusals.reads_no_source"), hint=Said("refusals.leave_source_out"))
        if rate < 0:
            raise UsageError(Said("refusals.rate_negative"), hint=Said("refusals.zero_no_limit"), path="rate")
        with self._changing() as grants:
            return _made(grants, role, (source or "web") if writes else "", origins, rate if writes else 0)

    def revoke(self, name: str) -> Grant:
        """Let a grant open nothing any more; its line stays, so that its id is not given again. Raises UsageError."""
        with self._changing() as grants:
            for at, grant in enumerate(grants):
                if grant.id == name:
                    if not grant.revoked_at:
                        grants[at] = msgspec.structs.replace(grant, revoked_at=clock.now())
                    return grants[at]
        known = [grant.id for grant in self._grants]
        hint = nearest(name, known) or Said("refusals.there_are_keys", names=", ".join(known) or Said("refusals.none"))
        raise UsageError(Said("refusals.no_access_key", name=name), hint=hint)

    def _missing(self, grants: Sequence[Grant]) -> list[Role]:
        had = {grant.role for grant in grants}
        return [role for role in _FIRST if role not in had]

    @contextmanager
    def _changing(self) -> Iterator[list[Grant]]:
        """The grants to be changed, under a lock of their own: a server may hold the store's."""
        with disk.explained(self.path):
            descriptor = os.open(self.path.with_name(_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if sys.platform != "win32":
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                self.refresh()
                grants = list(self._grants)
                yield grants
                changed = _File(grants=tuple(grants))
                content = msgspec.json.format(msgspec.json.encode(changed), indent=1) + b"\n"
                if content != self._content:
                    disk.write_synced(self.path, content, 0o600)
                self.refresh()
            finally:
                os.close(descriptor)


def _made(
    grants: list[Grant], role: Role, source: str = "", origins: tuple[str, ...] = (), rate: int = 0
) -> Made:
    """A new grant at the end of `grants`."""
    secret = _PREFIX[role] + secrets.token_urlsafe(SECRET_BYTES)
    taken = {grant.id for grant in grants}
    name = next(f"{role}{n}" for n in range(1, len(taken) + 2) if f"{role}{n}" not in taken)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    grant = Grant(id=name, role=role, digest=digest, source=source, origins=origins, rate=rate, made_at=clock.now())
    grants.append(grant)
    return Made(grant, secret)


def _content(path: Path) -> bytes | None:
    with disk.explained(path):
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read()
        except FileNotFoundError:
            return None
    if mode & 0o077:
        raise UsageError(
            Said("refusals.open_to_others", name=path.name, mode=f"{mode:04o}"),
            hint=Said("refusals.chmod", path=str(path)),
            path=str(path),
            code="open_secret",
        )
    return content


def _parsed(content: bytes, path: Path) -> tuple[Grant, ...]:
    try:
        found = msgspec.json.decode(content, type=_File)
        if found.version == _VERSION and all(len(bytes.fromhex(grant.digest)) == 32 for grant in found.grants):
            return found.grants
        reason = f"version {found.version}" if found.version != _VERSION else "a digest is no SHA-256"
    except (msgspec.DecodeError, ValueError) as error:
        reason = str(error)
    refused = StoreError(
        Said("refusals.access_unreadable", name=path.name, reason=reason),
        hint=Said("refusals.access_restore"),
        path=str(path),
        code="bad_access",
    )
    refused.exit_code = 2
    raise refused


def _origin(given: str) -> str:
    """`https://shop.example`, in lower case and without a slash at its end."""
    origin = given.strip().rstrip("/").lower()
    scheme, separator, host = origin.partition("://")
    if scheme not in ("http", "https") or not separator or not host or any(mark in host for mark in "/ @?#,*"):
        raise UsageError(
            Said("refusals.no_origin", given=given), hint=Said("refusals.write_origin"), path="origin"
        )
    return origin
