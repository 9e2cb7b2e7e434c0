"""Runs in the environment that has lifetimes, never in this one: loads the buyers, fits them line by line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

Fits = dict[str, Callable[[], Any]]


def loaded(job: dict[str, Any]) -> tuple[str, Fits]:
    """The version, and by model what fits it to the buyers."""
    # Imports of packages that are there only where this runs.
    import lifetimes  # type: ignore[import-not-found]  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    given = np.load(job["file"], allow_pickle=False)
    x, last, age, mean, weeks, lasts, periods = (
        given[name] for name in ("repeats", "last", "age", "mean", "weeks", "lasts", "periods")
    )
    again = x > 0
    table = np.unique(np.stack([weeks, lasts, periods], axis=1), axis=0, return_counts=True)
    (rows, count) = table
    return lifetimes.__version__, {
        "bg": lambda: lifetimes.BetaGeoFitter().fit(x, last, age),
        "mbg": lambda: lifetimes.ModifiedBetaGeoFitter().fit(x, last, age),
        "pareto": lambda: lifetimes.ParetoNBDFitter().fit(x, last, age),
        "gamma_gamma": lambda: lifetimes.GammaGammaFitter().fit(x[again], mean[again]),
        "bgbb": lambda: lifetimes.BetaGeoBetaBinomFitter().fit(rows[:, 0], rows[:, 1], rows[:, 2], weights=count),
    }


def able(fits: Fits) -> dict[str, str]:
    """By model why it cannot be fitted, "" where it can: some of them do not converge on some buyers."""
    found = {}
    for model, fit in fits.items():
        try:
            quietly(fit)
            found[model] = ""
        except Exception as error:  # noqa: BLE001 - whatever a peer's model ends in is its answer
            found[model] = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return found


def quietly(fit: Callable[[], Any]) -> Any:
    """Some of its fits print on the way."""
    with contextlib.redirect_stdout(io.StringIO()):
        return fit()


def main(job: dict[str, Any]) -> None:
    """Load, say so, then fit one model per line of stdin: those that can be fitted take turns, in their order."""
    warnings.simplefilter("ignore")
    version, fits = loaded(job)
    why = able(fits)
    say({"version": version, "why": why})
    models = [model for model in fits if not why[model]]
    for turn, _ in enumerate(sys.stdin):
        model = models[turn % len(models)]
        begun = time.perf_counter()
        for _ in range(job["times"]):
            fitted = quietly(fits[model])
        seconds = (time.perf_counter() - begun) / job["times"]
        say({"seconds": seconds, "model": model, "parameters": {name: float(v) for name, v in fitted.params_.items()}})


def say(words: dict[str, Any]) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
