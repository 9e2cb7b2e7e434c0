"""Nothing that a decider does at length keeps those waiting who ask for an answer: it is done in slices, to the same effect."""

from __future__ import annotations

from afterclick.analyse.segments.machines import NEVER
from afterclick.collect.wire.canonical import Canonical
from afterclick.decide.decider import Decider
from afterclick.decide.fold import MOST_AT_ONCE, Fold
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.told import Decided, Told
from afterclick.store.definitions import Definitions
from support.told import MINUTE, START, live_rule

MEANT = Definitions(own_domains=("shop.example",))
QUIET = live_rule("since(visitor.last_seen_at) > 2h", "quiet", once="7d")


def page_of(device: str, at: int, user: str = "") -> Canonical:
    return Canonical(
        event_id=f"{device}-{at}", type="page", event="Page Viewed", anonymous_id=device, user_id=user or None,
        url="https://shop.example/", occurred_at=at, received_at=at,
    )  # fmt: skip


def decider_of(visitors: int) -> tuple[Decider, list[Told]]:
    fold = Fold(RuleBook.compile((), (), MEANT), MEANT, most_hot=20)
    decider, told = Decider(fold), []
    decider.listen(told.extend)
    for number in range(visitors):
        at = START + number
        decider.take(number + 1, at, "web", [page_of(f"d{number}", at)])
    return decider, told


def test_a_rule_that_waits_for_time_reaches_every_visitor_who_was_there_before_it_slice_by_slice() -> None:
    visitors = 3 * MOST_AT_ONCE + 7
    decider, told = decider_of(visitors)
    assert decider.next_due() == NEVER
    decider.use(RuleBook.compile((QUIET,), (), MEANT))
    saved = decider.saving("m", 0)
    assert saved is not None
    assert saved.note.book == ""
    slices = 0
    while decider.next_due() <= START + MINUTE:
        decider.tick(START + MINUTE)
        slices += 1
    assert slices == 4
    assert not any(isinstance(one, Decided) for one in told)
    again = decider.saving("m", 0)
    assert again is not None
    assert again.note.book == decider.fingerprint
    assert {due for due, _ in again.states.values()} == {START + number + 120 * MINUTE for number in range(visitors)}
    while decider.next_due() <= START + 180 * MINUTE:
        decider.tick(START + 180 * MINUTE)
    assert len({one.decision.visitor for one in told if isinstance(one, Decided)}) == visitors


def test_a_saving_holds_people_as_they_were_when_it_began() -> None:
    decider, _ = decider_of(3)
    fold = decider._fold
    assert fold is not None
    taken = fold.people.changes()
    decider.take(9, START + MINUTE, "web", [page_of("d0", START + MINUTE, "u1"), page_of("d1", START + MINUTE, "u1")])
    ids, logins = taken.rows()
    assert [(text, root) for _, text, root in ids] == [("a:d0", 0), ("a:d1", 1), ("a:d2", 2)]
    assert fold.people.current("a:d1") == "a:d0"
    later, _ = fold.people.changes().rows()
    assert ("a:d1", 0) in [(text, root) for _, text, root in later]
    assert logins == []


def test_a_fold_of_no_use_any_more_is_let_go_to_the_last_visitor() -> None:
    decider, _ = decider_of(250)
    former = decider.adopt(Fold(RuleBook.compile((QUIET,), (), MEANT), MEANT))
    assert former is not None
    assert len(former.memories) == 250
    decider.let_go(former)
    assert len(former.memories) == 0
    assert decider.size["visitors"] == 0
