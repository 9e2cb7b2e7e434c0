"""Stage discovery: stages proposed from what visitors do, as rules, with how well they fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.measures import measures
from afterclick.analyse.question import Compare, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.errors import SpecError
from afterclick.core.moments import Share
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.said import Said
from afterclick.learn.behaviours import Behaviours
from afterclick.learn.samples import distinct_rows, thinned
from afterclick.learn.stages.hidden import Expected, Fit, Sequences, expected, fitted
from afterclick.learn.stages.rules import Proposed, agreement, onward, proposed, toml
from afterclick.store.definitions import MAX_STAGES, MIN_STAGES

LONG: Final = 30
"""Behaviours of a visitor that are followed, repeats joined."""
FIT: Final = 1_500
"""Visitors the model is fitted to, every so many-th of all."""
FEWEST: Final = 60
RESTARTS: Final = 3
_TYPICAL: Final = 6
_SYMBOLS: Final = 24
_FRAME: Final = pa.schema(
    [
        ("position", pa.int32()), ("stage", pa.string()), ("enter", pa.string()), ("visitors", pa.int64()),
        ("share_rate", pa.float64()), ("place_rate", pa.float64()),
    ]
)  # fmt: skip
_TYPICALLY: Final = pa.schema(
    [
        ("stage", pa.string()), ("behaviour", pa.string()), ("probability_rate", pa.float64()), ("here_rate", pa.float64()),
        ("enters", pa.bool_()),
    ]
)  # fmt: skip
_MOVES: Final = pa.schema([("from_stage", pa.string()), ("to_stage", pa.string()), ("probability_rate", pa.float64())])
_TRIED: Final = pa.schema(
    [
        ("states", pa.int32()), ("log_likelihood", pa.float64()), ("parameters", pa.int64()), ("bic", pa.float64()),
        ("chosen", pa.bool_()),
    ]
)  # fmt: skip


class StageDiscovery(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stage discovery: stages proposed from what visitors do, as rules for afterclick.toml, with how well they fit."""

    key_word = "discover"

    compare: Compare = "none"
    states: Annotated[
        int, Meta(description="hidden states; 0 = as many as explain most for their number", ge=0, le=MAX_STAGES)
    ] = 0
    seed: Annotated[int, Meta(description="where the search begins; the same seed finds the same", ge=0, le=2**31)] = 1

    def check(self) -> None:
        """A journey has stages enough."""
        super().check()
        if 0 < self.states < MIN_STAGES:
            raise SpecError(
                Said("refusals.states_no_journey", states=self.states),
                hint=Said("refusals.write_states", min_stages=MIN_STAGES, max_stages=MAX_STAGES),
                path="states",
            )

    def answer(self, context: Context) -> Result:
        """Fit chains of hidden states to the behaviours of each visitor in their order, and read stages out of the best.

        The number of states is that with the least BIC = parameters · ln(behaviours seen) − 2 · log likelihood (Schwarz
        1978, p. 461). Behaviours are the most frequent touchpoints, repeats joined, the first 30 of a visitor.
        """
        return _Found(scope_of(context, self), self).result()


class _Found:
    """The stages of one scope."""

    def __init__(self, scope: Scope, question: StageDiscovery) -> None:
        self.scope, self.question = scope, question
        self.m = measures(scope, scope.period)
        self.behaviours = Behaviours(self.m, _SYMBOLS)

    @cached_property
    def data(self) -> Sequences:
        """A sample of the visitors' ways."""
        padded = sequences(self.behaviours)
        first, _, weight = distinct_rows((padded + 1).astype(np.uint16))
        place, drawn = thinned(weight, FIT)
        return Sequences(padded[first[place]], drawn, len(self.behaviours.names))

    @cached_property
    def enough(self) -> bool:
        """Are there visitors and behaviours enough to find stages in?"""
        return len(self.behaviours.visitors) >= FEWEST and len(self.behaviours.names) >= MIN_STAGES and bool(
            len(self.data.symbols)
        )

    @cached_property
    def tried(self) -> list[tuple[int, Fit, float]]:
        """Per number of states the fit and its BIC."""
        if not self.enough:
            return []
        asked = self.question.states
        most = min(MAX_STAGES, len(self.behaviours.names))
        found = []
        for k in (asked,) if asked else range(MIN_STAGES, most + 1):
            fit = fitted(self.data, k, (self.question.seed,), RESTARTS)
            bic = fit.chain.parameters * float(np.log(self.data.seen)) - 2 * fit.log_likelihood
            found.append((k, fit, bic))
        return found

    @cached_property
    def best(self) -> tuple[int, Fit, float] | None:
        return min(self.tried, key=lambda one: (one[2], one[0]), default=None)

    @cached_property
    def read(self) -> tuple[Expected, list[Proposed]]:
        assert self.best is not None
        found = expected(self.data, self.best[1].chain)
        return found, proposed(self.data, found)

    def result(self) -> Result:
        stages = self.read[1] if self.best else []
        names = [self.behaviours.names[stage.symbols[0]] for stage in stages]
        rows = [self._row(number, stage, names[number]) for number, stage in enumerate(stages)]
        figures = self._figures(stages, names)
        return Result(
            self.question, pa.Table.from_pylist(rows, schema=_FRAME), sentence=self._sentence(figures, names),
            figures=figures, parts=self._parts(stages, names), notes=self._notes(stages), people=self._people(stages, names),
            about=self.scope.about(
                "visitors", events=self.m.events, visitors=len(self.behaviours.visitors), compare=None
            ),
        )  # fmt: skip

    def _reached(self, stage: Proposed) -> np.ndarray:
        """The visitors who met a behaviour of the stage in the range; labels."""
        met = (self.behaviours.counts[:, list(stage.symbols)] > 0).any(axis=1)
        return self.behaviours.visitors[met]

    def _row(self, number: int, stage: Proposed, name: str) -> dict[str, Any]:
        visitors = len(self._reached(stage))
        enter = ", ".join(self.behaviours.steps[symbol] for symbol in stage.symbols)
        share = visitors / len(self.behaviours.visitors)
        return {"position": number + 1, "stage": name, "enter": enter, "visitors": visitors, "share_rate": share,
                "place_rate": stage.position}  # fmt: skip

    def _figures(self, stages: list[Proposed], names: list[str]) -> dict[str, Any]:
        figures: dict[str, Any] = {
            "visitors": len(self.behaviours.visitors), "behaviours": len(self.behaviours.names), "stages": len(stages),
            "states": None, "fit_rate": None, "fit_low": None, "fit_high": None, "forward_rate": None, "forward_low": None,
            "forward_high": None, "explained_rate": None, "toml": "",
        }  # fmt: skip
        if self.best is None:
            return figures
        steps = [[self.behaviours.steps[symbol] for symbol in stage.symbols] for stage in stages]
        figures |= {"states": self.best[0], "toml": toml(names, steps), "explained_rate": self._explained()}
        same = agreement(self.data, self.read[0], stages)
        for name, (hits, n) in (("fit", same), ("forward", onward(self.data, stages))):
            share = Share(round(hits), round(n))
            figures[f"{name}_rate"] = share.rate
            if share.interval:
                figures |= {f"{name}_low": share.interval.low, f"{name}_high": share.interval.high}
        return figures

    def _explained(self) -> float | None:
        """How much of what frequencies alone leave unsaid the chain says: 1 − its log likelihood ÷ theirs."""
        assert self.best is not None
        counts = np.bincount(self.data.symbols, self.data.weight[self.data.owner], minlength=self.data.size)
        counts = counts[counts > 0]
        alone = float((counts * np.log(counts / counts.sum())).sum())
        return 1 - self.best[1].log_likelihood / alone if alone < 0 else None

    def _parts(self, stages: list[Proposed], names: list[str]) -> dict[str, pa.Table]:
        moves, typical = [], []
        if self.best:
            chain = self.best[1].chain
            moves = [
                {"from_stage": names[a], "to_stage": names[b], "probability_rate": float(chain.move[one.state, other.state])}
                for a, one in enumerate(stages)
                for b, other in enumerate(stages)
            ]
            typical = [row for name, stage in zip(names, stages, strict=True) for row in self._typical(name, stage)]
        tried = [
            {"states": k, "log_likelihood": fit.log_likelihood, "parameters": fit.chain.parameters, "bic": bic,
             "chosen": self.best is not None and k == self.best[0]}
            for k, fit, bic in self.tried
        ]  # fmt: skip
        return {
            "typical": pa.Table.from_pylist(typical, schema=_TYPICALLY),
            "moves": pa.Table.from_pylist(moves, schema=_MOVES),
            "tried": pa.Table.from_pylist(tried, schema=_TRIED),
        }

    def _typical(self, name: str, stage: Proposed) -> list[dict[str, Any]]:
        """The behaviours of a state by how often it shows them; those it shares with other states too."""
        found = self.read[0].emissions
        own, met = found[stage.state] / found[stage.state].sum(), found.sum(axis=0)
        order = sorted(range(len(own)), key=lambda one: (-own[one], one))
        return [
            {"stage": name, "behaviour": self.behaviours.names[one], "probability_rate": float(own[one]),
             "here_rate": float(found[stage.state, one] / met[one]), "enters": one in stage.symbols}
            for one in order[:_TYPICAL]
            if own[one] >= 0.01
        ]  # fmt: skip

    def _sentence(self, figures: dict[str, Any], names: list[str]) -> Text:
        if not len(self.behaviours.visitors):
            return Text("sentence.kpi_empty")
        if len(names) < MIN_STAGES:
            return Text("sentence.discover_none", {"visitors": figures["visitors"]})
        params = {"n": len(names), "names": " → ".join(names), "rate": figures["fit_rate"]}
        return Text("sentence.discover", params)

    def _notes(self, stages: list[Proposed]) -> tuple[Note, ...]:
        if not self.enough:
            return (Note("discover_few", {"visitors": FEWEST, "behaviours": MIN_STAGES}),)
        notes = [Note("discover_fit", {"sample": round(float(self.data.weight.sum()))})]
        if len(stages) < MIN_STAGES:
            notes.append(Note("discover_short", {"n": len(stages), "least": MIN_STAGES}))
        return tuple(notes)

    def _people(self, stages: list[Proposed], names: list[str]) -> dict[str, Callable[[], People]]:
        def cell(stage: Proposed, name: str) -> Callable[[], People]:
            return lambda: people_of(self.scope, self._reached(stage), Text("people.discover", {"stage": name}))

        cells: dict[str, Callable[[], People]] = {
            "visitors": lambda: people_of(self.scope, self.behaviours.visitors, Text("people.visitors"))
        }
        return cells | {f"stage={name}": cell(stage, name) for name, stage in zip(names, stages, strict=True)}


def sequences(found: Behaviours, long: int = LONG) -> np.ndarray:
    """The first behaviours of each visitor who met any, repeats joined; int16[visitors, long], -1 after the end."""
    owner, code = found.owner, found.code
    new = np.ones(len(owner), bool)
    if len(owner):
        new[1:] = (owner[1:] != owner[:-1]) | (code[1:] != code[:-1])
    owner, code = owner[new], code[new]
    turned = np.diff(owner, prepend=-1) != 0
    begins, who = np.flatnonzero(turned), np.cumsum(turned) - 1
    depth = np.arange(len(owner)) - begins[who] if len(owner) else np.zeros(0, np.int64)
    early = depth < long
    padded = np.full((len(begins), long), -1, np.int16)
    padded[who[early], depth[early]] = code[early]
    return padded
