"""What the forms of the Automations page say, read into documents; every sentence of refusal names its field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from afterclick.core.errors import SpecError
from afterclick.core.mismatch import mismatch
from afterclick.core.said import Said
from afterclick.store.automations import Delivery, Journey, LiveRule, Node
from afterclick.surfaces.viz.automation_message import PARTS
from afterclick.surfaces.web.labels import label

Given = Mapping[str, str]
D = TypeVar("D")

MOST_WORDS: Final = 12
"""Languages a message may have in a form."""
_SHOWN: Final = {"show_kind": "kind", "placement": "placement", "ttl": "ttl", "theme": "theme", "colour": "colour"}
_CAP: Final = re.compile(r"(\d{1,6})\s+(\S+)(?:\s+([a-z]+))?(?:\s+#(\S+))?")


def rule(given: Given, before: LiveRule) -> LiveRule:
    """The rule a form describes; what the form does not hold stays as it was."""
    kept = msgspec.to_builtins(before)
    made: dict[str, Any] = {name: kept[name] for name in ("state", "on_since", "tested") if name in kept}
    made |= {name: given.get(name, "").strip() for name in ("name", "when", "once", "group", "cooldown")}
    made |= {
        "on": lines(given.get("on", "")), "priority": whole(given, "priority"), "cost": number(given, "cost"),
        "holdout_rate": number(given, "holdout") / 100,
    }  # fmt: skip
    does = given.get("does", "show")
    if does in ("enter", "emit", "call"):
        made[does] = given.get(does, "").strip()
        return _document(made, LiveRule)
    if before.arms:
        made["arms"] = [
            {"name": given.get(f"a{i}_name", arm.name).strip(), "weight": number(given, f"a{i}_weight") / 100,
             "show": _show(given, f"a{i}_")}
            for i, arm in enumerate(before.arms)
        ]  # fmt: skip
    else:
        made["show"] = _show(given, "")
    return _document(made, LiveRule)


def journey(given: Given, before: Journey) -> Journey:
    """The journey a form describes; its steps stay as they were."""
    kept = msgspec.to_builtins(before)
    made: dict[str, Any] = {
        name: kept[name] for name in ("version", "steps", "state", "on_since", "tested") if name in kept
    }
    entry = {name: given.get(f"entry_{name}", "").strip() for name in ("event", "when", "segment", "daily")}
    made |= {name: given.get(name, "").strip() for name in ("name", "again", "grace")}
    made |= {
        "entry": entry, "goal": lines(given.get("goal", "")), "leave": lines(given.get("leave", "")),
        "holdout_rate": number(given, "holdout") / 100,
    }  # fmt: skip
    return _document(made, Journey)


def step(given: Given, before: Node) -> Node:
    """The step a form describes; steps inside it stay as they were."""
    kept: dict[str, Any] = msgspec.to_builtins(before)
    if before.wait is not None:
        wait = {name: given.get(name, "").strip() for name in ("span", "until", "event", "condition", "timeout")}
        days = [int(day) for day in given.get("weekdays", "").replace(",", " ").split() if day.isdecimal() and len(day) < 3]
        kept["wait"] = {**wait, "weekdays": days}
    elif before.send is not None:
        kept["send"] = _send(given, before)
    elif before.branch is not None:
        kept["branch"]["when"] = given.get("when", "").strip()
    elif before.split:
        kept["split"] = _ways(given, before)
    else:
        kept["set"] = dict(_pair(line, "values") for line in lines(given.get("values", "")))
    return _document(kept, Node)


def _send(given: Given, before: Node) -> dict[str, Any]:
    assert before.send is not None
    channel = before.send.channel
    made: dict[str, Any] = {
        "channel": channel, "to": given.get("to", "").strip(), "tags": given.get("tags", "").replace(",", " ").split(),
        "advertising": given.get("advertising", "yes") != "no", "resend": given.get("resend") == "yes",
        "cost": number(given, "cost"),
    }  # fmt: skip
    if channel == "onsite":
        made["show"] = _show(given, "")
    elif channel in ("email", "push"):
        made["words"] = words(given, "")
    return made


def _ways(given: Given, before: Node) -> list[dict[str, Any]]:
    """The ways by name; one that keeps its name keeps its steps, in the same place a renamed one too."""
    named = {way.name: way for way in before.split}
    pairs = [_pair(line, "ways") for line in lines(given.get("ways", ""))]
    kept = {name for name, _ in pairs}
    made = []
    for i, (name, share) in enumerate(pairs):
        old = named.get(name)
        if old is None and i < len(before.split) and before.split[i].name not in kept:
            old = before.split[i]
        made.append({"name": name, "share": _number(share, "ways"), "steps": msgspec.to_builtins(old.steps) if old else []})
    return made


def delivery(given: Given, before: Delivery) -> Delivery:
    """How messages leave, as the form says."""
    made: dict[str, Any] = msgspec.to_builtins(before)
    texts = (
        "sender", "company", "phone", "address", "from_email", "reply_to", "smtp", "smtp_user", "base_url", "push_contact",
        "smtp_tls", "quiet_mode", "preset",
    )  # fmt: skip
    made |= {name: given.get(name, "").strip() for name in texts if name in given}
    quiet = [given.get(name, "").strip() for name in ("quiet_from", "quiet_to")]
    made["quiet"] = [each for each in quiet if each]
    made["caps"] = [_cap(line) for line in lines(given.get("caps", ""))]
    made["holdout_rate"] = number(given, "holdout_all") / 100
    made["per_second"] = whole(given, "per_second") or before.per_second
    return _document(made, Delivery)


def _cap(line: str) -> dict[str, Any]:
    """`2 day`, `1 7d push #basket`."""
    found = _CAP.fullmatch(line)
    if found is None:
        raise SpecError(Said("refusals.no_cap", line=line[:40]), hint=Said("refusals.write_cap"), path="caps")
    return {"most": int(found[1]), "per": found[2], "channel": found[3] or "", "tag": found[4] or ""}


def _show(given: Given, prefix: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        field: given[f"{prefix}{name}"].strip() for name, field in _SHOWN.items() if given.get(f"{prefix}{name}") is not None
    }
    return {**made, "words": words(given, prefix)}


def words(given: Given, prefix: str) -> list[dict[str, str]]:
    """The message in each language; a group without any text is left out."""
    found = []
    for i in range(MOST_WORDS):
        at = f"{prefix}w{i}_"
        one = {part: given.get(f"{at}{part}", "").replace("\r\n", "\n").strip() for part in PARTS}
        if any(one.values()):
            found.append({"lang": given.get(f"{at}lang", "").strip()[:20], **one})
    return found


def lines(text: str) -> list[str]:
    """The lines of a field that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def number(given: Given, name: str) -> float:
    """A number; 0 where nothing is given. Raises SpecError for anything else."""
    return _number(given.get(name, "").strip() or "0", name)


def whole(given: Given, name: str) -> int:
    """A whole number; 0 where nothing is given."""
    return int(number(given, name))


def _number(text: str, name: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SpecError(Said("refusals.is_number", name=label("automations", name), text=text[:40]), path=name)
    return value


def _pair(line: str, name: str) -> tuple[str, str]:
    left, sign, right = line.partition("=")
    if not sign or not left.strip():
        raise SpecError(Said("refusals.no_pair", line=line[:40]), hint=Said("refusals.write_pair"), path=name)
    return left.strip(), right.strip()


def _document(values: dict[str, Any], kind: type[D]) -> D:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        path, said = mismatch(error)
        what = Said("refusals.in_field", name=label("automations", path), message=said) if path else said
        raise SpecError(what, hint=Said("refusals.go_back"), path=path) from None
