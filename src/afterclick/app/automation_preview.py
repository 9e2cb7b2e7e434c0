"""How a message reads for one visitor of the store, or for an invented one: the values its templates are filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from afterclick.act import templates
from afterclick.act.channels.roster import channels
from afterclick.act.channels.trial import CHANNELS, Tested, send_test
from afterclick.act.message import HTML_CHANNELS
from afterclick.act.templating.markup import to_text
from afterclick.analyse.handles import find
from afterclick.analyse.question import Question
from afterclick.analyse.scope import scope_of
from afterclick.analyse.segments.members import plain_scope
from afterclick.analyse.segments.replay import happenings, setting_of
from afterclick.analyse.segments.state_machines import VisitorState
from afterclick.core import i18n
from afterclick.core.errors import SpecError
from afterclick.store.automations import Journey, Words, nodes

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace


def previews(
    shop: Workspace, words: Sequence[Words], lang: str, *, visitor: str = "", channel: str = ""
) -> list[tuple[Words, str]]:
    """Each language of a message with values put in, and why it cannot be sent where it cannot (in `lang`), else empty.

    `visitor` is an id or e-mail of somebody in the store; without one the values are made up. Raises SpecError for a
    visitor who is not there.
    """
    values = values_of(shop, visitor) if visitor else made_up(shop)
    shown = []
    for one in words:
        found = templates.preview(one, values, one.lang or lang, channel=channel)
        faults = [problem for problem in found.problems if problem.level == "error"]
        said = " ".join(i18n.text(lang, problem.message_id, **problem.params) for problem in faults)
        made = found.words or one
        if found.words is not None and channel in HTML_CHANNELS:
            # Shown as text: the shop's page and the reader's mail are the only places where HTML of a message is let in.
            made = msgspec.structs.replace(made, body=to_text(made.body))
        shown.append((made, said))
    return shown


def try_send(shop: Workspace, journey: str, address: str, lang: str, *, place: str = "", visitor: str = "") -> Tested:
    """Send one message of a journey to one's own address, as a visitor would get it; nothing is counted, no gate asked.

    `place` names the step (`1.then.0`), else it is the first that goes by e-mail, push or webhook. Raises SpecError where
    there is none.
    """
    document = shop.automations.get("journey", journey)
    assert isinstance(document, Journey)
    sends = [(at, node.send) for at, node in nodes(document.steps) if node.send is not None and node.send.channel in CHANNELS]
    found = next((send for at, send in sends if place in ("", at)), None)
    if found is None:
        known = ", ".join(at for at, _ in sends) or "none"
        raise SpecError(f"no step {place!r} of {journey!r} sends to an address", hint=f"steps that do: {known}", path="place")
    values = values_of(shop, visitor) if visitor else made_up(shop)
    words = templates.choose(found.words, lang)
    return send_test(channels(shop.store.path, shop.store.definitions), found.channel, words, address, values)


def made_up(shop: Workspace) -> Mapping[str, Any]:
    """Values of nobody, so that a message can be read before anybody was here."""
    definitions = shop.store.definitions
    small = definitions.currency not in ("", "KRW", "JPY")
    price = Decimal(21 if small else 21000)
    line = {"product_id": "sku-1", "name": "Linen shirt", "quantity": 1, "price": price}
    return {
        "visitor": {"name": "Kim", "email": "kim@mail.example"}, "event": line, "run": {},
        "basket": {"value": price, "count": 1, "lines": [line]},
        "currency": definitions.currency, "zone": definitions.timezone,
    }  # fmt: skip


def values_of(shop: Workspace, visitor: str) -> Mapping[str, Any]:
    """Traits, last event and basket of a visitor as they stand at the end of the data, as a message would be given them.

    Raises SpecError where no visitor has the id.
    """
    context = shop.context()
    scope = plain_scope(scope_of(context, Question(compare="none")))
    known = [one for hit in find(context, scope.labels, visitor) for one in hit.visitors]
    if not known:
        raise SpecError(f"no visitor has the id {visitor[:80]!r}", hint="write an id or e-mail as it was sent", path="visitor")
    label = int(known[0])
    state, event = VisitorState(setting_of(scope)), {}
    for one in happenings(scope, np.array([label]))[label]:
        state.add(one)
        event = {name.removeprefix("properties."): value for name, value in one.fields.items()}
    definitions = shop.store.definitions
    return {
        "visitor": {name: changes[-1][1] for name, changes in state.traits.items() if changes}, "event": event, "run": {},
        "basket": {"value": state.value("basket.value", scope.as_of), "count": state.value("basket.units", scope.as_of),
                   "lines": []},
        "currency": definitions.currency, "zone": definitions.timezone,
    }  # fmt: skip
