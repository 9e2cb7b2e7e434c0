"""`afterclick keys`: who may send to a store and who may look into it; a key is shown when it is made, and never again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from afterclick.act import page_tokens
from afterclick.act.secrets import Secrets
from afterclick.core import clock, i18n
from afterclick.store.access import DEFAULT_RATE, ROLES, Access, Grant, Role
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.screen import Screen


@click.group()
def keys() -> None:
    """Write keys and tokens of a store: list, make, revoke."""


@keys.command("list")
@format_option("table", "json")
@shared_options
def list_keys(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """Every key and token with its role, the revoked too; their texts are kept nowhere."""
    screen = Screen.of(lang, plain)
    grants = Access(existing_store(store)).grants
    if form == "json":
        screen.write(json.dumps([_told(grant) for grant in grants], ensure_ascii=False, indent=1))
        return
    if not grants:
        screen.show(_text(screen, "none"))
        return
    names = ("id", "role", "source", "origins", "rate", "made", "state")
    screen.table([_text(screen, name) for name in names], [_row(screen, grant) for grant in grants], [True] * len(names))


@keys.command("new")
@click.option("--role", type=click.Choice(ROLES), default="write", show_default=True, help="What it opens.")
@click.option("--source", default="", help="Name under which its events stand, of a write key; else web.")
@click.option(
    "--origin", "origins", multiple=True, help="Web origin its pages have, such as https://shop.example; else any. Repeatable."
)
@click.option(
    "--rate", type=click.IntRange(min=0), default=DEFAULT_RATE, show_default=True, help="Events a second, 0 for no limit."
)
@shared_options
def new_key(
    *, role: Role, source: str, origins: tuple[str, ...], rate: int, store: Path | None, lang: str, plain: bool
) -> None:
    """Make a key or token and show it, once."""
    screen = Screen.of(lang, plain)
    made = Access(existing_store(store)).make(role, source=source, origins=origins, rate=rate)
    screen.show(_text(screen, f"key_{role}", secret=made.secret))
    screen.tell(_text(screen, "once"))


@keys.command("revoke")
@click.argument("name", metavar="KEY")
@shared_options
def revoke_key(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
    """Let KEY (its name in the list) open nothing any more."""
    screen = Screen.of(lang, plain)
    grant = Access(existing_store(store)).revoke(name)
    screen.show(_text(screen, "revoked", id=grant.id))


@keys.command("page")
@shared_options
def page_key(*, store: Path | None, lang: str, plain: bool) -> None:
    """Show the key with which the shop's own server proves its users to pages; made at first use."""
    screen = Screen.of(lang, plain)
    screen.show(page_tokens.key_of_store(Secrets(existing_store(store))))
    screen.tell(_text(screen, "page_key"))


def _text(screen: Screen, name: str, **params: str) -> str:
    return i18n.text(screen.lang, f"access.{name}", **params)


def _row(screen: Screen, grant: Grant) -> list[str]:
    writes = grant.role == "write"
    rate = i18n.number(grant.rate, screen.lang) if grant.rate else _text(screen, "no_limit")
    return [
        grant.id,
        grant.role,
        grant.source,
        (" ".join(grant.origins) or _text(screen, "any")) if writes else "",
        rate if writes else "",
        i18n.instant(clock.to_datetime(grant.made_at), screen.lang),
        _text(screen, "ended" if grant.revoked_at else "valid"),
    ]


def _told(grant: Grant) -> dict[str, object]:
    told = {"id": grant.id, "role": grant.role, "source": grant.source, "origins": list(grant.origins), "rate": grant.rate}
    ended = clock.iso(grant.revoked_at) if grant.revoked_at else None
    return {**told, "made_at": clock.iso(grant.made_at), "revoked_at": ended}
