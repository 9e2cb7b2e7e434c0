"""Which raw column is which field: the map that is guessed, shown, written to a file, edited and stored with an import."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import fields
from afterclick.core.errors import InputError, nearest
from afterclick.core.names import MESSAGE_EVENTS
from afterclick.core.said import Said

UNITS = ("auto", "s", "ms", "us", "ns", "iso")
"""Named readings of a time column; anything else in `time_unit` is a strptime pattern."""

# What DuckDB's strptime knows; at least one directive.
_PATTERN = re.compile(r"([^%]*%(-[dmyHIMSj]|[aAwdbBmyYHIpMSgfnzZjUWcxX%]))+[^%]*")

_EXAMPLE = 'occurred_at = "timestamp"'


class ColumnMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the columns of a source become events.

    `columns` gives per canonical field the raw names to take it from; the first one present in a file wins, and
    `event_data.email` reads inside a JSON column. `constants` are texts for fields a file does not have, `numbers`
    flat columns that hold numbers (None: decided from the values), `drop` columns that are not kept, `events` canonical
    names for raw event names, `refund` a regular expression on the order id of order lines that marks cancellations,
    `real_ids` ids on the list of placeholders that are real here. `kind` says what a row tells of; `moments` give per
    event of a message the column with its time, where each message is one row; `last_status` says that each order stands
    once with its last status, so that one paid back was an order before.
    """

    kind: Literal["events", "orders", "catalogue", "customers", "messages", "costs", "feedback"] = "events"
    grain: Literal["events", "order_line"] = "events"
    source: str = ""
    timezone: str = ""
    time_unit: str = "auto"
    encoding: str = ""
    refund: str = ""
    columns: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    constants: dict[str, str] = msgspec.field(default_factory=dict)
    numbers: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    events: dict[str, str] = msgspec.field(default_factory=dict)
    real_ids: tuple[str, ...] = ()
    moments: dict[str, str] = msgspec.field(default_factory=dict)
    last_status: bool = False

    def __post_init__(self) -> None:
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, defaults left out, a list of one column as its name."""
        values, defaults = _plain(self), _plain(ColumnMap())
        changed = {name: value for name, value in values.items() if value != defaults[name]}
        if "columns" in changed:
            changed["columns"] = {name: raw[0] if len(raw) == 1 else raw for name, raw in changed["columns"].items()}
        return changed

    def to_toml(self) -> str:
        """The map as the text of a map file."""
        return _toml(self.to_dict())

    @property
    def key(self) -> str:
        """A short stable hash of the whole map."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


def _plain(given: ColumnMap) -> dict[str, Any]:
    # By way of JSON, so that a map compares equal with one that was stored.
    return msgspec.json.decode(msgspec.json.encode(given), type=dict[str, Any])


def from_dict(values: Mapping[str, Any], path: str = "") -> ColumnMap:
    """A map from plain values, a single name standing for a list of one. Raises InputError naming the field."""
    given = dict(values)
    known = [field.name for field in msgspec.structs.fields(ColumnMap)]
    for name in given:
        if name not in known:
            raise InputError(
                Said("refusals.map_no_field", name=name),
                hint=nearest(name, known) or Said("refusals.known_map_fields", names=", ".join(known)),
                path=path or name,
            )
    columns = given.get("columns", {})
    if isinstance(columns, Mapping):
        given["columns"] = {name: (raw,) if isinstance(raw, str) else raw for name, raw in _flattened(columns).items()}
    if isinstance(given.get("constants"), Mapping):
        given["constants"] = _flattened(given["constants"])
    try:
        return msgspec.convert(given, ColumnMap)
    except msgspec.ValidationError as error:
        raise InputError(
            Said("refusals.map_unreadable", error=str(error)),
            hint=f"[columns]\n{_EXAMPLE}",
            path=path,
        ) from None


def from_toml(text: str, path: str = "") -> ColumnMap:
    """A map from the text of a map file. Raises InputError."""
    try:
        return from_dict(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            Said("refusals.map_no_toml", error=str(error)),
            hint=f"[columns]\n{_EXAMPLE}",
            path=str(path),
        ) from None


def load(path: str | Path) -> ColumnMap:
    """A map from a map file. Raises InputError when it is missing or unreadable."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            Said("refusals.map_file_unreadable", error=str(error)),
            hint=Said("refusals.check_map_path")
            if isinstance(error, FileNotFoundError)
            else Said("refusals.write_utf8"),
            path=str(path),
        ) from None
    return from_toml(text, str(path))


def _flattened(columns: Mapping[str, Any]) -> dict[str, Any]:
    # `p.plan = "Plan"` without quotes is a table `p` in TOML; both spellings mean the property column.
    found: dict[str, Any] = {}
    for name, raw in columns.items():
        if isinstance(raw, Mapping):
            found.update({f"{name}.{inner}": value for inner, value in _flattened(raw).items()})
        else:
            found[name] = raw
    return found


def _check(given: ColumnMap) -> None:
    for name in (*given.columns, *given.constants):
        if not fields.known(name):
            raise InputError(
                Said("refusals.no_field_to_map", name=name),
                hint=nearest(name, fields.FIELDS) or Said("refusals.known_targets", names=", ".join(fields.FIELDS)),
                path=f"columns.{name}",
            )
    for name, raw in given.columns.items():
        if not raw or not all(raw):
            raise InputError(Said("refusals.names_no_column", name=name), hint=_EXAMPLE, path=f"columns.{name}")
    for name in given.moments:
        if name not in MESSAGE_EVENTS:
            raise InputError(
                Said("refusals.no_message_moment", name=name),
                hint=nearest(name, MESSAGE_EVENTS) or ", ".join(sorted(MESSAGE_EVENTS)),
                path=f"moments.{name}",
            )
    if given.timezone:
        zone(given.timezone)
    if given.time_unit not in UNITS and not _PATTERN.fullmatch(given.time_unit):
        raise InputError(
            Said("refusals.no_time_unit", time_unit=given.time_unit),
            hint=Said("refusals.time_units", names=", ".join(UNITS)),
            path="time_unit",
        )
    if given.refund:
        try:
            pc.match_substring_regex(pa.array(["x"]), given.refund)
        except pa.ArrowInvalid as error:
            wrong = Said("refusals.no_refund_pattern", error=str(error))
            raise InputError(wrong, hint='refund = "^C"', path="refund") from None
    if given.encoding:
        try:
            "".encode(given.encoding)
        except LookupError:
            wrong = Said("refusals.no_encoding", encoding=given.encoding)
            raise InputError(wrong, hint="utf-8, cp949, cp1252, utf-16", path="encoding") from None


def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises InputError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            Said("refusals.no_zone", name=name), hint="Asia/Seoul, Europe/Berlin, UTC", path="timezone"
        ) from None


def _toml(values: Mapping[str, Any]) -> str:
    flat = [f"{name} = {_value(value)}" for name, value in values.items() if not isinstance(value, Mapping)]
    tables = [
        "\n".join([f"[{name}]", *(f"{_key(key)} = {_value(item)}" for key, item in value.items())])
        for name, value in values.items()
        if isinstance(value, Mapping)
    ]
    return "\n\n".join(part for part in ("\n".join(flat), *tables) if part) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # A TOML basic string is a JSON string as long as DEL is escaped.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
