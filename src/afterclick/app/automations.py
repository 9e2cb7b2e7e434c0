"""Rules and journeys of an open store: written down, changed, run over history, switched on, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from afterclick.act.channels import delivery_check, readiness
from afterclick.act.channels.readiness import Readiness
from afterclick.act.journeys.standing import Standing, standing
from afterclick.act.secrets import Secrets
from afterclick.app.automation_checks import Problem, checked
from afterclick.app.automation_outbox import Outgoing, outgoing
from afterclick.app.automation_places import Document, placed, renewed
from afterclick.app.automation_print import fingerprint
from afterclick.app.automation_undo import Before, undo_of
from afterclick.core import clock
from afterclick.core import spec as specs
from afterclick.core.errors import SpecError, UsageError, nearest_or_known
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.observe.automations.outcomes import Outcomes, outcomes_of
from afterclick.store.automations import Delivery, Journey, LiveRule
from afterclick.store.undo import UndoFile

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

Kind = Literal["rule", "journey"]

BACKTEST: Final = "backtest"
"""The question that runs a rule or a journey over history."""


def kind_of(document: Document) -> Kind:
    """What a document is."""
    return "rule" if isinstance(document, LiveRule) else "journey"


class Automations:
    """`shop.automations`. Every change is written to afterclick.toml at once, and can be undone."""

    def __init__(self, shop: Workspace) -> None:
        self._shop = shop

    @property
    def rules(self) -> dict[str, LiveRule]:
        """The rules by name, in the order they were made."""
        return {rule.name: rule for rule in self._shop.store.definitions.rules}

    @property
    def journeys(self) -> dict[str, Journey]:
        """The journeys by name, in the order they were made."""
        return {journey.name: journey for journey in self._shop.store.definitions.journeys}

    @property
    def delivery(self) -> Delivery:
        """How messages leave, and what holds them back."""
        return self._shop.store.definitions.delivery

    @property
    def ready(self) -> tuple[Readiness, ...]:
        """What each channel still lacks before advertising may leave by it. Raises StoreError where others can read the
        secrets."""
        return readiness.of(self._shop.store.definitions, Secrets(self._shop.store.path))

    @property
    def home(self) -> str:
        """Where the shop is found (`https://shop.example`), as far as the store knows its domain; else empty."""
        domains = self._shop.store.definitions.own_domains
        return f"https://{domains[0]}" if domains else ""

    def get(self, kind: str, name: str) -> Document:
        """A rule or a journey by name. Raises SpecError, with the nearest name, for one that is not there."""
        known = self._of(kind)
        if name not in known:
            hint = nearest_or_known(name, known, f"refusals.known_{kind}s", 20)
            raise SpecError(Said(f"refusals.no_document_{kind}", name=name), hint=hint, path="name")
        found: Document = known[name]
        return found

    def free_name(self, kind: str, name: str) -> str:
        """The name, or the name with the first number that is free behind it."""
        known, number = self._of(kind), 2
        free = name
        while free in known:
            free, number = f"{name} {number}", number + 1
        return free

    def problems(self) -> Mapping[tuple[str, str], list[Problem]]:
        """What speaks against each rule and journey, by (kind, name); those without a problem are not in it."""
        return checked(self._shop)

    def put(self, document: Document, *, was: str = "") -> Document:
        """Add a document, or take the place of the one of its name (of `was`, where it gets another); returns what was kept.

        What was ever on becomes a new version. One that is on stays on where its words, looks or costs alone change;
        otherwise it pauses until it has been run over history again. Raises SpecError for what cannot be meant.
        """
        kind, name = kind_of(document), " ".join(document.name.split())
        document = msgspec.structs.replace(document, name=name)
        with self._shop.store.defining():
            before = self._of(kind).get(was or name)
            if was and before is None:
                self.get(kind, was)
            if was and was != name and name in self._of(kind):
                raise SpecError(
                    Said(f"refusals.taken_{kind}", name=name),
                    hint=Said("refusals.other_name"),
                    path="name",
                )
            if was and was != name and before is not None and before.on_since:
                raise SpecError(
                    Said("refusals.name_stays", was=was),
                    hint=Said("refusals.make_new_one"), path="name",
                )  # fmt: skip
            kept = renewed(document, before)
            self._write(kind, "changed" if before else "made", name, before, kept)
        return kept

    def switch_on(self, kind: str, name: str) -> Document:
        """Let a document do what it says from now on.

        Raises SpecError where a problem stands against it, or where what it says now was not run over history.
        """
        with self._shop.store.defining():
            before = self.get(kind, name)
            self._check_ready(kind, before)
            if before.state == "on":
                return before
            kept = msgspec.structs.replace(before, state="on", on_since=clock.now() // 1000)
            self._write(kind, "on", name, before, kept)
        return kept

    def _check_ready(self, kind: str, document: Document) -> None:
        for problem in self.problems().get((kind, document.name), ()):
            if problem.level == "error":
                said = Said(problem.message_id, **problem.params)
                raise SpecError(said, hint=Said("refusals.mend_then_on"), path=problem.path)
        if document.tested != fingerprint(document):
            raise SpecError(
                Said("refusals.untested", name=document.name),
                hint=Said("refusals.untested_hint", command=f"afterclick {kind}s test", name=document.name),
                code="untested",
            )  # fmt: skip

    def pause(self, kind: str, name: str) -> Document:
        """Let a document do nothing; timers of a journey wait. Raises SpecError for one that is not there."""
        with self._shop.store.defining():
            before = self.get(kind, name)
            if before.state != "on":
                return before
            kept = msgspec.structs.replace(before, state="paused")
            self._write(kind, "paused", name, before, kept)
        return kept

    def remove(self, kind: str, name: str) -> None:
        """Delete a document; what it sent stays in the log. Raises SpecError for one that is not there, or still on."""
        with self._shop.store.defining():
            before = self.get(kind, name)
            if before.state == "on":
                raise SpecError(
                    Said("refusals.document_is_on", name=name),
                    hint=Said("refusals.pause_first"),
                    path="name",
                )
            users = [one.name for one in self.rules.values() if kind == "journey" and one.enter == name]
            if users:
                raise SpecError(
                    Said("refusals.rule_brings", rule=users[0], name=name),
                    hint=Said("refusals.remove_rule_first"),
                    path="name",
                )
            self._write(kind, "removed", name, before, None)

    def backtest(self, kind: str, name: str, **fields: Any) -> Result:
        """Run a document over history as it stands; it may be switched on then. `fields` are those of the question.

        Raises SpecError where its conditions cannot be read.
        """
        document = self.get(kind, name)
        if BACKTEST not in specs.kinds():
            raise SpecError(Said("refusals.no_backtest_here"), hint=Said("refusals.update_afterclick"), path="tested")
        result = self._shop.ask(specs.kind(BACKTEST)(**{kind: name}, **fields))
        self.note_tested(kind, name, fingerprint(document))
        return result

    def note_tested(self, kind: str, name: str, tested: str) -> None:
        """Remember that a document of this fingerprint was run over history; nothing where it has changed meanwhile."""
        with self._shop.store.defining():
            document = self.get(kind, name)
            if fingerprint(document) == tested != document.tested:
                self._define(kind, {**self._of(kind), name: msgspec.structs.replace(document, tested=tested)})

    def put_delivery(self, delivery: Delivery) -> None:
        """Change how messages leave. Raises SpecError for what cannot be meant."""
        delivery_check.check(delivery)
        with self._shop.store.defining():
            before = Before(at=clock.now(), change="changed", kind="delivery", delivery=self.delivery)
            self._shop.define(delivery=msgspec.to_builtins(delivery))
            self._undo.push(before)

    def undo(self) -> Before:
        """Take the last change back; returns what was changed. Raises SpecError where nothing was changed.

        What was on comes back on where it may still be switched on, else paused.
        """
        with self._shop.store.defining():
            states = self._undo.states()
            if not states:
                raise SpecError(Said("refusals.nothing_to_undo"), path="undo")
            last = states[-1]
            if last.kind == "delivery":
                self._shop.define(delivery=msgspec.to_builtins(last.delivery or Delivery()))
            else:
                self._restore(last)
            self._undo.pop()
        return last

    def _restore(self, last: Before) -> None:
        kind, old = last.kind, last.rule or last.journey
        now: Document | None = self._of(kind).get(last.name)
        if isinstance(old, Journey) and isinstance(now, Journey) and now.version > old.version:
            # Runs of the version that is taken back may be under way: its number is never given again.
            old = msgspec.structs.replace(old, version=now.version + 1)
        if old is None or old.state != "on":
            self._define(kind, placed(self._of(kind), last.name, old))
            return
        self._define(kind, placed(self._of(kind), last.name, msgspec.structs.replace(old, state="paused")))
        try:
            self._check_ready(kind, self.get(kind, old.name))
        except SpecError:
            return
        self._define(kind, {**self._of(kind), old.name: old})

    @property
    def undoable(self) -> Before | None:
        """The last change that can be taken back."""
        states = self._undo.states()
        return states[-1] if states else None

    def outcomes(self) -> Outcomes:
        """What came of every automation so far, from the life of its messages; see `observe.automations.outcomes`."""
        return outcomes_of(self._shop.context())

    def outgoing(self) -> Outgoing | None:
        """Where everything is that was to be sent; None where nothing was."""
        return outgoing(self._shop.store.path)

    def standing(self, name: str) -> Standing | None:
        """Who is on the way in a journey, where, and how it ended for others; None before it ever ran. Raises StoreError."""
        return standing(self._shop.store.path).get(name)

    @property
    def sends(self) -> bool:
        """Whether this process is the one that sends."""
        return self._shop.live is not None

    def resend(self, action_id: str, channel: str) -> None:
        """Let a message go again that failed or whose outcome nobody knows. Raises UsageError where nobody sends here,
        SpecError where there is none."""
        if self._shop.live is None:
            raise UsageError(Said("refusals.sends_nothing"), hint=Said("refusals.do_it_there"))
        if not self._shop.live.resend(action_id, channel):
            raise SpecError(Said("refusals.no_such_message"), hint=Said("refusals.under_way"), path="action_id")

    @property
    def _undo(self) -> UndoFile[Before]:
        return undo_of(self._shop.store.path)

    def _of(self, kind: str) -> dict[str, Any]:
        if kind not in ("rule", "journey"):
            raise SpecError(
                Said("refusals.no_automation", kind=kind),
                hint=Said("refusals.rule_or_journey"),
                path="kind",
            )
        return dict(self.rules if kind == "rule" else self.journeys)

    def _define(self, kind: str, documents: Mapping[str, Document]) -> None:
        self._shop.define(**{f"{kind}s": msgspec.to_builtins(list(documents.values()))})

    def _write(self, kind: str, change: str, name: str, before: Document | None, kept: Document | None) -> None:
        place = before.name if before is not None else name
        self._define(kind, placed(self._of(kind), place, kept))
        rule = before if isinstance(before, LiveRule) else None
        journey = before if isinstance(before, Journey) else None
        known: Kind = "rule" if kind == "rule" else "journey"
        self._undo.push(Before(at=clock.now(), change=change, kind=known, name=name, rule=rule, journey=journey))
