"""`afterclick alerts`: look at the alerts (for cron), list, add and delete them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

import afterclick
from afterclick.core import i18n
from afterclick.core.errors import UsageError
from afterclick.core.mismatch import mismatch
from afterclick.core.said import Said
from afterclick.store.documents import Alert
from afterclick.surfaces.cli import render
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.screen import Screen

_JSON = msgspec.json.Encoder(decimal_format="number")


@click.group()
def alerts() -> None:
    """Look at the alerts on any number of any report; list, add and delete them."""


@alerts.command("check")
@click.argument("names", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Remember nothing: what rings now will ring again.")
@format_option("table", "json")
@shared_options
def check_alerts(
    *, names: tuple[str, ...], dry_run: bool, form: str, store: Path | None, lang: str, plain: bool
) -> None:
    """Look at all alerts, or at those named, and tell the addresses they name. Exit 1 if any is to be sent now; for cron.

    What rings within its cool-down is shown and not sent again.
    """
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        result, fired = shop.desk.check(names, remember=not dry_run)
        told = [] if dry_run else shop.desk.tell(fired)
    if form == "json":
        found = {"fired": [msgspec.to_builtins(one) for one in fired], "told": [one._asdict() for one in told]}
        screen.write(_JSON.encode({**result.to_dict(screen.lang), **found}).decode())
    else:
        render.result(result, screen, form)
        if fired:
            screen.show("", screen.text("alerts_fired", n=len(fired)), *(f"  {one.alert}" for one in fired))
        for one in told:
            words = {"url": one.url, "alert": one.alert, "problem": one.problem}
            screen.show(screen.text("alert_untold" if one.problem else "alert_told", **words))
    if fired:
        click.get_current_context().exit(1)


@alerts.command("list")
@format_option("table", "json")
@shared_options
def list_alerts(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """List the alerts as they are written down, without looking at their numbers."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        found = list(shop.desk.alerts.values())
    if form == "json":
        screen.write(msgspec.json.encode(found).decode())
        return
    names = ("name", "figure", "kind", "below", "above", "cooldown")
    headings = [i18n.text(screen.lang, f"boards.{name}") for name in names]
    kinds = {kind: i18n.text(screen.lang, f"boards.kind_{kind}") for kind in ("threshold", "unusual")}
    rows = [
        [one.name, one.figure, kinds[one.kind], _bound(one.below), _bound(one.above), one.cooldown] for one in found
    ]
    screen.table(headings, rows, [True, True, True, False, False, True])


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


@alerts.command("add")
@click.argument("name")
@click.option("--question", required=True, help="A question as an address or JSON, such as 'kpi?range=1d'.")
@click.option("--figure", required=True, help="The number, such as orders or 'data[channel=email].sessions'.")
@click.option("--above", type=float, help="Rings above this.")
@click.option("--below", type=float, help="Rings below this.")
@click.option("--unusual", is_flag=True, help="Rings when the last whole day is unusual for its weekday.")
@click.option("--direction", type=click.Choice(["both", "more", "less"]), default="both", help="Which way is unusual.")
@click.option("--weeks", type=click.IntRange(4, 52), default=8, show_default=True, help="Weeks that say what is usual.")
@click.option(
    "--false-rate", type=click.Choice(["0.05", "0.01", "0.001"]), default="0.01", show_default=True,
    help="False alarms a day in a quiet series, at most.",
)  # fmt: skip
@click.option("--cooldown", default="1d", show_default=True, help="Not sent again within this span.")
@click.option("--post", multiple=True, help="https address that is told by signed JSON [repeat for more].")
@click.option("--explain", multiple=True, help="Field by which a change is told apart [repeat for more].")
@shared_options
def add_alert(*, name: str, unusual: bool, store: Path | None, lang: str, plain: bool, **given: Any) -> None:
    """Set an alert, or change the one of that name."""
    screen = Screen.of(lang, plain)
    fields = {field: value for field, value in given.items() if value not in (None, ())}
    kind = "unusual" if unusual else "threshold"
    try:
        alert = msgspec.convert({"name": name, "kind": kind, **fields}, Alert, strict=False)
    except msgspec.ValidationError as error:
        path, said = mismatch(error)
        wrong = Said("refusals.in_field", name=path, message=said)
        raise UsageError(Said("refusals.no_alert_cli", error=wrong), hint=Said("refusals.see_alerts_add")) from None
    with afterclick.open(existing_store(store)) as shop:
        shop.desk.put_alert(alert)
    screen.show(screen.text("alert_added", name=name))


@alerts.command("remove")
@click.argument("name")
@shared_options
def remove_alert(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
    """Delete an alert; what it rang stays in the history."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        shop.desk.drop_alert(name)
    screen.show(screen.text("alert_removed", name=name))
