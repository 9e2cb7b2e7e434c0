"""Passwords and keys of a store: in one file that its owner alone can read, or in the environment, never in a document."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from afterclick.act import turns
from afterclick.core.errors import StoreError
from afterclick.core.said import Said, Spoken
from afterclick.core.settings import PREFIX
from afterclick.store import disk, toml

FILE: Final = "secrets.toml"
SMTP_PASSWORD: Final = "smtp_password"  # noqa: S105 - the name of it
VAPID: Final = "vapid_key"
UNSUBSCRIBE: Final = "unsubscribe_key"

_MODE: Final = 0o600
_HEAD: Final = "Passwords and keys. Whoever reads this file can send in your name: keep it to yourself (chmod 600)."
_ABOUT: Final[Mapping[str, str]] = {
    SMTP_PASSWORD: "password of delivery.smtp_user",
    VAPID: "private key of web push; with another one every subscription is lost",
    "page_key": "key with which the shop's server proves its users to pages",
    UNSUBSCRIBE: "key of links to opt out; with another one links of older messages no longer work",
}


class Secrets:
    """The secrets of one store, read anew at every question, so that a change counts at once."""

    def __init__(self, store: Path, environ: Mapping[str, str] | None = None) -> None:
        self.path = store / FILE
        self._store = store
        self._environ = os.environ if environ is None else environ

    def get(self, name: str) -> str:
        """A secret, "" where there is none; AFTERCLICK_<NAME> of the environment goes before the file.

        Raises StoreError if others can read the file (`open_secret`) or it cannot be read (`bad_secrets`).
        """
        return self._environ.get(PREFIX + name.upper(), "") or self._read().get(name, "")

    def made(self, name: str, make: Callable[[], str]) -> str:
        """A secret that is made at first use, once, whoever else asks at the same moment."""
        if found := self.get(name):
            return found
        with turns.turn(self._store, turns.SECRETS):
            values = self._read()
            if not values.get(name):
                values[name] = make()
                self._write(values)
            return values[name]

    def put(self, name: str, value: str) -> None:
        """Keep a secret; "" forgets it."""
        with turns.turn(self._store, turns.SECRETS):
            values = {**self._read(), name: value}
            self._write({key: text for key, text in values.items() if text})

    def _read(self) -> dict[str, str]:
        path = self.path
        with disk.explained(path):
            try:
                with path.open("rb") as opened:
                    # Asked of the opened file: a name may come to stand for another one.
                    if os.fstat(opened.fileno()).st_mode & 0o077:
                        raise StoreError(
                            Said("refusals.others_read_name", name=path.name),
                            hint=Said("refusals.chmod", path=str(path)),
                            path=str(path),
                            code="open_secret",
                        )
                    values = tomllib.loads(opened.read().decode("utf-8"))
            except FileNotFoundError:
                return {}
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise _unreadable(path, str(error)) from None
        wrong = next((key for key, value in values.items() if not isinstance(value, str)), None)
        if wrong is not None:
            raise _unreadable(path, Said("refusals.is_no_text", name=wrong))
        return values

    def _write(self, values: Mapping[str, str]) -> None:
        with disk.explained(self.path):
            disk.write_synced(self.path, toml.text(values, _ABOUT, _HEAD).encode(), _MODE)


def _unreadable(path: Path, why: Spoken) -> StoreError:
    # The line itself is not repeated: it may be a password.
    return StoreError(
        Said("refusals.secrets_unreadable", name=path.name, why=why),
        hint=Said("refusals.secrets_lines"),
        path=str(path),
        code="bad_secrets",
    )
