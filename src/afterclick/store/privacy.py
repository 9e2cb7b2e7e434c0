"""What a store may keep of people: its own section of afterclick.toml, read wherever events come in."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from afterclick.core.errors import SpecError
from afterclick.core.said import Said

_PATTERN_BYTES: Final = 8 << 20
Keep = Literal["keep", "hash", "drop"]


class Privacy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules for events that come in from now on; what is stored already stays as it is.

    `patterns` are regular expressions in RE2's syntax, `query` names of parameters that stay in addresses beside those
    that say where a visit came from, `drop` names of properties that are never stored. `email`, `phone` and `user_id`
    are the declared ids: kept, replaced by their SHA-256, or left out. `consent` says what holds for a person who has
    said nothing: `opt_out` stores, `opt_in` does not.
    """

    scrub: bool = True
    scrub_imports: bool = False
    patterns: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    email: Keep = "keep"
    phone: Keep = "keep"
    user_id: Keep = "keep"
    consent: Literal["opt_out", "opt_in"] = "opt_out"
    gpc: bool = True
    dnt: bool = True

    def __post_init__(self) -> None:
        for name in ("patterns", "query", "drop"):
            if any(not value.strip() for value in getattr(self, name)):
                raise SpecError(
                    Said("refusals.privacy_empty", name=name),
                    hint=Said("refusals.empty_matches"),
                    path=f"privacy.{name}",
                )
        self.compiled()

    def compiled(self) -> list[Any]:
        """The patterns, which search in time linear in the text. Raises SpecError naming one that is none."""
        if not self.patterns:
            return []
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - few stores have patterns

        options = re2.Options()
        options.max_mem = _PATTERN_BYTES
        options.log_errors = False
        found = []
        for number, text in enumerate(self.patterns):
            try:
                found.append(re2.compile(text, options=options))
            except re2.error as error:
                raise SpecError(
                    Said("refusals.privacy_pattern", number=number, error=str(error)),
                    hint=Said("refusals.write_re2"),
                    path=f"privacy.patterns[{number}]",
                ) from None
        return found
