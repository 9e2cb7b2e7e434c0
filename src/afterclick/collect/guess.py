"""A column map guessed from the names and the values of a sample, with the reason for every column in words."""

from __future__ import annotations

from collections.abc import Sequence

from afterclick.collect.chunks import Reader
from afterclick.collect.engine import Engine
from afterclick.collect.event_guess import EventGuesser, completed, shown
from afterclick.collect.findings import Finding, Guess
from afterclick.collect.kind_detect import Detected, detect
from afterclick.collect.kind_guess import KindGuesser, OrderGuesser
from afterclick.collect.samples import Samples
from afterclick.core.errors import InputError
from afterclick.core.said import Said

__all__ = ["Finding", "Guess", "completed", "guess", "looks_like", "shown"]


def guess(readers: Sequence[Reader], kind: str = "") -> Guess:
    """The map for files that belong together, of the kind named or told by their columns.

    It may lack what its kind needs; `binding.check` tells. Raises InputError for files of several kinds, and where the
    columns plainly are of another kind than the one named.
    """
    with Engine() as engine:
        samples = Samples(engine, readers)
        settled = _kind_of(readers, samples, kind)
        if settled.kind == "events":
            return EventGuesser(samples, readers, settled).run()
        if settled.kind == "orders":
            return OrderGuesser(samples, readers, settled).run()
        return KindGuesser(samples, readers, settled).run()


def looks_like(readers: Sequence[Reader]) -> str:
    """The kind that the columns plainly are of, "" where they leave a doubt."""
    with Engine() as engine:
        told = _told(readers, Samples(engine, readers))
    return next(iter(told)) if len(told) == 1 else ""


def _told(readers: Sequence[Reader], samples: Samples) -> dict[str, tuple[Detected, str]]:
    """The kinds that leave no doubt, each with the first file of it."""
    told: dict[str, tuple[Detected, str]] = {}
    for header in dict.fromkeys(reader.columns for reader in readers):
        found = detect(header, samples.column)
        if found.sure:
            told.setdefault(found.kind, (found, next(one.name for one in readers if one.columns == header)))
    return told


def _kind_of(readers: Sequence[Reader], samples: Samples, kind: str) -> Detected:
    told = _told(readers, samples)
    if kind:
        other = next((found for found, _ in told.values() if found.kind != kind), None)
        # Rows of any file can be taken for events; everything else would be made of the wrong columns.
        if other is not None and kind not in ("events", "orders"):
            raise InputError(
                Said("refusals.other_kind", kind=other.kind, kind2=kind, why=other.why),
                hint=Said("refusals.say_kind", kind=other.kind, kind2=kind),
                path="kind",
            )
        return Detected(kind, "as was asked", sure=True)
    if len(told) > 1:
        parts = ", ".join(f"{found.kind} ({name})" for found, name in told.values())
        raise InputError(
            Said("refusals.several_kinds", parts=parts), hint=Said("refusals.kinds_apart"), path="kind"
        )
    return next((found for found, _ in told.values()), Detected("events", "", sure=False))
