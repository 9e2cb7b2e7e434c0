"""By what name a touch is credited: a visit by its source, a logged message or ad by the properties it was sent with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.costs import costs_of
from afterclick.analyse.fields import touch_field
from afterclick.analyse.kernels.attribution import DIRECT, PRIOR
from afterclick.analyse.scope import Scope
from afterclick.store.columns import TOUCH_INTERNAL

NONE: Final = "(none)"

OF_VISIT: Final = {"channel": "channel", "source": "source", "campaign": "campaign", "ad": "content"}
"""The field of a visit's touch that names it; a visit has no message, and its landing is a page."""

PROPERTIES: Final = {
    "channel": ("channel",), "source": ("source", "utm_source"), "campaign": ("campaign", "utm_campaign"),
    "ad": ("ad", "ad_id", "creative", "utm_content"), "message": ("message", "template", "campaign", "message_id"),
    "landing": ("link",), "message_id": ("message_id",),
}  # fmt: skip
"""The properties of a message or an ad that name it, the first that it carries."""


class Named(NamedTuple):
    """Per touch value int32 (place in `names`), marks uint8, costed bool, touch int32; of the logged ones, in their order,
    the message (-1 none) and the code of the channel in `channels` (-1 none), int32."""

    value: np.ndarray
    names: tuple[str, ...]
    marks: np.ndarray
    costed: np.ndarray
    touch: np.ndarray
    message: np.ndarray
    channel: np.ndarray
    channels: tuple[str, ...]


class _Said(NamedTuple):
    """Values of some rows: codes int32 (-1 none) of texts."""

    codes: np.ndarray
    texts: tuple[str, ...]


def named(
    scope: Scope, by: str, rows: np.ndarray, logged: np.ndarray, touch: np.ndarray, others: Sequence[str] = ()
) -> Named:
    """The names of touches at these global rows; `logged` are the places of those that are messages and ads, `touch`
    the codes in the book. Values that `others` have get a name here too."""
    visits, said = _of_visits(scope, by, rows, touch), _of_logged(scope, by, rows, touch, logged)
    value, names = _united(visits, said, logged, others)
    channel = _of_logged(scope, "channel", rows, touch, logged)
    message = _read(scope, "message_id", rows[logged]).codes
    marks, costed = _marks(scope, touch, logged), _costed(scope, rows, touch, logged)
    return Named(value, names, marks, costed, touch, message, channel.codes, channel.texts)


def _read(scope: Scope, what: str, rows: np.ndarray) -> _Said:
    """What the rows say in the first property that each carries."""
    found = np.full(len(rows), -1, np.int64)
    texts: list[str] = []
    for name in PROPERTIES[what]:
        if len(rows) and name in scope.context.snapshot.property_names:
            codes, values = property_codes(scope.context, name, rows)
            found = np.where((found < 0) & (codes >= 0), codes + len(texts), found)
            texts += [value.strip().lower() if what == "channel" else value.strip() for value in values]
    return _Said(found.astype(np.int32), tuple(texts))


def property_codes(context: Context, name: str, rows: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A property of rows as codes (-1 none) of texts; a number is the text of it, and whole ones have no point."""
    column = f"p.{name}"
    values = context.snapshot.take(column, rows)
    if context.snapshot.column_kind(column) == "coded":
        return values, context.texts(column)
    numbers, codes = np.unique(values, return_inverse=True)
    texts = [str(int(number)) if float(number).is_integer() else repr(number) for number in numbers.tolist()]
    return np.where(np.isnan(values), -1, codes), texts


def _of_touch(scope: Scope, field: str, touch: np.ndarray) -> _Said:
    lookup, texts = touch_field(scope.context, field)
    return _Said(np.append(lookup, np.int32(-1))[touch], tuple(texts))


def _of_visits(scope: Scope, by: str, rows: np.ndarray, touch: np.ndarray) -> _Said:
    if by in OF_VISIT:
        return _of_touch(scope, OF_VISIT[by], touch)
    if by == "landing":
        return _Said(scope.context.snapshot.take("page_group", rows), tuple(scope.context.texts("page_group")))
    return _Said(np.full(len(touch), -1, np.int32), ())


def _of_logged(scope: Scope, by: str, rows: np.ndarray, touch: np.ndarray, places: np.ndarray) -> _Said:
    """Their own property, else what the address beside them says."""
    said = _read(scope, by, rows[places])
    if by not in OF_VISIT:
        return said
    came = touch[places]
    beside = _of_touch(scope, OF_VISIT[by], np.where(came > TOUCH_INTERNAL, came, -1))
    codes = np.where((said.codes < 0) & (beside.codes >= 0), beside.codes + len(said.texts), said.codes)
    return _Said(codes.astype(np.int32), said.texts + beside.texts)


def _united(
    visits: _Said, logged: _Said, places: np.ndarray, others: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One code per text, whoever says it; only texts that a touch has, in their order, `(none)` last."""
    codes = visits.codes.copy()
    codes[places] = np.where(logged.codes >= 0, logged.codes + len(visits.texts), -1)
    texts = [*visits.texts, *logged.texts, ""]
    met = np.zeros(len(texts), bool)
    met[codes] = True
    known = sorted({*others, *(texts[code] for code in np.flatnonzero(met).tolist())} - {"", NONE})
    place = {text: number for number, text in enumerate(known)}
    lookup = np.array([place.get(text, len(known)) for text in texts], np.int32)
    return lookup[codes], (*known, NONE)


def _marks(scope: Scope, touch: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """DIRECT for visits without a source, PRIOR for those that were paid for or belong to a campaign; uint8."""
    fields = scope.context.touches()
    kinds = zip(fields["channel"], fields["paid"], fields["campaign"], strict=True)
    table = [DIRECT * (channel == "direct") | PRIOR * bool(paid or campaign) for channel, paid, campaign in kinds]
    marks: np.ndarray = np.array([*table, 0], np.uint8)[touch]
    marks[logged] = PRIOR
    return marks


def _costed(scope: Scope, rows: np.ndarray, touch: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Which touches a cost names by their source and campaign; bool."""
    costs = costs_of(scope)
    if not len(costs):
        return np.zeros(len(rows), bool)
    found: np.ndarray = costs.touched[touch]
    if len(places):
        both = [_of_logged(scope, by, rows, touch, places) for by in ("source", "campaign")]
        sources, campaigns = ([*(text.lower() for text in one.texts), ""] for one in both)
        ads = {ad.name for ad in costs.ads}
        pairs, place = np.unique(np.stack([one.codes for one in both]), axis=1, return_inverse=True)
        met = [(sources[a], campaigns[b]) in ads and bool(sources[a] or campaigns[b]) for a, b in pairs.T.tolist()]
        found = found.copy()
        found[places] = np.array(met, bool)[place.reshape(-1)]
    return found
