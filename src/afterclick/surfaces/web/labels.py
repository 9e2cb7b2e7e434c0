"""What a field is called where it is filled in, so that a refusal names what its reader sees and not a parameter."""

from __future__ import annotations

import re
from typing import Final

from afterclick.core import i18n
from afterclick.core.said import Said, Spoken

_ARM: Final = re.compile(r"^a\d+_")
_OTHERWISE: Final = {
    "automations": {
        "when": "condition", "on": "on_events", "weight": "arm_weight", "holdout_rate": "holdout", "ways": "new_split",
        "share": "new_split", "values": "new_set", "ttl": "show_ttl", "placement": "show_placement", "kind": "show_kind",
        "colour": "show_colour", "most": "caps", "per": "caps", "channel": "caps", "quiet": "quiet_from",
        "enter": "do_enter", "emit": "do_emit", "call": "do_call", "event": "wait_for_event", "daily": "entry_daily",
    },
    "boards": {"title": "heading", "place": "card"},
}  # fmt: skip
"""By page, the labels that are not called as their field is."""


def label(page: str, path: str) -> Spoken:
    """The label of a field, or of the last field of a path (`arms[0].weight`), on a page; the path where it has none."""
    name = _ARM.sub("", path.rpartition(".")[2].partition("[")[0])
    text_id = f"{page}.{_OTHERWISE.get(page, {}).get(name, name)}"
    return Said(text_id) if i18n.find("en", text_id) is not None else path
