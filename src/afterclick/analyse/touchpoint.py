"""One touchpoint: where its visits came from and went to, who left there, how hard it was, and what followed."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.beside import Beside
from afterclick.analyse.context import Context
from afterclick.analyse.friction import WEIGHTS
from afterclick.analyse.met import Met
from afterclick.analyse.points import points_of
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.touchpoint_cells import TouchpointPeople
from afterclick.analyse.touchpoint_sides import Sides, words_of
from afterclick.core import spans
from afterclick.core.moments import Quantiles, Share
from afterclick.core.result import Note, Result, Text
from afterclick.core.spans import Period

Role = Annotated[
    Literal["any", "landing", "exit"],
    Meta(description="all visits that met it, those that began with it, or those that ended on it"),
]

_SIDES = pa.schema(
    [
        ("side", pa.string()), ("touchpoint", pa.string()), ("type", pa.string()), ("sessions", pa.int64()),
        ("visitors", pa.int64()), ("share_rate", pa.float64()), ("merged", pa.int64()),
    ]
)  # fmt: skip
_CHANNELS = pa.schema(
    [("channel", pa.string()), ("sessions", pa.int64()), ("visitors", pa.int64()), ("share_rate", pa.float64())]
)
_WORDS = pa.schema([("where", pa.string()), ("word", pa.string()), ("sessions", pa.int64()), ("visitors", pa.int64())])
_FRICTION = pa.schema(
    [
        ("part", pa.string()), ("weight", pa.float64()), ("hits", pa.int64()), ("n", pa.int64()),
        ("rate", pa.float64()), ("points", pa.float64()),
    ]
)  # fmt: skip
_BESIDE = pa.schema(
    [
        ("stage", pa.string()),
        *((name, kind) for side in ("met", "others") for name, kind in (
            (side, pa.int64()), (f"{side}_ordered", pa.int64()), (f"{side}_rate", pa.float64())
        )),
        ("difference", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
    ]
)  # fmt: skip
_WORDS_SHOWN: Final = 100


class Touchpoint(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One touchpoint: where visits came from and went to, who left there, and how hard it was."""

    key_word = "touchpoint"

    name: Annotated[
        str,
        Meta(
            description="a page group or an event, as the journey map names it",
            min_length=1,
            examples=["/cart", "/products/*", "Product Added"],
        ),
    ]
    role: Role = "any"
    top: Annotated[int, Meta(description="touchpoints named on each side", ge=1, le=50)] = 6

    def answer(self, context: Context) -> Result:
        """Compute the touchpoint's visits of the range, and its figures in the period it is compared with.

        The main table holds both sides: what stood before the first and after the last meeting of each visit. Each side
        adds up to the same visits.
        """
        scope = scope_of(context, self)
        met = met_of(scope, self.name, self.role, scope.period)
        before = met_of(scope, self.name, self.role, scope.previous) if scope.previous else None
        figures = figures_of(met)
        figures["previous"] = figures_of(before) if before else None
        sides, beside = Sides(met, self.top), Beside(met)
        words = words_of(met)[:_WORDS_SHOWN]
        found = beside.rows()
        parts = {
            "channels": pa.Table.from_pylist(sides.channels(), schema=_CHANNELS),
            "words": pa.Table.from_pylist(
                [
                    {"where": one.where, "word": one.word, "sessions": len(one.sessions),
                     "visitors": len(met.measures.visitors_of(one.sessions))} for one in words
                ],
                schema=_WORDS,
            ),
            "friction": pa.Table.from_pylist(friction_parts(met), schema=_FRICTION),
            "beside": pa.Table.from_pylist(found, schema=_BESIDE),
        }  # fmt: skip
        return Result(
            self, pa.Table.from_pylist(sides.rows(), schema=_SIDES), sentence=_sentence(self, figures), figures=figures,
            parts=parts, notes=_notes(figures, found),
            about=scope.about("sessions", events=met.measures.events, visitors=figures["visitors"], role=self.role),
            people=TouchpointPeople(met, sides, beside, words).of,
        )  # fmt: skip


def met_of(scope: Scope, name: str, role: str, period: Period) -> Met:
    """A touchpoint in the visits of a period. Raises SpecError for a name no event of the store has."""
    return Met(scope, period, points_of(scope).resolve(name), role)


def figures_of(met: Met) -> dict[str, Any]:
    """The figures of one period; rates are None where nothing was counted.

    visitors, visits, views (meetings), entries and exits (visits that began with it and ended on it), bounced,
    dwell in seconds (quartiles of page views that something followed), friction and its rates over the visits that met
    it, whatever the role.
    """
    name, kind = met.points.name(met.code)
    entries, exits = int((met.before < 0).sum()), int((met.after < 0).sum())
    dwell = Quantiles.of(met.dwells) if met.is_page else Quantiles(0, None, None, None, None)
    seconds = [None if value is None else value / spans.SECOND for value in (dwell.p25, dwell.median, dwell.p75)]
    friction = met.visits.friction.row(met.code)
    return {
        "touchpoint": name, "type": kind, "twin": ", ".join(met.points.twins(met.code)), "goal": friction["goal"],
        "visitors": len(met.visitors), "sessions": len(met.sessions), "views": met.views, "entries": entries,
        "exits": exits, "bounced": len(met.bounced) if met.is_page else None,
        "bounce_rate": Share(len(met.bounced), entries).rate if met.is_page else None,
        "exit_rate": friction["exit_rate"], "dwell_seconds": seconds[1], "dwell_p25_seconds": seconds[0],
        "dwell_p75_seconds": seconds[2], "dwells": dwell.n,
        **{part: friction[part] for part in ("friction", "error_rate", "loop_rate", "slow_rate")},
    }  # fmt: skip


def friction_parts(met: Met) -> list[dict[str, Any]]:
    """How friction comes about: per part its weight, the shares' numbers, and the points it adds."""
    friction, code = met.visits.friction, met.code
    goal = bool(friction.goal[code])
    visits = int(friction.visits[code])
    shares = {
        "exit_rate": Share(0 if goal else int(friction.exits[code]), int(friction.views[code])),
        "error_rate": Share(int(friction.troubled[code]), visits),
        "loop_rate": Share(int(friction.looped[code]), visits),
        "slow_rate": Share(int(friction.slowed[code]), int(friction.timed[code])),
    }
    return [
        {
            "part": part, "weight": weight, "hits": shares[part].hits, "n": shares[part].n, "rate": shares[part].rate,
            "points": 100 * weight * (shares[part].rate or 0.0),
        }
        for part, weight in WEIGHTS.items()
    ]  # fmt: skip


def _sentence(question: Touchpoint, figures: dict[str, Any]) -> Text:
    if not figures["sessions"]:
        return Text("sentence.touchpoint_empty", {"name": figures["touchpoint"]})
    params = {
        "name": figures["touchpoint"], "visitors": figures["visitors"], "sessions": figures["sessions"],
        "exits": figures["exits"], "rate": figures["exits"] / figures["sessions"],
    }  # fmt: skip
    if question.role != "any":
        return Text(f"sentence.touchpoint_{question.role}", params)
    if figures["goal"]:
        return Text("sentence.touchpoint_goal", params)
    return Text("sentence.touchpoint", {**params, "friction": round(figures["friction"] or 0)})


def _notes(figures: dict[str, Any], beside: list[dict[str, Any]]) -> tuple[Note, ...]:
    notes = []
    if figures["twin"]:
        notes.append(Note("touchpoint_twin", {"twin": figures["twin"], "page": figures["touchpoint"]}))
    if figures["goal"]:
        notes.append(Note("touchpoint_goal"))
    if figures["sessions"] and figures["slow_rate"] is None:
        notes.append(Note("touchpoint_untimed"))
    if 0 < figures["visitors"] < 30:
        notes.append(Note("touchpoint_thin", {"visitors": figures["visitors"]}))
    if beside:
        notes.append(Note("touchpoint_observed"))
    return tuple(notes)
