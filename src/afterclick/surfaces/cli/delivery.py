"""`afterclick delivery`: what each channel lacks, the secrets that stand in no document, the files for ad platforms."""

from __future__ import annotations

import json
from pathlib import Path

import click

from afterclick.act import secrets
from afterclick.act.channels import audience, readiness
from afterclick.act.channels.audience import PLATFORMS, Platform
from afterclick.act.channels.vapid import Pair
from afterclick.act.outbound import signing
from afterclick.act.secrets import Secrets
from afterclick.core import clock, i18n
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.store import definitions
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.screen import Screen

_SECOND = 1_000_000


@click.group()
def delivery() -> None:
    """Sending messages: what is set up, passwords and keys, audiences for ad platforms."""


@delivery.command("show")
@format_option("table", "json")
@shared_options
def show(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """Every channel: can it send, and what does it lack?"""
    screen, path = Screen.of(lang, plain), existing_store(store)
    found = readiness.of(definitions.load(path), Secrets(path))
    if form == "json":
        screen.write(json.dumps([{"channel": one.channel, "lacks": list(one.lacks)} for one in found], indent=1))
        return
    rows = [
        [_text(screen, f"channel_{one.channel}"), _text(screen, "lacks" if one.lacks else "ready", what=", ".join(one.lacks))]
        for one in found
    ]
    screen.table([_text(screen, "channel"), _text(screen, "state")], rows, [True, True])
    lacking = dict.fromkeys(name for one in found for name in one.lacks)
    if lacking:
        screen.show("", *(f"{name}: {i18n.text(screen.lang, f'channel_lacks.{name}')}" for name in lacking))
        screen.show("", _text(screen, "where"))


@delivery.command("password")
@shared_options
def password(*, store: Path | None, lang: str, plain: bool) -> None:
    """Keep the password of the mail server; it is asked for and shown nowhere. Empty forgets it."""
    screen, path = Screen.of(lang, plain), existing_store(store)
    given = click.prompt(_text(screen, "ask_password"), default="", hide_input=True, show_default=False, err=True)
    Secrets(path).put(secrets.SMTP_PASSWORD, given)
    screen.show(_text(screen, "kept" if given else "forgotten", file=secrets.FILE))


@delivery.command("signing")
@click.option("--renew", is_flag=True, help="Make a new one; the one before signs beside it for a week.")
@shared_options
def signing_secret(*, renew: bool, store: Path | None, lang: str, plain: bool) -> None:
    """Show the secret that signs webhooks and alarms, for whoever receives them."""
    screen, path = Screen.of(lang, plain), existing_store(store)
    secret = signing.rotate(path, clock.now() // _SECOND) if renew else signing.secret(path)
    screen.write(secret)
    if renew:
        screen.tell(_text(screen, "renewed", days=str(signing.KEPT_DAYS)))


@delivery.command("push-key")
@shared_options
def push_key(*, store: Path | None, lang: str, plain: bool) -> None:
    """Show the public key that pages subscribe to web push with (applicationServerKey)."""
    Screen.of(lang, plain).write(Pair.of_store(Secrets(existing_store(store))).public)


@delivery.command("audiences")
@format_option("table", "json")
@shared_options
def audiences(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """The audience files of the store and how many people are in each."""
    screen, path = Screen.of(lang, plain), existing_store(store)
    unwilling = audience.refused(path)
    found = {file.stem: audience.people(file, unwilling) for file in audience.files(path)}
    if form == "json":
        screen.write(json.dumps([{"audience": name, "people": n} for name, n in found.items()], ensure_ascii=False, indent=1))
    elif not found:
        screen.show(_text(screen, "no_audience"))
    else:
        rows = [[name, i18n.number(n, screen.lang)] for name, n in found.items()]
        screen.table([_text(screen, "audience"), _text(screen, "people")], rows, [True, False])


@delivery.command("audience")
@click.argument("name", metavar="AUDIENCE")
@click.option("--for", "platform", type=click.Choice(PLATFORMS), required=True, help="Whose columns it has.")
@shared_options
def export_audience(*, name: str, platform: Platform, store: Path | None, lang: str, plain: bool) -> None:
    """Write the audience of this name as CSV to stdout, hashed as the ad platform takes it."""
    path = existing_store(store)
    by_stem = {file.stem: file for file in audience.files(path)}
    file = by_stem.get(name, audience.file_of(path, name))
    if not file.exists():
        known = ", ".join(by_stem) or "none yet"
        raise SpecError(
            Said("refusals.no_audience", name=name),
            hint=Said("refusals.there_is", known=known),
            path="audience",
        )
    Screen.of(lang, plain).write(audience.csv_of(file, platform, audience.refused(path)))


def _text(screen: Screen, name: str, **params: str) -> str:
    return i18n.text(screen.lang, f"delivery_set_up.{name}", **params)
