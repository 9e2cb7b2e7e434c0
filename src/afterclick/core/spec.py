"""A question written once: from its fields come the Python call, the command line, the URL, JSON, the form and the docs.

A Spec is frozen, keyword-only, hashable and validated when it is made as well as when it is decoded. Flat specs hold
scalars and tuples of scalars, so that every surface can be made mechanically; structure inside them is one-line text.
"""

from __future__ import annotations

import hashlib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Self, get_args, get_origin
from urllib.parse import urlencode

import msgspec

from afterclick.core.errors import SpecError, nearest, nearest_or_known
from afterclick.core.mismatch import mismatch
from afterclick.core.said import Said

_REGISTRY: dict[str, type[Spec]] = {}


class Field(NamedTuple):
    """One field of a Spec as a surface sees it."""

    name: str
    type: type
    many: bool
    choices: tuple[str, ...]
    default: Any
    required: bool
    description: str
    examples: tuple[str, ...]
    pattern: str
    scope: bool

    @property
    def flag(self) -> str:
        """The field on the command line: `new_on_campaign` is `--new-on-campaign`."""
        return "--" + self.name.replace("_", "-")


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything a person writes down. A concrete class gives `key_word`, its name on every surface."""

    key_word: ClassVar[str] = ""
    kept: ClassVar[bool] = True
    """Whether equal data give an equal answer, so that it may be kept; not where it shows what changes beside them."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        word = cls.__dict__.get("key_word", "")
        if word:
            _REGISTRY[word] = cls

    def __post_init__(self) -> None:
        # Construction does not validate in msgspec, only decoding does: check each field as if it had been decoded.
        for field in msgspec.structs.fields(type(self)):
            try:
                msgspec.convert(getattr(self, field.name), _hint(type(self), field.name))
            except msgspec.ValidationError as error:
                raise _readable(error, type(self), field.name, getattr(self, field.name)) from None
        self.check()

    def check(self) -> None:
        """What single fields cannot say; raises SpecError with `path` naming the field."""

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The fields in order of declaration, own ones first, shared scope last."""
        if cls not in _FIELDS:
            described = [_describe(cls, field) for field in msgspec.structs.fields(cls)]
            _FIELDS[cls] = tuple(sorted(described, key=lambda field: field.scope))
        return _FIELDS[cls]

    def changed(self) -> dict[str, Any]:
        """Fields that differ from their default, in order of declaration."""
        return {
            field.name: getattr(self, field.name)
            for field in type(self).fields()
            if field.required or getattr(self, field.name) != field.default
        }

    def to_dict(self) -> dict[str, Any]:
        """All fields, with the kind: what is stored, so that a changed default changes no saved question."""
        values = {field.name: msgspec.to_builtins(getattr(self, field.name)) for field in type(self).fields()}
        return {"question": self.key_word, **values}

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return msgspec.json.encode(self.to_dict()).decode()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A Spec from a mapping; unknown fields and bad values raise SpecError with the field as path."""
        given = {name: value for name, value in values.items() if name != "question"}
        known = {field.name: field for field in cls.fields()}
        for name in given:
            if name not in known:
                raise SpecError(
                    Said("refusals.no_such_field", key_word=cls.key_word, name=name),
                    hint=nearest_or_known(name, known, "refusals.known_fields"),
                    path=name,
                )
        for field in known.values():
            if field.required and field.name not in given:
                raise SpecError(
                    Said("refusals.needs_field", key_word=cls.key_word, name=field.name),
                    hint=field.description,
                    path=field.name,
                )
            if field.many and field.name in given and not isinstance(given[field.name], str):
                given[field.name] = tuple(given[field.name])
        return cls(**given)

    def to_url(self) -> str:
        """The query string, defaults left out, order stable."""
        pairs = [
            (name, _plain(item))
            for name, value in self.changed().items()
            for item in (value if isinstance(value, tuple) else (value,))
        ]
        return urlencode(pairs)

    @classmethod
    def from_texts(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """A Spec from (name, text) pairs as a URL, a form or a command line gives them; a name may repeat."""
        known = {field.name: field for field in cls.fields()}
        values: dict[str, Any] = {}
        for name, text in pairs:
            field = known.get(name)
            if field is None:
                values[name] = text
            elif field.many:
                values.setdefault(name, []).append(text)
            else:
                values[name] = _read(field, text)
        return cls.from_dict(values)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the Spec."""
        return msgspec.json.schema(cls)

    @property
    def key(self) -> str:
        """A short stable hash of all fields: 16 hex digits."""
        canonical = msgspec.json.encode(self.to_dict(), order="sorted")
        return hashlib.sha256(canonical).hexdigest()[:16]

    @classmethod
    def title(cls) -> str:
        """The first line of the docstring: help text and page title."""
        return (cls.__doc__ or "").strip().splitlines()[0]


def kinds() -> dict[str, type[Spec]]:
    """Every registered kind of Spec by its name."""
    return dict(_REGISTRY)


def kind(word: str) -> type[Spec]:
    """The Spec class of that name. Raises SpecError with the nearest name."""
    found = _REGISTRY.get(word)
    if found is None:
        raise SpecError(
            Said("refusals.no_question", word=word),
            hint=nearest(word, _REGISTRY) or Said("refusals.known_questions", names=", ".join(sorted(_REGISTRY))),
            path="question",
        )
    return found


def from_json(text: str | bytes) -> Spec:
    """A Spec of any kind from what `to_json` gave. Raises SpecError."""
    try:
        values = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise SpecError(Said("refusals.no_json_question"), hint=Said("refusals.json_question")) from None
    return kind(str(values.get("question", ""))).from_dict(values)


_HINTS: dict[type, dict[str, Any]] = {}
_FIELDS: dict[type, tuple[Field, ...]] = {}


def _hint(cls: type, name: str) -> Any:
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls, include_extras=True)
    return _HINTS[cls][name]


def _metas(hint: Any) -> list[msgspec.Meta]:
    found = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return found + [meta for inner in get_args(hint) for meta in _metas(inner)]


def _bare(hint: Any) -> Any:
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    return hint


def _describe(cls: type[Spec], field: msgspec.structs.FieldInfo) -> Field:
    hint = _hint(cls, field.name)
    bare = _bare(hint)
    many = get_origin(bare) is tuple
    inner = _bare(get_args(bare)[0]) if many else bare
    if get_origin(inner) in (typing.Union, types.UnionType):
        inner = next(part for part in get_args(inner) if part is not type(None))
    choices = tuple(str(choice) for choice in get_args(inner)) if get_origin(inner) is Literal else ()
    # The field's own words stand behind those of its type.
    metas = _metas(hint)[::-1]
    return Field(
        name=field.name,
        type=str if choices else inner,
        many=many,
        choices=choices,
        default=None if field.required else field.default,
        required=field.required,
        description=next((meta.description for meta in metas if meta.description), ""),
        examples=tuple(str(item) for meta in metas for item in (meta.examples or ())),
        pattern=next((meta.pattern for meta in metas if meta.pattern), ""),
        scope=any((meta.extra or {}).get("scope") for meta in metas),
    )


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(field: Field, text: str) -> Any:
    if field.type is int or field.type is float:
        try:
            return field.type(text)
        except ValueError:
            raise SpecError(Said("refusals.is_number", name=field.name, text=text), path=field.name) from None
    if field.type is bool:
        if text.lower() not in ("true", "false", "on", "off", "1", "0"):
            raise SpecError(Said("refusals.is_flag", name=field.name, text=text), path=field.name)
        return text.lower() in ("true", "on", "1")
    return text


def _readable(error: msgspec.ValidationError, cls: type[Spec], name: str, value: Any) -> SpecError:
    field = next(field for field in cls.fields() if field.name == name)
    if field.choices:
        hint = nearest_or_known(str(value), field.choices, "refusals.one_of")
    elif field.examples:
        hint = Said("refusals.something_like", names=", ".join(field.examples))
    else:
        hint = mismatch(error).said
    return SpecError(Said("refusals.cannot_be", name=name, value=value), hint=hint, path=name)
