"""What is wrong with a rule, a journey or a delivery whatever its conditions say, told by the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NoReturn

from afterclick.core import spans
from afterclick.core.errors import PLACED, SpecError
from afterclick.core.said import Said, Spoken
from afterclick.store.automations import Delivery, Journey, LiveRule, Wait, Way, nodes

NAME_LIMIT: Final = 120
MOST: Final = 10_000
"""Rules, or journeys, that a store keeps."""
DEPTH: Final = 6
MOST_NODES: Final = 200
_SPAN: Final = re.compile(spans.DURATION_PATTERN)


def check(rules: Sequence[LiveRule], journeys: Sequence[Journey], delivery: Delivery) -> None:
    """Raise SpecError, naming the place, for what cannot be meant whatever the conditions say."""
    for key, names in (("rules", [one.name for one in rules]), ("journeys", [one.name for one in journeys])):
        if len(names) > MOST:
            _refuse(key, Said("refusals.too_many", n=len(names)), Said("refusals.keep_at_most", most=MOST))
        seen: set[str] = set()
        for i, name in enumerate(names):
            if not name.strip() or name != name.strip() or len(name) > NAME_LIMIT or name in seen:
                _refuse(
                    f"{key}[{i}].name",
                    Said("refusals.no_name", name=name[:40]),
                    Said("refusals.name_length", name_limit=NAME_LIMIT),
                )
            seen.add(name)
    if len(delivery.quiet) == 1:
        _refuse("delivery.quiet", Said("refusals.half_quiet"), Said("refusals.quiet_example"))
    for i, cap in enumerate(delivery.caps):
        if cap.per not in ("day", "week") and not _SPAN.fullmatch(cap.per):
            _refuse(f"delivery.caps[{i}].per", Said("refusals.cap_no_span", per=cap.per), Said("refusals.cap_spans"))
    for i, rule in enumerate(rules):
        _check_rule(rule, f"rules[{i}]")
    for i, journey in enumerate(journeys):
        _check_journey(journey, f"journeys[{i}]")


def _check_rule(rule: LiveRule, path: str) -> None:
    done = [bool(rule.show or rule.arms), bool(rule.enter), bool(rule.emit), bool(rule.call)]
    if sum(done) != 1:
        _refuse(path, Said("refusals.does_things", name=rule.name, done=sum(done)), Said("refusals.exactly_one"))
    if rule.arms and abs(sum(arm.weight for arm in rule.arms) - 1) > 1e-9:
        _refuse(f"{path}.arms", Said("refusals.weights_sum"), Said("refusals.halves"))
    if len({arm.name for arm in rule.arms}) < len(rule.arms):
        _refuse(f"{path}.arms", Said("refusals.arms_one_name"), Said("refusals.arm_names"))
    if rule.once not in ("session", "visitor", "ever") and not _SPAN.fullmatch(rule.once):
        _refuse(f"{path}.once", Said("refusals.no_once", once=rule.once), Said("refusals.once_scopes"))


def _check_journey(journey: Journey, path: str) -> None:
    again = journey.again
    if again not in ("never", "after_exit") and not again.startswith("key:") and not _SPAN.fullmatch(again):
        _refuse(f"{path}.again", Said("refusals.no_again", again=again), Said("refusals.again_rules"))
    found = list(nodes(journey.steps))
    if len(found) > MOST_NODES:
        _refuse(
            f"{path}.steps",
            Said("refusals.n_steps", n=len(found)),
            Said("refusals.most_steps", most_nodes=MOST_NODES),
        )
    for place, node in found:
        where = f"{path}.steps.{place}"
        if place.count(".") > 2 * DEPTH:
            _refuse(where, Said("refusals.nested_deep"), Said("refusals.most_levels", depth=DEPTH))
        given = [node.wait, node.send, node.branch, node.split or None, node.set or None, node.exit or None]
        if sum(one is not None for one in given) != 1:
            _refuse(where, Said("refusals.step_one_thing"), Said("refusals.step_things"))
        if node.wait is not None:
            _check_wait(node.wait, where)
        if node.split:
            _check_split(node.split, where)


def _check_wait(wait: Wait, where: str) -> None:
    given = [wait.span, wait.until, wait.event or wait.condition]
    if sum(map(bool, given)) != 1 or (wait.event and wait.condition):
        _refuse(where, Said("refusals.wait_one_thing"), Said("refusals.wait_things"))
    if (wait.event or wait.condition) and not wait.timeout:
        _refuse(where, Said("refusals.wait_for_ever"), Said("refusals.add_timeout"))


def _check_split(ways: Sequence[Way], where: str) -> None:
    if abs(sum(way.share for way in ways) - 1) > 1e-9:
        _refuse(where, Said("refusals.shares_sum"), Said("refusals.halves"))
    names = [way.name for way in ways]
    if len(set(names)) < len(names) or not all(name and "." not in name for name in names):
        _refuse(where, Said("refusals.way_names"), Said("refusals.such_as_a"))


def _refuse(path: str, message: Spoken, hint: Spoken) -> NoReturn:
    raise SpecError(Said(PLACED, place=path, message=message), hint=hint, path=str(path))
