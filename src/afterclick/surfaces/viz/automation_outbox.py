"""Where everything is that was to be sent, as a sum that adds up, and what failed or left nobody knows how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from afterclick.surfaces.viz.automations import channel, reason
from afterclick.surfaces.viz.entries import Posting
from afterclick.surfaces.viz.markup import Html, el, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

if TYPE_CHECKING:
    from afterclick.act.outbox.table import Ended
    from afterclick.app.automation_outbox import Outgoing


def outbox(found: Outgoing, voice: Voice, post: Posting | None = None) -> Html:
    """The balance, and the newest that need a look; with `post` each can be sent again."""
    balance = found.balance
    parts = ("intended", "sent", "suppressed", "failed", "uncertain", "pending")
    figures = {name: voice.number(getattr(balance, name)) for name in parts}
    tiles = [
        el("div", None, el("dt", None, voice.text(f"automations.out_{name}")), el("dd", None, figure))
        for name, figure in figures.items()
    ]
    told = voice.text("automations.out_adds_up" if balance.holds else "automations.out_does_not")
    columns = [
        Column(voice.text("automations.out_at"), lambda row: voice.instant(row.done_at)),
        Column(voice.text("automations.state"), lambda row: voice.text(f"automations.out_{row.state}")),
        Column(voice.text("automations.out_channel"), lambda row: channel(row.channel, voice)),
        Column(voice.text("automations.name"), lambda row: said(row.journey or row.rule)),
        Column(voice.text("automations.out_answer"), lambda row: said(row.detail or reason(row.reason, voice))),
    ]
    if post is not None:
        columns.append(Column(voice.text("automations.out_again"), lambda row: _again(row, post, voice)))
    title = voice.text("automations.out")
    rows = table(columns, found.ended, label=voice.text("automations.out_list")) if found.ended else None
    return el(
        "section",
        {"class": "panel card", "id": "outbox"},
        el("h2", None, title),
        el("dl", {"class": "tiles"}, tiles),
        el("p", {"class": "caption"}, told),
        el("ul", {"class": "notes"}, [el("li", None, _waits(*one, voice)) for one in found.held]) if found.held else None,
        el("h3", {"class": "sub"}, voice.text("automations.out_list")) if rows else None,
        rows,
    )


def _waits(why: str, n: int, due: int | None, voice: Voice) -> str:
    """How many wait for what, and until when."""
    if due is None:
        return voice.text("automations.out_held", n=n, why=reason(why, voice))
    return voice.text("automations.out_held_until", n=n, why=reason(why, voice), at=voice.instant(due))


def _again(row: Ended, post: Posting, voice: Voice) -> Html:
    """A button; of what may have arrived it asks first, since whoever got it would get it twice."""
    pairs = [("what", "resend"), ("action_id", row.action_id), ("channel", row.channel)]
    text = voice.text("automations.out_again")
    label = f"{text}: {row.journey or row.rule}"
    if row.state == "uncertain":
        return post.asked(pairs, text, voice.text("automations.out_twice"), text, label=label)
    return post.button(pairs, text, label=label)
