"""Questions kept under a name in afterclick.toml, so that a page or a command asks them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from afterclick.app import questions
from afterclick.core.errors import SpecError, nearest
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.store.definitions import Definitions

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

NAME_LIMIT: Final = 120


def save(shop: Workspace, name: str, spec: Spec) -> None:
    """Save a question; see `Workspace.save`."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_LIMIT:
        raise SpecError(
            Said("refusals.saved_needs_name", name_limit=NAME_LIMIT),
            hint=Said("refusals.give_it_name"),
            path="name",
        )
    with shop.store.defining():
        kept = [pair for pair in shop.store.definitions.saved if pair[0] != name]
        shop.define(saved=[*kept, (name, spec.to_json())])


def all_of(definitions: Definitions) -> dict[str, Spec]:
    """The saved questions by name; see `Workspace.saved`."""
    found = {}
    for name, text in definitions.saved:
        try:
            found[name] = questions.from_json(text)
        except SpecError as error:
            raise SpecError(
                Said("refusals.saved_unreadable", name=name, message=error.message),
                hint=Said("refusals.delete_or_mend"),
                path="saved",
            ) from None
    return found


def remove(shop: Workspace, name: str) -> None:
    """Delete a saved question; see `Workspace.unsave`."""
    # Held from reading to writing: what another thread saves meanwhile would go with it.
    with shop.store.defining():
        saved = shop.store.definitions.saved
        kept = [pair for pair in saved if pair[0] != name]
        if len(kept) == len(saved):
            known = [pair[0] for pair in saved]
            hint = nearest(name, known) or Said("refusals.saved_names", names=", ".join(known) or Said("refusals.none"))
            raise SpecError(Said("refusals.no_saved", name=name), hint=hint, path="name")
        shop.define(saved=kept)
