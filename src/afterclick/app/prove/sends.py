"""Nobody is messaged twice: what hears, waits and sends is killed at every step, started again, and everything counted."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.act import acts_file
from afterclick.act.outbound import signing
from afterclick.act.outbox import table
from afterclick.act.outbox.sender import LEASE
from afterclick.act.outbox.table import Balance
from afterclick.app.prove import sends_shop
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.receivers import PLACES, Arrived, Receivers
from afterclick.app.prove.sends_shop import BEGIN, DAYS, STEPS, WAIT, Trial
from afterclick.collect.wire import canonical
from afterclick.core import clock, names
from afterclick.core.errors import AfterclickError
from afterclick.core.spans import DAY, HOUR

EVERY: Final = (*STEPS, *PLACES)
"""Where the process may be killed: at its own steps, and by the receivers in the middle of what it sends."""
TIMES: Final = (1, 2)
"""At which time of a step it is killed."""
_PATIENCE_S: Final = 300.0
_SPEED: Final = 3600
"""How fast the clock goes in the trial of a wait: three hours in three seconds."""


class Left(NamedTuple):
    """What a trial left behind: the outbox's balance, the events the log was told, mails and calls that arrived whole."""

    balance: Balance
    sent: dict[str, int]
    mails: list[Arrived]
    calls: list[Arrived]
    ended: list[table.Ended]


class _Stage:
    """Runs processes of one trial against one pair of receivers."""

    def __init__(self, folder: Path, receivers: Receivers, journey: str, people: int, *, jump: bool = True) -> None:
        self.receivers = receivers
        self._mails, self._calls = len(receivers.mails), len(receivers.calls)
        self.trial = Trial(
            store=str(folder), journey=journey, people=people, http_port=receivers.http_port,
            smtp_port=receivers.smtp_port, begin=BEGIN, end=BEGIN + 60 * DAY, jump=jump,
        )  # fmt: skip
        self._log = folder.with_suffix(".log")
        # Made before there are two of them: one that is stopped while it makes the key would hold up the other.
        folder.mkdir(parents=True, exist_ok=True)
        signing.secret(folder)

    def begin(self, fate: str = "", environ: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process that meets its fate, if it has any."""
        given = {**os.environ, sends_shop.KILL_AT: fate, **(environ or {})}
        command = [sys.executable, "-m", "afterclick.app.prove.sends_process", sends_shop.command(self.trial)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=given, start_new_session=True
            )
        self.receivers.victim = process.pid
        return process

    def run(self, fate: str = "") -> int:
        """A process from beginning to end; how it ended (-9 killed). Raises AfterclickError where it failed by itself."""
        code = self.ended(self.begin(fate))
        if code not in (0, -signal.SIGKILL):
            raise AfterclickError(f"ended with {code}: {self.said}", code="no_end")
        return code

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for its end. Raises AfterclickError where there is none."""
        try:
            return process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AfterclickError(f"no end within {_PATIENCE_S:g} s: {self.said}", code="no_end") from None

    @property
    def said(self) -> str:
        """The last words of the processes."""
        return self._log.read_text("utf-8", "replace")[-2000:] if self._log.exists() else ""

    def left(self) -> Left:
        """What there is now."""
        with closing(acts_file.reader(Path(self.trial.store))) as reader:
            balance, ended = table.balance(reader), table.ended(reader)
        sent: dict[str, int] = {}
        if self.trial.told.exists():
            for line in self.trial.told.read_bytes().splitlines():
                event = canonical.DECODER.decode(line)
                if event.event == names.MESSAGE_SENT:
                    sent[str(event.properties["action_id"])] = event.occurred_at
        return Left(balance, sent, self.receivers.mails[self._mails :], self.receivers.calls[self._calls :], ended)


def prove(
    seed: int, folder: Path, tell: Tell, *, kill_at: Sequence[str] = EVERY, people: int = 3, month_people: int = 10
) -> Proof:
    """Kill it at each of these steps; stop one sender while another goes on; wait over a kill; let a month go by."""
    began = clock.ticks()
    with Receivers() as receivers:
        checks = [
            *_killed(folder, receivers, kill_at, people, tell),
            *(_stopped(folder, receivers, people, out, tell) for out in sends_shop.OUT.values()),
            _waited(folder, receivers, people, tell),
            _month(folder, receivers, month_people, tell),
        ]
    return Proof("sends", seed, tuple(checks), clock.ticks() - began)


def broken(stage: _Stage, left: Left, *, uncertain: int) -> list[str]:
    """What is wrong with what a trial left: a person written to twice, a machine never or under two keys, an account that
    does not balance, more messages unknown than were under way."""
    mails, calls = (count * stage.trial.people for count in sends_shop.per_person(stage.trial))
    by_mail, by_call = Counter(one.key for one in left.mails), Counter(one.key for one in left.calls)
    found = [f"{count} times to a person: {key}" for key, count in by_mail.items() if count > 1 or not key]
    bodies = {one.key: {other.body for other in left.calls if other.key == one.key} for one in left.calls}
    found += [f"{len(said)} contents under {key}" for key, said in bodies.items() if len(said) > 1]
    if len(by_call) != calls:
        found.append(f"{len(by_call)} calls arrived, {calls} were decided")
    balance = left.balance
    if not balance.holds or balance.intended != mails + calls or balance.pending:
        found.append(f"of {mails + calls} decided: {balance}")
    if balance.uncertain > uncertain or balance.failed or balance.suppressed:
        said = "; ".join(f"{one.channel} {one.state} {one.reason} {one.detail}" for one in left.ended)
        found.append(f"at most {uncertain} may be unknown: {balance} {said}")
    missing = set(left.sent) - set(by_mail) - set(by_call)
    found += [f"told as sent, but never arrived: {key}" for key in sorted(missing)]
    if len(left.sent) != balance.sent:
        found.append(f"{len(left.sent)} told as sent, {balance.sent} counted")
    return found


def _killed(folder: Path, receivers: Receivers, kill_at: Sequence[str], people: int, tell: Tell) -> list[Check]:
    wrong: list[str] = []
    unreached: list[str] = []
    kills = messages = repeated = unknown = 0
    for name, number in itertools.product(kill_at, TIMES):
        tell(step("sends_kill", step=name, n=number))
        stage = _Stage(folder / f"{name}-{number}", receivers, "three_hours", people)
        by_receiver = name in PLACES
        receivers.kill_at(name if by_receiver else "", number)
        code = stage.run("" if by_receiver else f"{name}:{number}")
        receivers.kill_at("", 0)
        if code == 0:
            unreached.append(f"{name} {number}")
            continue
        stage.run()
        kills += 1
        left = stage.left()
        wrong += [f"{name} {number}: {one}" for one in broken(stage, left, uncertain=1)]
        messages += left.balance.intended
        repeated += len(left.calls) - len({one.key for one in left.calls})
        unknown += left.balance.uncertain
    return [
        check("sends_kills", wrong, kills=kills, messages=messages, repeated=repeated, unknown=unknown),
        check("sends_steps", unreached, n=len(kill_at) * len(TIMES)),
    ]


def _stopped(folder: Path, receivers: Receivers, people: int, out: str, tell: Tell) -> Check:
    """One sender is stopped between its word that it calls and the call; a second goes on until everything has ended; then the
    first wakes up."""
    tell(step("sends_stop", step=out))
    stage = _Stage(folder / f"stopped-{out}", receivers, "three_hours", people)
    slow = stage.begin(f"{out}:1:stop")
    try:
        ends_at = clock.ticks() + _PATIENCE_S
        while clock.ticks() < ends_at and not _is_stopped(slow.pid):
            if slow.poll() is not None:
                return check("sends_stop", [f"ended with {slow.returncode}: {stage.said}"], step=out, messages=0)
            time.sleep(0.02)
        stage.run()
        os.kill(slow.pid, signal.SIGCONT)
        code = stage.ended(slow)
    finally:
        if slow.poll() is None:
            os.killpg(slow.pid, signal.SIGKILL)
            slow.wait()
    left = stage.left()
    wrong = broken(stage, left, uncertain=1) + ([f"ended with {code}: {stage.said}"] if code else [])
    return check("sends_stop", wrong, step=out, messages=left.balance.intended)


def _is_stopped(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def _waited(folder: Path, receivers: Receivers, people: int, tell: Tell) -> Check:
    """By a clock that goes by itself: killed in the middle of the wait of three hours, and started again before its end."""
    tell(step("sends_wait"))
    stage = _Stage(folder / "waited", receivers, "three_hours", people, jump=False)
    stage.trial.end = BEGIN + WAIT * 400
    begun = clock.ticks()

    def trial_clock() -> dict[str, str]:
        return {clock.TRIAL: f"{BEGIN + int((clock.ticks() - begun) * 1e6) * _SPEED}x{_SPEED}"}

    first = stage.begin(environ=trial_clock())
    ends_at = clock.ticks() + _PATIENCE_S
    while clock.ticks() < ends_at and first.poll() is None and not _told(stage, people):
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    second = stage.begin(environ=trial_clock())
    code = stage.ended(second)
    left = stage.left()
    wrong = broken(stage, left, uncertain=0)
    if code:
        wrong.append(f"ended with {code}: {stage.said}")
    late = _lateness(stage, left)
    wrong += [f"{one / HOUR:.3f} h too early" for one in late if one < 0]
    return check("sends_wait", wrong, people=people, late_s=round(max(late, default=0) / _SPEED / 1e6, 2))


def _told(stage: _Stage, people: int) -> bool:
    """Did everybody enter, and has the log heard of what went out before the wait?"""
    return stage.trial.told.exists() and stage.trial.told.read_bytes().count(b"\n") >= 2 * people


def _lateness(stage: _Stage, left: Left) -> list[int]:
    """How long (µs) after three hours each second mail was sent, by its first."""
    by_person: dict[bytes, list[int]] = {}
    for one in left.mails:
        to = next((line for line in one.body.splitlines() if line.lower().startswith(b"to:")), b"")
        by_person.setdefault(to, []).append(left.sent.get(one.key, 0))
    entered = {f"To: person-{n}@example.com".encode(): BEGIN + n * 60_000_000 for n in range(stage.trial.people)}
    return [max(sent) - entered[to] - WAIT for to, sent in by_person.items() if to in entered and len(sent) > 1]


def _month(folder: Path, receivers: Receivers, people: int, tell: Tell) -> Check:
    """Thirty days of waits until ten in the morning, the process killed on the way."""
    tell(step("sends_month"))
    stage = _Stage(folder / "month", receivers, "month", people)
    begun = clock.ticks()
    code = stage.run(f"fired:{DAYS // 2}")
    stage.run()
    left = stage.left()
    wrong = broken(stage, left, uncertain=0) + ([] if code else ["it was not killed"])
    # What was under way when it was killed goes out when its claim has run out; everything else on time.
    off = [at for at in left.sent.values() if (at - BEGIN) % DAY > LEASE]
    wrong += [f"sent {(at - BEGIN) % DAY / HOUR:.2f} h after ten o'clock" for at in off]
    days = Counter((at - BEGIN) // DAY for at in left.sent.values())
    wrong += [f"{days[day]} mails on day {day}" for day in range(1, DAYS + 1) if days[day] != people]
    return check(
        "sends_month", wrong, days=DAYS, messages=left.balance.sent, seconds=round(clock.ticks() - begun, 1)
    )
