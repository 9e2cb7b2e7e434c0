"""The fits a question needs: taken from the store's model files where the histories are the same, made and kept else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from afterclick.analyse.scope import Scope
from afterclick.core.errors import StoreError
from afterclick.learn import kept
from afterclick.learn.kept import Kept, Training
from afterclick.learn.value.fitting import Fit
from afterclick.learn.value.histories import Unit
from afterclick.learn.value.models import MODELS
from afterclick.learn.value.purchases import Counted, Purchases
from afterclick.learn.value.spend import ALIKE, GammaGamma, PlainMean, Spent

_HISTORY: Final = ("repeats", "last", "age", "count")
_VALUE: Final = ("repeats", "mean")


@dataclass(frozen=True)
class Fitted:
    """The fit of a lifetime model and that of the values of purchases; `refused` names model files that were not used.

    `alike` says why the values are a plain mean and no Gamma-Gamma ("" = they are not).
    """

    lifetime: Fit
    spend: Fit
    alike: str
    refused: tuple[str, ...]


def unit_of(model: str) -> Unit:
    """What a purchase is to a model: a day with one, or a week with one for the model of periods."""
    return "week" if model == "bgbb" else "day"


def spent_of(counted: Counted) -> Spent:
    """The buyers whose repeat purchases have a positive mean; a gamma knows no others."""
    there = np.flatnonzero((counted.repeats > 0) & (counted.mean > 0))
    # Sums of floats depend on their order: this one does not depend on that of the rows.
    there = there[np.lexsort((counted.mean[there], counted.repeats[there]))]
    return Spent(counted.repeats[there], counted.mean[there])


def fits_of(scope: Scope, purchases: Purchases, counted: Counted, model: str) -> Fitted:
    """The fit of a lifetime model, and that of the values of purchases."""
    spent = spent_of(counted)
    wanted = _Wanted(GammaGamma.word, *_trained(scope, purchases, model, "all", len(spent.mean), _VALUE, spent.digest))
    lifetime, refused = lifetime_of(scope, purchases, counted, model)
    spend, also = _fit(wanted, scope.context.snapshot.folder, lambda: GammaGamma.fit(spent))
    why = spend.reason
    if why in ALIKE:
        spend = PlainMean.fit(spent)
    return Fitted(lifetime, spend, why, (*refused, *also))


def lifetime_of(
    scope: Scope, purchases: Purchases, counted: Counted, model: str, part: str = "all"
) -> tuple[Fit, tuple[str, ...]]:
    """The fit of what was known at the end of `purchases.until`, and the files that were refused.

    `part` tells apart the fits of one question.
    """
    h = counted.histories
    wanted = _Wanted(model, *_trained(scope, purchases, model, part, h.customers, _HISTORY, h.digest))
    return _fit(wanted, scope.context.snapshot.folder, lambda: MODELS[model].fit(h))


def _trained(
    scope: Scope, purchases: Purchases, model: str, part: str, rows: int, features: tuple[str, ...], digest: str
) -> tuple[dict[str, Any], Training]:
    """The question a fit belongs to, and what it is fitted on."""
    question = scope.question
    spec: dict[str, Any] = {
        "where": list(question.where), "identity": question.identity, "bots": question.bots, "as_of": question.as_of,
        "part": part, "unit": unit_of(model), "timezone": scope.context.snapshot.definitions.timezone,
    }  # fmt: skip
    first = int(purchases.first.min()) if len(purchases.first) else purchases.until
    begun, ended = (date.fromordinal(day).isoformat() for day in (first, purchases.until))
    return spec, Training(begun, ended, question.as_of, rows, features, digest)


@dataclass(frozen=True)
class _Wanted:
    kind: str
    spec: dict[str, Any]
    training: Training


def _fit(wanted: _Wanted, folder: Path, make: Callable[[], Fit]) -> tuple[Fit, tuple[str, ...]]:
    """The fit, and the file refused on the way. One that failed is not kept: there is nothing to take it up for."""
    path = kept.path_of(folder, wanted.kind, wanted.spec)
    refused: tuple[str, ...] = ()
    try:
        found = kept.load(path)
        if found is not None and (found.kind, found.spec) != (wanted.kind, wanted.spec):
            raise StoreError("another model's file", code="model_refused")
        if found is not None and found.training.digest == wanted.training.digest:
            return msgspec.convert(found.fitted, Fit), ()
    except (StoreError, msgspec.ValidationError):
        refused = (path.name,)
    fit = make()
    if not fit.reason:
        kept.save(path, Kept(kept.SCHEMA, wanted.kind, wanted.spec, wanted.training, msgspec.to_builtins(fit)))
    return fit, refused
