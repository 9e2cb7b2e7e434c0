"""Whether values bear out what a name promises, in columns and inside JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from afterclick.collect import synonyms
from afterclick.collect.fields import TYPES
from afterclick.collect.profile import Profile


def bears_out(field: str, profile: Profile) -> bool:
    """Whether the values allow what the name promises; an empty column allows everything a telling name says."""
    weak = synonyms.is_weak(profile.name)
    if not len(profile.filled):
        return not weak
    if field in ("occurred_at", "original_at", "sent_at", "received_at"):
        return profile.time[1] >= 0.5
    if field == "type":
        return sum(value.lower() in TYPES for value in profile.values) >= 0.9 * len(profile.values)
    if field == "event":
        calls = all(value.lower() in TYPES for value in profile.values)
        return not calls and (not weak or len(profile.values) <= max(20, 0.5 * len(profile.filled)))
    if field == "event_id":
        return profile.distinct == 1.0 if weak else profile.distinct >= 0.5
    if field in ("url", "referrer"):
        return profile.urls >= (0.9 if weak else 0.5)
    if field == "user_agent":
        return profile.agents >= 0.5
    if field in ("price", "quantity", "revenue"):
        return profile.numeric >= 0.5
    if field in ("email", "phone"):
        return not profile.objects
    return not (profile.nested or (weak and profile.distinct == 1.0 and len(profile.filled) > 1))


def leaves(objects: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], Any]:
    """Paths to scalars at most three keys deep, with the first value of each that is not empty."""
    found: dict[tuple[str, ...], Any] = {}
    waiting: deque[tuple[tuple[str, ...], Mapping[str, Any]]] = deque(((), value) for value in objects)
    while waiting:
        path, value = waiting.popleft()
        for key, inner in value.items():
            here = (*path, key)
            if isinstance(inner, Mapping) and len(here) < 3:
                waiting.append((here, inner))
            elif not isinstance(inner, (Mapping, list)) and inner not in (None, "") and "." not in key:
                found.setdefault(here, inner)
    return found


def fits(field: str, value: object) -> bool:
    """Whether a scalar inside JSON can be this field."""
    if field in ("revenue", "price", "quantity"):
        if isinstance(value, bool):
            return False
        return isinstance(value, (int, float)) or (isinstance(value, str) and value.replace(".", "", 1).isdigit())
    if field in ("url", "referrer"):
        return isinstance(value, str) and ("/" in value)
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def inside(value: Any, keys: Sequence[str]) -> Any:
    """What stands behind a path of keys, None where it breaks off."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
