"""`afterclick erase` and `export`: one person gone from a store, or everything about them in a file."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

import afterclick
from afterclick.app.people import erasing, export
from afterclick.core import i18n
from afterclick.core.errors import AfterclickError, StoreLocked, UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli.options import existing_store, shared_options
from afterclick.surfaces.cli.screen import Screen

_PATH: Final = "/api/erase"
_PATIENCE_S: Final = 600


def _say(screen: Screen, key: str, **params: Any) -> str:
    return i18n.text(screen.lang, f"person.{key}", **params)


def kinds(command: Callable[..., None]) -> Callable[..., None]:
    """`--user`, `--anonymous`, `--email`: what kind of id is meant."""
    for name, text in (
        ("email", "The id is an e-mail address."),
        ("anonymous", "The id is a device's or a browser's."),
        ("user", "The id is a user id."),
    ):
        command = click.option(f"--{name}", "kind", flag_value=name, help=text)(command)
    return command


@click.command("erase")
@click.argument("ids", nargs=-1, metavar="ID...")
@kinds
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--again", is_flag=True, help="Erase anew whoever was erased: after a backup was restored.")
@click.option("--server", metavar="URL", default="", help="The server that holds the store, where one does.")
@click.option("--token", envvar="AFTERCLICK_TOKEN", default="", help="An owner's token of that server; also $AFTERCLICK_TOKEN.")
@shared_options
def erase(
    *, ids: tuple[str, ...], kind: str | None, yes: bool, again: bool, server: str, token: str,
    store: Path | None, lang: str, plain: bool,
) -> None:  # fmt: skip
    """Erase people from a store: every id and event of theirs, everywhere in it, and keep them out from now on."""
    screen = Screen.of(lang, plain)
    if not ids and not again:
        raise UsageError(Said("refusals.whom"), hint=Said("refusals.erase_usage"))
    if server:
        for one in ids:
            _there(screen, _Server(server, token, screen.lang), one, kind or "", yes)
        return
    try:
        with afterclick.open(existing_store(store), write=True) as shop:
            if again:
                done = erasing.again(shop)
                screen.show(_say(screen, "again", n=len(done)))
                _left(screen, [trace for one in done for trace in one.to_dict()["left"]])
            for one in ids:
                _here(screen, shop, one, kind or "", yes)
    except StoreLocked as error:
        error.advice = _say(screen, "server")
        raise


def _here(screen: Screen, shop: afterclick.Workspace, given: str, kind: str, yes: bool) -> None:
    if _agreed(screen, shop.whose(given, kind=kind), yes):
        done = shop.erase(given, kind=kind, progress=lambda step: screen.tell(_say(screen, f"step_{step}")))
        _told(screen, done.to_dict())


def _there(screen: Screen, server: _Server, given: str, kind: str, yes: bool) -> None:
    if _agreed(screen, server.ask({"id": given, "kind": kind}), yes):
        _told(screen, server.ask({"id": given, "kind": kind, "sure": True}))


def _agreed(screen: Screen, found: dict[str, Any], yes: bool) -> bool:
    screen.tell(_say(screen, "would", **{name: found[name] for name in ("ids", "events")}))
    if found["shared"]:
        screen.tell(_say(screen, "shared", n=found["shared"]))
    if yes or click.confirm(_say(screen, "sure"), err=True):
        return True
    screen.tell(_say(screen, "left_alone"))
    return False


def _told(screen: Screen, done: dict[str, Any]) -> None:
    screen.show(_say(screen, "erased", **{name: done[name] for name in ("ids", "events", "changed", "rejects")}))
    _left(screen, done["left"])


def _left(screen: Screen, left: list[dict[str, str]]) -> None:
    """Name what could not be removed, and say so to the shell as well."""
    if left:
        screen.show(_say(screen, "left", n=len(left)))
        screen.show(*(f"    {one['file']}: {one['place']} ({one['form']}, {one['id']})" for one in left))
        click.get_current_context().exit(1)


class _Server:
    """The server of a store, asked as its owner."""

    def __init__(self, address: str, token: str, lang: str) -> None:
        self._parts = urlsplit(address if "://" in address else f"http://{address}")
        self._token = token
        self._path = f"{_PATH}?lang={lang}"

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send an order; what was answered. Raises AfterclickError for anything but a good answer."""
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=_PATIENCE_S)
        # A program shows that it is none of a foreign page by this header, with a token or without.
        headers = {"Authorization": f"Bearer {self._token or 'none'}", "Content-Type": "application/json"}
        try:
            connection.request("POST", self._path, json.dumps(order), headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            hint = Said("refusals.start_server")
            raise AfterclickError(
                Said("refusals.does_not_answer", netloc=self._parts.netloc, error=str(error)), hint=hint
            ) from error
        finally:
            connection.close()
        told = _read(body)
        if answer.status != 200:
            said = told.get("error", told) if isinstance(told.get("error", told), dict) else {}
            message = str(said.get("message") or body.decode("utf-8", "replace").strip() or answer.status)
            raise AfterclickError(message, hint=str(said.get("hint", "")))
        return told


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


@click.command("export")
@click.option("--person", "given", metavar="ID", required=True, help="Any id of the person, as it was sent.")
@kinds
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True,
    help="The file: .json, or .zip for JSON and CSV tables.",
)  # fmt: skip
@shared_options
def export_person(*, given: str, kind: str | None, out: Path, store: Path | None, lang: str, plain: bool) -> None:
    """Hand out everything held about one person: ids, events, consent, segments, predictions."""
    screen = Screen.of(lang, plain)
    if out.suffix.lower() not in (".json", ".zip"):
        raise UsageError(Said("refusals.ends_neither", name=out.name), hint=Said("refusals.person_file"))
    with afterclick.open(existing_store(store)) as shop:
        found = shop.person(given, kind=kind or "")
        export.write(found, out, lang)
    counts = {name: len(found[name]) for name in ("ids", "events", "consent")}
    screen.show(_say(screen, "written", file=str(out), **counts))
