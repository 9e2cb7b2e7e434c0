"""Whatever the journey and the log, with power lost at any step: the runner sends what a simulator over lists sends."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from afterclick.store.automations import Branch, Journey, Node, Wait, Way
from support.journeying import MINUTE, START, Course, PowerCut, decided, heard, journey, merged, send
from support.naive_journeys import Naive, Op

VISITORS = ("a:1", "a:2")
MOST = 36
EVENTS = ("Enter", "Enter", "Enter", "Goal", "Leave", "X", "X", "Y")
RULES = ("session.pages >= 2", "basket.value >= 20000")
ZONE = "Asia/Seoul"


def holds(visitor: str, text: str, at: int) -> bool:
    return (at // (10 * MINUTE) + len(visitor) + VISITORS.index(visitor) + RULES.index(text)) % 3 == 0


waits = st.one_of(
    st.sampled_from(["1m", "5m", "30m", "0s"]).map(lambda span: Wait(span=span)),
    st.sampled_from(["09:10", "10:00"]).map(lambda until: Wait(until=until)),
    st.sampled_from(["X", "X", "Enter"]).map(lambda name: Wait(event=name, timeout="20m")),
    st.sampled_from(RULES).map(lambda text: Wait(condition=text, timeout="20m")),
)
plain = st.one_of(
    waits.map(lambda wait: Node(wait=wait)), waits.map(lambda wait: Node(wait=wait)), st.just(send()), st.just(send()),
    waits.map(lambda wait: Node(wait=wait)),
    st.just(Node(set={"k": "v"})), st.just(Node(exit=True)),
)  # fmt: skip


def nested(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    steps = st.lists(inner, max_size=3).map(tuple)
    branches = st.builds(Branch, when=st.sampled_from(RULES), then=steps, otherwise=steps)
    ways = st.tuples(steps, steps).map(
        lambda two: (Way(name="x", share=0.5, steps=two[0]), Way(name="y", share=0.5, steps=two[1]))
    )
    return st.one_of(branches.map(lambda branch: Node(branch=branch)), ways.map(lambda split: Node(split=split)))


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    node = st.one_of(plain, plain, nested(st.one_of(plain, plain, nested(plain))))
    steps = draw(st.lists(node, min_size=1, max_size=5))
    return journey(
        *steps, event="Enter", again=draw(st.sampled_from(["never", "after_exit", "12m", "key:k"])),
        goal=draw(st.sampled_from([(), ("Goal",)])), leave=draw(st.sampled_from([(), ("Leave",)])), grace="15m",
    )  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> list[Op]:
    now, ops = START, []
    for _ in range(draw(st.integers(1, MOST))):
        now += draw(st.sampled_from([1, MINUTE, 5 * MINUTE, 20 * MINUTE])) + len(ops)
        what = draw(st.sampled_from(["event"] * 8 + ["fire"] * 4 + ["watch"] * 2 + ["merge"]))
        at = now - draw(st.sampled_from([0, 0, 0, 7 * MINUTE, 16 * MINUTE])) if what in ("event", "watch") else now
        who = draw(st.sampled_from(VISITORS))
        if what == "event":
            name = draw(st.sampled_from(EVENTS))
        else:
            name = draw(st.sampled_from(RULES if what == "watch" else [one for one in VISITORS if one != who]))
        ops.append(Op(what, at, now, who, name, draw(st.sampled_from("kl"))))
    return in_order(ops)


def in_order(ops: list[Op]) -> list[Op]:
    """No visitor's clock runs back; nothing comes of one who is merged into another."""
    last = START
    done, gone = [], set()
    for op in ops:
        if op.who in gone or (op.what == "merge" and op.name in gone):
            continue
        if op.what == "merge":
            gone.add(op.name)
        if op.what == "watch":
            done.append(op)
        else:
            last = max(op.at, last + 1)
            done.append(op._replace(at=last))
    return done


def told(course: Course, seq: int, op: Op) -> None:
    course.now = op.now
    if op.what == "fire":
        course.fire()
    elif op.what == "merge":
        course.tell(merged(seq, op.who, op.name))
    elif op.what == "watch":
        course.tell(decided(op.who, op.name, op.at, "watch", seq))
    else:
        course.tell(heard(seq, op.who, op.name, op.at, k=op.key))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    flow=journeys(), log=logs(),
    cuts=st.lists(st.sampled_from(["", "", "", "before", "after"]), min_size=MOST, max_size=MOST),
)  # fmt: skip
def test_the_runner_equals_plain_lists_over_power_cuts(flow: Journey, log: list[Op], cuts: list[str]) -> None:
    note(f"{flow}\n{log}\n{cuts}")
    naive = Naive(flow, ZoneInfo(ZONE), holds)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "acts"
        folder.mkdir()
        course = Course(folder, [flow], zone=ZONE, holds=holds)
        for seq, (op, cut) in enumerate(zip(log, cuts, strict=False), 1):
            naive.do(op)
            course.acts.cut = cut == "before"
            try:
                told(course, seq, op)
            except PowerCut:
                course.cut_power()
                told(course, seq, op)
            if cut == "after":
                course.cut_power()
                for earlier in range(max(1, seq - 5), seq + 1):
                    if log[earlier - 1].what != "fire":
                        told(course, earlier, log[earlier - 1])
            assert course.sent == sorted(naive.sent, key=lambda one: (one[2], one[0], one[1]))
        ended = Counter({what.removeprefix("ended:"): n for what, n in course.tallies.items() if what.startswith("ended:")})
        assert ended == Counter(naive.ended)
        assert course.count("runs") == course.count("timers") == len(naive.runs)
        assert len({intent.action_id for intent in course.messages}) == len(naive.sent)
        course.acts.close()
