"""What the web face needs from the rest of afterclick: someone who answers questions and knows the store's name."""

from __future__ import annotations

from typing import Any, Protocol

from afterclick.core.result import Result
from afterclick.core.spec import Spec


class Asker(Protocol):
    """Answers questions; called from several threads at once."""

    def ask(self, spec: Spec) -> Result:
        """The answer. Raises AfterclickError: SpecError for a bad field, NotEnoughData where nothing is to be counted."""
        ...

    def info(self) -> dict[str, Any]:
        """name, example (bool), timezone, currency, language, last_at (ISO 8601 or None), fingerprint."""
        ...

    def events(self) -> tuple[str, ...]:
        """The names of the events in the store, for forms."""
        ...

    def saved(self) -> dict[str, Spec]:
        """The saved questions by name. Raises SpecError for one that cannot be read any more."""
        ...

    def save(self, name: str, spec: Spec) -> None:
        """Save a question under a name. Raises AfterclickError: a name that cannot be, a store another process writes."""
        ...

    def unsave(self, name: str) -> None:
        """Delete a saved question. Raises SpecError for a name that is not there."""
        ...
