"""How a message reads for one visitor of the store, or for an invented one: the values its templates are filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from afterclick.act import templates
from afterclick.act.channels import roster
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
from afterclick.core.money import to_decimal
from afterclick.core.said import Said, Spoken
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
        known: Spoken = ", ".join(at for at, _ in sends) or Said("refusals.none")
        raise SpecError(
            Said("refusals.step_sends_nothing", place=place, journey=journey),
            hint=Said("refusals.steps_that_send", known=known),
            path="place",
        )
    values = values_of(shop, visitor) if visitor else made_up(shop)
    words = templates.choose(found.words, lang)
    definitions = shop.store.definitions
    made = roster.channels(shop.store.path, definitions)
    try:
        return send_test(
            made, found.channel, words, address, values,
            lang=lang, delivery=definitions.delivery, advertising=found.advertising,
        )  # fmt: skip
    finally:
        roster.close(made)


def made_up(shop: Workspace) -> Mapping[str, Any]:
    """Values of nobody, so that a message can be read before anybody was here."""
    definitions = shop.store.definitions
    small = definitions.currency not in ("", "KRW", "JPY")
    price = Decimal(21 if small else 21000)
    # The fields a live message has, and no others, so that what reads well here reads well there.
    line = {"product_id": "sku-1", "variant": "", "quantity": 1, "price": price}
    visitor, product = ("민지", "리넨 셔츠") if definitions.language == "ko" else ("Kim", "Linen shirt")
    return {
        "visitor": {"name": visitor, "email": "kim@mail.example"}, "event": {**line, "name": product}, "run": {},
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
        raise SpecError(
            Said("refusals.no_visitor", visitor=visitor[:80]),
            hint=Said("refusals.write_id_or_email"),
            path="visitor",
        )
    label = int(known[0])
    state, event = VisitorState(setting_of(scope)), {}
    for one in happenings(scope, np.array([label]))[label]:
        state.add(one)
        event = {name.removeprefix("properties."): value for name, value in one.fields.items()}
    definitions = shop.store.definitions
    lines = [
        {"product_id": product, "variant": variant, "quantity": pieces, "price": to_decimal(price)}
        for (product, variant), (pieces, price) in state.basket.lines.items()
        if pieces
    ]
    return {
        "visitor": {name: changes[-1][1] for name, changes in state.traits.items() if changes}, "event": event, "run": {},
        "basket": {"value": state.value("basket.value", scope.as_of), "count": len(lines), "lines": lines},
        "currency": definitions.currency, "zone": definitions.timezone,
    }  # fmt: skip
