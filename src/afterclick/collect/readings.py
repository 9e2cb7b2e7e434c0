"""Values of kinds in one form, each distinct value read once: statuses, channels, yes and no, scores, moments, telephones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import amounts, cells, status_words, times
from afterclick.collect.synonyms import squash
from afterclick.core import clock
from afterclick.core.masking import masked

_ABSENT: Final = pa.array(["-", "--", "0", "null", "NULL", "none", "None", "N/A", "n/a", "\\N", "0000-00-00 00:00:00"])
_PREFIXES: Final = ("message", "order", *status_words.CHANNELS)


def each(array: pa.Array, read: Callable[[str], str | None]) -> pa.Array:
    """Text with every distinct value read once; null stays null."""
    coded = cells.trimmed(array).dictionary_encode()
    found = pa.array([read(str(text)) for text in coded.dictionary.to_pylist()], pa.string())
    return found.take(coded.indices) if len(found) else pa.nulls(len(array), pa.string())


def statuses(array: pa.Array, words: Mapping[str, str], own: Mapping[str, str]) -> pa.Array:
    """The events that statuses mean, null where nobody knows; `own` are the map's words and come first."""

    def event(text: str) -> str | None:
        if text in own:
            return own[text]
        # Providers prefix the status with the channel: email.opened, sms_delivered.
        plain = squash(text)
        tails = (plain[len(prefix) :] for prefix in ("", *_PREFIXES) if plain.startswith(prefix))
        found = next((words[tail] for tail in tails if tail in words), None)
        known = {squash(name): name for name in words.values()}
        return found or known.get(plain)

    return each(array, event)


def channels(array: pa.Array) -> pa.Array:
    """Channels of messages by their canonical names; others stay as they are, in lower case."""
    return each(array, lambda text: status_words.CHANNELS.get(squash(text), text.lower()))


def consents(array: pa.Array) -> pa.Array:
    """`yes` or `no`, and any other text as it is."""
    return each(array, lambda text: "yes" if _says(text) else "no" if _says(text) is False else text)


def machines(array: pa.Array) -> pa.Array:
    """`yes` where a program acted; anything that does not say yes or no names a program."""
    return each(array, lambda text: None if _says(text) is False else "yes")


def _says(text: str) -> bool | None:
    plain = squash(text)
    return True if plain in status_words.YES else False if plain in status_words.NO else None


def scores(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Scores as numbers in text, and the highest possible one where the score says it: 5점, 4/5, ★★★★☆."""
    text = cells.trimmed(cells.as_text(array))
    top = pc.utf8_trim_whitespace(pc.struct_field(pc.extract_regex(text, r"/\s*(?P<top>[0-9]+)\s*$"), "top"))
    stars = each(text, lambda value: str(value.count("★") + value.count("⭐")) if set(value) <= set("★☆⭐️ ") else None)
    plain = pc.replace_substring_regex(text, r"\s*(점|/\s*[0-9]+)\s*$", "")
    return pc.coalesce(stars, plain), top


def moment(array: pa.Array) -> pa.Array:
    """A column of instants as text, null where a word stands for none."""
    text = cells.trimmed(cells.as_text(array))
    return pc.if_else(pc.is_in(text, value_set=_ABSENT), pa.scalar(None, pa.string()), text)


def iso(found: times.Instants, array: pa.Array) -> pa.Array:
    """Instants as ISO 8601 text in UTC; what is no time stays as it is."""
    coded, where = np.unique(found.at, return_inverse=True)
    read = pa.array([clock.iso(int(at)) for at in coded.tolist()], pa.string()).take(pa.array(where))
    return pc.if_else(pa.array(found.good), read, cells.as_text(array))


def noons(at: np.ndarray, good: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """12:00 by the clocks of the zone on the day of each instant (µs UTC)."""
    days, where = np.unique(np.where(good, at, 0), return_inverse=True)
    return np.array([_noon(int(day), zone) for day in days.tolist()], np.int64)[where]


def _noon(at: int, zone: ZoneInfo) -> int:
    day = clock.to_datetime(at).astimezone(zone)
    return clock.from_datetime(day.replace(hour=12, minute=0, second=0, microsecond=0))


def remarks(array: pa.Array) -> pa.Array:
    """Free text without the addresses and numbers of people in it."""
    return each(array, masked)


def not_numbers(array: pa.Array) -> np.ndarray:
    """Where something stands that is no number; nothing at all is none of them."""
    return amounts.read(array).bad


def highest(given: pa.Array | None, said: pa.Array) -> pa.Array:
    """The top of the scale: what the score itself says, else the column."""
    return said if given is None else pc.coalesce(said, cells.as_text(given))


def telephones(array: pa.Array) -> pa.Array:
    """Telephone numbers as ids: +82 10-1234-5678 and 010-1234-5678 are one; too short ones and 000… are none."""
    digits = pc.replace_substring_regex(array, r"[^0-9+]", "")
    digits = pc.replace_substring_regex(digits, r"^\+?820?(1[0-9]{8,9})$", r"0\1")
    real = cells.flags(pc.match_substring_regex(digits, r"^\+?[0-9]{9,15}$"))
    real &= ~cells.flags(pc.match_substring_regex(digits, r"^(0+|1+|9+)$"))
    called = pc.binary_join_element_wise("tel:", digits, "")
    return cells.replaced(called, ~real, pa.scalar(None, pa.string()))
