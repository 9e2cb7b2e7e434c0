"""The visitors behind a cell: found in the card whose question knows it, drawn as the drawer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.concurrency import run_in_threadpool

from afterclick.core.errors import AfterclickError, SpecError
from afterclick.core.result import People
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import drawer
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.answers import LIMIT, Asked, ask
from afterclick.surfaces.web.marks import ENTRY, GOAL, condition_of, named, settings, step_of
from afterclick.surfaces.web.page import Page
from afterclick.surfaces.web.work import Work


class Behind(msgspec.Struct, frozen=True):
    """The list behind a cell with the question it belongs to, or why there is none."""

    spec: Spec
    people: People | None = None
    problem: AfterclickError | None = None


async def behind(work: Work, address: Address, asked: Sequence[Asked], fingerprint: str) -> Behind | None:
    """The visitors of the cell that the address names; None where it names none.

    The card named beside the cell is looked at; without one the page's own question, then those of the other cards.
    """
    if not address.people:
        return None
    specs = [each.spec for each in asked if each.problem is None]
    given = next((each.spec for each in asked if each.name == address.card), None)
    order = [given] if given is not None else sorted(specs or [address.spec], key=lambda spec: spec != address.spec)
    refused: AfterclickError | None = None
    for spec in {each.key: each for each in order}.values():
        outcome = await ask(work, spec, fingerprint, LIMIT)
        if outcome.result is None:
            refused = refused or outcome.problem
            continue
        try:
            return Behind(spec, await run_in_threadpool(outcome.result.people, address.people))
        except SpecError as error:
            refused = refused or error
    return Behind(order[0], problem=refused)


def drawn(
    found: Behind | None, page: Page, address: Address, voice: Voice, keeping: drawer.Keeping | None = None
) -> Html | None:
    """The drawer; None where no cell is named or its question has no answer. `keeping` is the form that keeps the list."""
    if found is None:
        return None
    close = address.href({"card": None})
    if found.people is None:
        problem = found.problem
        return drawer.failed(problem.say(voice.lang), problem.advise(voice.lang), close, voice) if problem else None
    people = found.people
    offset = min((address.page - 1) * drawer.PAGE, max(0, len(people) - 1) // drawer.PAGE * drawer.PAGE)
    number = offset // drawer.PAGE + 1
    more = offset + drawer.PAGE < len(people)
    here = {"people": address.people, "card": address.card or None}
    own = Address(path="/people", spec=found.spec)
    question = {"people": address.people, "question": found.spec.key_word}
    ways = drawer.Ways(
        close=close,
        csv=own.href(question, path="/people.csv"),
        json=own.href(question, path="/people.json"),
        before=address.href({**here, "page": str(number - 1)}) + "#drawer" if number > 1 else "",
        after=address.href({**here, "page": str(number + 1)}) + "#drawer" if more else "",
        filters=_filters(found.spec, page, address, voice),
        keeping=keeping,
    )
    return drawer.drawer(people, offset, ways, voice)


def _filters(spec: Spec, page: Page, address: Address, voice: Voice) -> tuple[tuple[str, str], ...]:
    """What the click menu offers, for those without script: the page with only this cell or without it, its funnel."""
    ways = []
    condition = condition_of(address.people, spec)
    if condition and "where" in page.controls:
        where: tuple[str, ...] = getattr(address.spec, "where", ())
        field = condition.partition(" ")[0]
        words = named(address.people)
        what = voice.name(field, words.get(field) or words.get("group", ""))[:60]
        ways = [
            (voice.text("drawer.only", what=what), address.href({"where": (*where, condition)})),
            (voice.text("drawer.without", what=what), address.href({"where": (*where, f"!({condition})")})),
        ]
    step = step_of(address.people)
    if step and voice.to is not None and page.name != "funnel":
        href = voice.to("funnel", {"steps": (ENTRY if step == GOAL else step, GOAL)})
        ways += [(voice.text("frame.mark_funnel"), href)] if href else []
    many = {field.name for field in page.kind.fields() if field.many}
    for name, value in settings(address.people, page).items():
        wanted = (*getattr(address.spec, name, ()), value) if name in many else value
        ways.append((voice.text(f"{page.name}.mark_{name}"), address.href({name: wanted})))
    return tuple(ways)
