"""From an intent that may leave to the very message: words in the visitor's language, decorated as the preset asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afterclick.act import templates
from afterclick.act.gate import korea
from afterclick.act.gate.verdict import Go
from afterclick.act.message import Message
from afterclick.act.outbox.intent import Intent
from afterclick.store.automations import Delivery, Words

Links = Callable[[str, str], str]
"""`links(visitor, channel)`: where this visitor opts out of this channel, "" where no link can be made."""
Values = Callable[[Intent], Mapping[str, Any]]
"""What templates may show of an intent's visitor."""


def no_link(visitor: str, channel: str) -> str:  # noqa: ARG001 - the shape of Links
    """Where no address of one's own is known."""
    return ""


def own_values(intent: Intent) -> Mapping[str, Any]:
    """What the intent itself brought."""
    return intent.values


def render(intent: Intent, go: Go, values: Values) -> Words:
    """The words for this visitor. Raises SpecError (code `template`) for words that cannot be shown."""
    send = intent.send
    said = templates.choose(send.words or (send.show.words if send.show is not None else ()), go.lang)
    return templates.render(said, values(intent), go.lang or said.lang, channel=intent.channel)


def compose(intent: Intent, go: Go, delivery: Delivery, words: Words, *, at: int, links: Links) -> Message:
    """The message with rendered words, and what goes with them."""
    channel = intent.channel
    lang = go.lang or words.lang
    headers = {name: value for name, value in (("lang", lang), ("from_name", delivery.sender)) if value}
    if intent.advertising and channel in korea.MESSAGES:
        link = links(intent.visitor, channel) if channel != "webhook" else ""
        if link:
            headers["unsubscribe"] = link
        if delivery.preset == "kr":
            words = korea.labelled(words)
            headers["footer"] = korea.footer(delivery, lang, link)
    return Message(intent.action_id, channel, go.address, words, intent, headers, at)
