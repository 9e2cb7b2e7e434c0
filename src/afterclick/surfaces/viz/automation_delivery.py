"""How messages leave and what holds them back: the form, and what is in force in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from afterclick.act.channels.readiness import Readiness
from afterclick.store.automations import Delivery
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.automations import channel
from afterclick.surfaces.viz.entries import Posting, choice, field, fields
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice

_SHOWN: Final = ("email", "push")
"""Channels that need something set up."""


def delivery(
    document: Delivery, ready: Sequence[Readiness], post: Posting, voice: Voice, *, opened: bool = False, problem: str = ""
) -> Html:
    """How messages leave: what each channel lacks, sender and server, quiet hours, caps, consent by law, the hold-out of
    all. `problem` says why nobody can tell what the channels lack."""
    known = [el("li", None, _readiness(each, voice)) for each in ready if each.channel in _SHOWN]
    notes = [el("p", {"class": "caption"}, voice.text(f"automations.{name}")) for name in ("preset_note", "consent_note")]
    save = el("button", {"class": "go"}, voice.text("automations.save"))
    form = post.form(
        [("what", "delivery")], _holding(document, voice), _sending(document, voice), notes, save, css="question"
    )
    return el(
        "section",
        {"class": "panel card", "id": "delivery"},
        el("h2", None, voice.text("automations.delivery")),
        el("p", {"class": "caption"}, _in_force(document, voice)),
        el("p", {"class": "wrong"}, problem) if problem else None,
        el("ul", {"class": "notes"}, known) if known else None,
        el("details", {"class": "more", "open": opened}, el("summary", None, voice.text("automations.change")), form),
    )


def _readiness(one: Readiness, voice: Voice) -> str:
    name = channel(one.channel, voice)
    if not one.lacks:
        return voice.text("automations.channel_ready", channel=name)
    what = [voice.text(f"channel_lacks.{lack}") for lack in one.lacks]
    return voice.text("automations.channel_lacks", channel=name, what=what)


def _one(voice: Voice, name: str, value: str, **more: str) -> Html:
    told = voice.known(f"automations.{name}_said") or ""
    return field(voice.text(f"automations.{name}"), name, value, said=told, more=dict(more))


def _holding(document: Delivery, voice: Voice) -> Html:
    """What holds messages back."""
    caps = "\n".join(
        " ".join(part for part in (str(cap.most), cap.per, cap.channel, f"#{cap.tag}" if cap.tag else "") if part)
        for cap in document.caps
    )
    presets = [("", voice.text("automations.preset_none")), ("kr", voice.text("automations.preset_kr"))]
    modes = [(mode, voice.text(f"automations.quiet_{mode}")) for mode in ("hold", "drop")]
    first, last = document.quiet if len(document.quiet) == 2 else ("", "")
    return fields(
        _one(voice, "quiet_from", first, placeholder="21:00"), _one(voice, "quiet_to", last, placeholder="08:00"),
        choice(voice.text("automations.quiet_mode"), "quiet_mode", document.quiet_mode, modes),
        field(voice.text("automations.caps"), "caps", caps, lines=3, said=voice.text("automations.caps_said")),
        _one(voice, "holdout_all", f"{document.holdout_rate * 100:g}"),
        choice(voice.text("automations.preset"), "preset", document.preset, presets),
        legend=voice.text("automations.holding"),
    )  # fmt: skip


def _sending(document: Delivery, voice: Voice) -> list[Html]:
    """Who writes, and by which server."""
    secure = [(mode, mode.upper() if mode == "tls" else mode) for mode in ("starttls", "tls", "none")]
    texts = ("sender", "company", "phone", "address", "from_email", "reply_to")
    sender = [_one(voice, name, str(getattr(document, name))) for name in texts]
    home = _one(voice, "base_url", document.base_url, placeholder="https://")
    server = fields(
        _one(voice, "smtp", document.smtp, placeholder="mail.example:587"), _one(voice, "smtp_user", document.smtp_user),
        choice(voice.text("automations.smtp_tls"), "smtp_tls", document.smtp_tls, secure),
        _one(voice, "push_contact", document.push_contact), _one(voice, "per_second", str(document.per_second)),
        legend=voice.text("automations.server"),
    )  # fmt: skip
    return [fields(*sender, home, legend=voice.text("automations.sending")), server]


def _in_force(document: Delivery, voice: Voice) -> str:
    """What holds now, in one line."""
    parts = []
    if len(document.quiet) == 2:
        parts.append(voice.text("automations.now_quiet", first=document.quiet[0], last=document.quiet[1]))
    for cap in document.caps:
        whom = f" ({', '.join(part for part in (channel(cap.channel, voice) if cap.channel else '', cap.tag) if part)})"
        per = voice.known(f"automations.per_{cap.per}") or words.span(cap.per, voice)
        parts.append(voice.text("automations.now_cap", n=cap.most, per=per) + (whom if cap.channel or cap.tag else ""))
    if document.preset:
        parts.append(voice.text("automations.preset_kr"))
    return " · ".join(parts)
