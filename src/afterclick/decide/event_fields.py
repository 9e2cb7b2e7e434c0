"""What conditions may ask of one event, put together when somebody does: nobody asks most events anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from afterclick.analyse.segments.happening import Happening
from afterclick.decide.places import Recent

GENERATION: Final = "properties.generation"
"""Asked of every event."""
_prefixed: Final[Recent[str, str]] = Recent("properties.{}".format)


class EventFields(Mapping[str, Any]):
    """The fields of an event by their names; each property also as `properties.x`.

    `known` are parts of it that are there already, later ones count; `said` are the properties, of which those in `own`
    bear the name of a field: that one is found under `properties.x` as well.
    """

    __slots__ = ("_all", "_known", "_own", "_said")

    def __init__(self, known: tuple[Mapping[str, Any], ...], said: Mapping[str, Any], own: frozenset[str]) -> None:
        self._known = known
        self._said = said
        self._own = own
        self._all: dict[str, Any] | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field."""
        if name is GENERATION:
            # No field bears this name, so nothing else can stand there.
            return self._said.get("generation", default)
        return (self._all or self._put_together()).get(name, default)

    def __getitem__(self, name: str) -> Any:
        return (self._all or self._put_together())[name]

    def __contains__(self, name: object) -> bool:
        return name in (self._all or self._put_together())

    def __iter__(self) -> Iterator[str]:
        return iter(self._all or self._put_together())

    def __len__(self) -> int:
        return len(self._all or self._put_together())

    def __repr__(self) -> str:
        return repr(dict(self))

    def _put_together(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in self._known:
            found.update(part)
        for own in self._own:
            if own in found:
                found[f"properties.{own}"] = found[own]
        found.update(self._said)
        for name, value in self._said.items():
            found[_prefixed[name]] = value
        self._all = found
        return found


def of_visit(one: Happening, touch: Mapping[str, Any] | None, wanted: tuple[str, ...]) -> Happening:
    """The event with what its visit came by, as the batch reads it: texts, flags as `true` and `false`."""
    known = {} if touch is None else {name: _text(touch.get(name)) for name in wanted}
    more = {name: text for name, text in known.items() if text}
    return one._replace(fields={**one.fields, **more}) if more else one


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
