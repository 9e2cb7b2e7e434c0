"""Everything that is held about one person, in a form a person can read and a program can."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from afterclick.analyse.consents import statements
from afterclick.analyse.question import Question
from afterclick.analyse.scope import scope_of
from afterclick.analyse.segments.members import members_of
from afterclick.analyse.segments.names import rule_of
from afterclick.analyse.stitches import stitch_rows
from afterclick.app.people.forms import Needles
from afterclick.app.people.redaction import Redaction
from afterclick.app.people.whose import Person, person_of
from afterclick.collect.privacy.consent import fold
from afterclick.core import clock, i18n
from afterclick.core.errors import SpecError
from afterclick.core.event import LOG_COLUMNS, PROPERTY_PREFIX
from afterclick.core.money import to_decimal
from afterclick.core.said import Said
from afterclick.core.spreadsheet import safe
from afterclick.learn.value.answer import foreseen_of
from afterclick.learn.value.rfm import Rfm
from afterclick.learn.value.value import Value
from afterclick.store import disk, segment_lists

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

KINDS: Final = {"": "", "user": "u:", "anonymous": "a:", "email": "e:"}
_NAMES: Final = {"u:": "user", "a:": "anonymous", "e:": "email", "p:": "phone"}
_MODE: Final = 0o600
SECTIONS: Final = ("ids", "links", "consent", "segments", "predictions", "events", "rejected")
"""Parts of what is handed out, each a list of objects."""


def space_of(kind: str) -> str:
    """The namespace of a kind of id. Raises SpecError for a kind that is none."""
    if kind not in KINDS:
        raise SpecError(Said("refusals.no_kind_of_id", kind=kind), hint=Said("refusals.write_kind_of_id"), path="kind")
    return KINDS[kind]


def held(shop: Workspace, given: str, space: str = "") -> dict[str, Any]:
    """Everything held about the person behind an id: `about`, then a list of objects for each of SECTIONS.

    Instants are ISO 8601 in UTC, money is decimal text in major units. Raises SpecError as `person_of`.
    """
    context = shop.context()
    person = person_of(context, given, space)
    return {
        "about": {
            "store": context.snapshot.definitions.name, "asked_at": clock.iso(clock.now()), "format": 1,
            "timezone": context.snapshot.definitions.timezone,
        },
        "ids": _ids(person),
        "links": _links(shop, person),
        "consent": _consent(shop, person),
        "segments": _segments(shop, person),
        "predictions": _predictions(shop, person),
        "events": _events(shop, person),
        "rejected": _rejected(shop, person),
    }  # fmt: skip


def amount(shop: Workspace, given: str, space: str = "") -> dict[str, int]:
    """How much is held: `ids`, `shared` devices and `events`. Raises SpecError as `person_of`."""
    person = person_of(shop.context(), given, space)
    return {"ids": len(person.ids), "shared": len(person.shared), "events": len(person.rows)}


def write(found: Mapping[str, Any], path: Path, lang: str = "en") -> Path:
    """Write what `held` gave: one JSON file, or with the ending .zip that file beside a CSV table for each section.

    Headings of the tables are in the language; nobody else of this machine may read the file.
    """
    text = json.dumps({**found, "words": words(lang)}, ensure_ascii=False, indent=2).encode() + b"\n"
    if path.suffix.lower() == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as whole:
            whole.writestr("person.json", text)
            for name in SECTIONS:
                whole.writestr(f"{name}.csv", table(found[name], lang))
        text = packed.getvalue()
    with disk.explained(path):
        disk.write_synced(path, text, mode=_MODE)
    return path


def words(lang: str) -> dict[str, str]:
    """What the sections are called in a language."""
    return {name: i18n.text(lang, f"person.{name}") for name in SECTIONS}


def table(rows: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Objects as CSV that a spreadsheet opens as text (RFC 4180, with a byte order mark); objects inside are JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow([safe(i18n.find(lang, f"person.column_{name}") or name) for name in names])
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe(text.replace("\x00", ""))


def _ids(person: Person) -> list[dict[str, Any]]:
    return [
        {"id": one[2:], "type": _NAMES[one[:2]], "shared": one in person.shared} for one in (*person.ids, *person.shared)
    ]


def _visitor(shop: Workspace, person: Person) -> int:
    """The label of the visitor, -1 for one that only lists and rejects know."""
    context = shop.context()
    for one in person.ids:
        code = context.snapshot.book("id").code(one)
        if code >= 0:
            return int(context.labels("stitched", clock.now()).label[code])
    return -1


def _links(shop: Workspace, person: Person) -> list[dict[str, Any]]:
    visitor = _visitor(shop, person)
    if visitor < 0:
        return []
    scope = scope_of(shop.context(), Question(range="all", compare="none", bots="in"))
    return [
        {
            "first": row["first_shown"], "second": row["second_shown"], "why": row["why"], "standing": row["standing"],
            "at": clock.iso(row["at"]) if row["at"] is not None else None,
        }
        for row in stitch_rows(scope, visitor)
    ]  # fmt: skip


def _consent(shop: Workspace, person: Person) -> list[dict[str, Any]]:
    told = statements(shop.context(), person.rows) if len(person.rows) else []
    state = fold(told)
    return [
        {
            "purpose": one.choice.purpose, "channel": one.choice.channel, "granted": one.choice.granted,
            "at": clock.iso(one.at), "event_id": one.why,
            "holds": state[one.choice.purpose, one.choice.channel].at == one.at,
        }
        for one in sorted(told, key=lambda one: (one.at, one.choice.key, one.why))
    ]  # fmt: skip


def _segments(shop: Workspace, person: Person) -> list[dict[str, Any]]:
    """Saved segments the person is in now, and lists with an id of theirs."""
    found: list[dict[str, Any]] = []
    visitor, context = _visitor(shop, person), shop.context()
    if visitor >= 0:
        scope = scope_of(context, Question(range="all", compare="none", bots="in"))
        for name in context.snapshot.definitions.segments:
            if members_of(scope, rule_of(context, name, "segment")).at(scope.as_of)[visitor]:
                found.append({"segment": name, "type": "rule", "taken_at": None})
    for head in segment_lists.known(shop.store.path):
        if set(segment_lists.ids(shop.store.path, head.name)) & set(person.ids):
            found.append({"segment": head.name, "type": "list", "taken_at": clock.iso(head.taken_at)})
    return found


def _predictions(shop: Workspace, person: Person) -> list[dict[str, Any]]:
    """What is expected of the person: chance to be still a customer, orders and value to come; their group by value."""
    visitor = _visitor(shop, person)
    if visitor < 0:
        return []
    question = Value(compare="none")
    made = foreseen_of(question, shop.context())
    place = np.flatnonzero(made.purchases.buyers == visitor)
    found: list[dict[str, Any]] = []
    if len(place) and (outlook := made.outlook) is not None:
        at = int(place[0])
        found += [
            {"figure": "alive_rate", "value": float(outlook.alive[at]), "months": None},
            {"figure": "orders_expected", "value": float(outlook.orders[at]), "months": question.months},
        ]
        if outlook.clv is not None:
            found.append({"figure": "value_expected", "value": float(outlook.clv[at]), "months": question.months})
    if len(place):
        answer = shop.ask(Rfm(compare="none"))
        groups = [cell for cell in answer.cells() if cell.startswith("name=") and visitor in answer.people(cell).labels]
        found += [{"figure": "rfm_group", "value": cell.removeprefix("name="), "months": None} for cell in groups]
    return found


def _events(shop: Workspace, person: Person) -> list[dict[str, Any]]:
    if not len(person.rows):
        return []
    snapshot = shop.context().snapshot
    flat = [PROPERTY_PREFIX + name for name in snapshot.property_names]
    rows = snapshot.log_rows(person.rows, (*LOG_COLUMNS.names, *flat)).to_pylist()
    return sorted((_event(row) for row in rows), key=lambda row: (row["occurred_at"], row["event_id"]))


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = msgspec.json.decode(row["properties"]) if row["properties"] else {}
    flat = {
        name.removeprefix(PROPERTY_PREFIX): value
        for name, value in row.items()
        if name.startswith(PROPERTY_PREFIX) and value is not None
    }
    told = {
        name: _plain(name, value)
        for name, value in row.items()
        if not name.startswith(PROPERTY_PREFIX) and name != "properties" and value is not None
    }
    return told | ({"properties": {**flat, **properties}} if flat or properties else {})


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return clock.iso(clock.from_datetime(value))
    if name == "amount":
        money: Decimal = to_decimal(value)
        return f"{money:f}"
    return value


def _rejected(shop: Workspace, person: Person) -> list[dict[str, Any]]:
    redaction = Redaction(person, Needles(person.ids))
    return [
        {
            "at": clock.iso(one.at), "source": one.source, "file": one.file, "row": one.row, "code": one.code,
            "message": one.message, "original": one.original or one.original_base64,
        }
        for one in shop.rejects()
        if redaction.mentions(one)
    ]  # fmt: skip
