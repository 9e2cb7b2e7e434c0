"""The foot of every card: range, unit, number of visitors, what was left out, as of when, and the caveats."""

from __future__ import annotations

from afterclick.core.result import Result
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice


def foot(result: Result, voice: Voice) -> Html:
    """What a reader must know to quote a figure of this Result."""
    notes = [el("li", None, note.say(voice.lang)) for note in result.notes]
    return el(
        "footer",
        {"class": "foot"},
        el("p", None, " · ".join(said(result, voice))),
        el("ul", {"class": "notes"}, notes) if notes else None,
    )


def said(result: Result, voice: Voice) -> list[str]:
    """Range, unit, number of visitors, what was left out, zone and as of, each in a few words."""
    about = result.about
    parts = [days(str(about.get("range") or ""), voice)]
    if about.get("compare"):
        parts.append(voice.text("foot.compare", days=days(str(about["compare"]), voice)))
    parts += [voice.text("foot.segment", name=str(name)[:200]) for name in about.get("segments") or ()]
    if about.get("visitors") is not None:
        parts.append(voice.text("foot.visitors", n=about["visitors"]))
    if about.get("events") is not None:
        parts.append(voice.text("foot.events", n=about["events"]))
    if about.get("bots"):
        parts.append(voice.text(f"foot.bots_{about['bots']}"))
    if about.get("identity"):
        parts.append(voice.text(f"foot.identity_{about['identity']}"))
    if result.figures.get("within"):
        parts.append(voice.text("foot.within", within=voice.within(str(result.figures["within"]))))
    if about.get("timezone"):
        parts.append(str(about["timezone"]))
    if about.get("as_of"):
        parts.append(voice.text("foot.as_of", at=voice.instant(str(about["as_of"]))))
    return [part for part in parts if part]


def days(text: str, voice: Voice) -> str:
    """`2026-08-31..2026-09-27` as the language writes days; any other text as it is."""
    first, dots, last = text.partition("..")
    if not dots:
        return text
    try:
        return voice.days(first, last)
    except ValueError:
        return text
