"""Who an id stands for: every id of that person, and every row of the log that is theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.analyse.context import Context
from afterclick.analyse.handles import SPACES, find, shorten, visitors_of
from afterclick.core import clock
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.stitch.visitors import Labels
from afterclick.store.tombstones import normal

_COLUMNS: Final = (("anonymous_id", "a:"), ("user_id", "u:"), ("email", "e:"), ("phone", "p:"))
_PHONE: Final = "p:"


@dataclass(frozen=True)
class Person:
    """A person by the ids that are theirs alone (each with its namespace; `p:` is a telephone number).

    `shared` are devices that others used too: their rows of this person are in `rows` (global numbers), the ids stay.
    """

    given: str
    ids: tuple[str, ...]
    shared: tuple[str, ...] = ()
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def person_of(context: Context, given: str, space: str = "") -> Person:
    """The person behind an id as it was sent (`space` says which kind: `u:`, `a:` or `e:`).

    Raises SpecError where no event carries the id and its kind is not said, or where a device that several people used
    is named: nobody can say whose it is.
    """
    labels = context.labels("stitched", clock.now())
    known = find(context, labels, f"{space}{given}" if space else given)
    if not known:
        if not space:
            raise SpecError(
                Said("refusals.no_id", given=shorten(given)),
                hint=Said("refusals.write_id_kind"),
                path="id",
            )
        return Person(given, (normal(space, given),) if space == "e:" else (space + given,))
    if len(known) > 1 and len({found.visitors for found in known}) > 1:
        kinds = [Said(f"refusals.id_of_{SPACES[found.text[:2]]}") for found in known]
        raise SpecError(
            Said("refusals.several_ids", given=shorten(given), kinds=kinds),
            hint=Said("refusals.add_kind"),
            path="id",
        )
    if len(known[0].visitors) > 1:
        raise SpecError(
            Said("refusals.shared_device", text=shorten(known[0].text[2:]), n=len(known[0].visitors)),
            hint=Said("refusals.name_one_person"),
            path="id",
        )
    return _whole(context, given, known[0].visitors[0])


def _whole(context: Context, given: str, visitor: int) -> Person:
    labels = context.labels("stitched", clock.now())
    members = sorted(labels.members(np.array([visitor]))[visitor])
    texts = context.snapshot.book("id").all.take(pa.array(members, pa.int64())).to_pylist()
    alone = [text for code, text in zip(members, texts, strict=True) if len(visitors_of(labels, code)) == 1]
    rows = _rows(context, labels, visitor, np.array(members, np.int64))
    rows = np.union1d(rows, _by_address(context, alone))
    phones = context.snapshot.log_rows(rows, ("phone",))["phone"].drop_null().unique().to_pylist()
    numbers = sorted(_PHONE + one for one in phones if one.strip())
    return Person(given, (*alone, *numbers), tuple(text for text in texts if text not in alone), frozen(rows))


def _rows(context: Context, labels: Labels, visitor: int, members: np.ndarray) -> np.ndarray:
    """Global numbers of the rows sent from the person's devices while they used them, or with their ids."""
    device, user, at = (context.column(name) for name in ("device", "user", "at"))
    rows = np.flatnonzero(np.isin(device, members) | np.isin(user, members))
    # A device of several people says by the instant whose row it is; a user id says it at any time.
    code = np.where(user[rows] >= 0, user[rows], device[rows])
    return np.asarray(rows[labels.of(code, at[rows]) == visitor])


def _by_address(context: Context, ids: list[str]) -> np.ndarray:
    """Rows that an e-mail address alone says whose they are: messages, tables of customers."""
    emails = [one[2:] for one in ids if one.startswith("e:")]
    rows = np.flatnonzero(context.column("device") < 0) if emails else np.zeros(0, np.int64)
    if not len(rows):
        return rows
    found = pc.utf8_lower(context.snapshot.log_rows(rows, ("email",))["email"])
    return np.asarray(rows[np.asarray(pc.fill_null(pc.is_in(found, value_set=pa.array(emails, pa.string())), False))])


def mask_of(table: pa.Table, person: Person) -> np.ndarray:
    """Which rows of a table of the log carry one of the person's own ids, bool (n)."""
    found = np.zeros(table.num_rows, bool)
    for name, space in _COLUMNS:
        own = {one[2:] for one in person.ids if one[:2] == space}
        if own and name in table.column_names:
            column = table.column(name)
            plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            plain = pc.utf8_lower(plain) if space == "e:" else plain
            found |= np.asarray(pc.fill_null(pc.is_in(plain, value_set=pa.array(sorted(own), pa.string())), False))
    return found
