"""The highest likelihood and how sharply it falls away: parameters with standard errors, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from afterclick.core.moments import Z95, Interval

Score = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Logs of the parameters -> (log-likelihood, its gradient by those logs)."""

Curve = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]
"""The same, and the matrix of second derivatives."""

BOUND: Final = 9.0
"""Logs beyond ±9 (a factor of 8,000) mean that the likelihood rises towards a boundary: nothing is estimated there."""
_STEP: Final = 1e-4
_CLOSE: Final = 1e-9
_FLAT: Final = 1e-8
"""A slope per customer that ends the descent; Newton's steps do the rest."""
_TURNS: Final = 300
_STEPS, _HALVED = 30, 8
_NEAR: Final = 1e-6
"""How far (in logs) from where a curvature was taken it still is the one here, to six digits."""
_FAR: Final = 1e-3
"""How far (in logs) a curvature may be carried."""


_Peak = tuple[float, np.ndarray, np.ndarray]
"""The log-likelihood, the logs of the parameters, and the Hessian there."""


class Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters by name with standard errors from the observed information; `covariance` is that of their logs.

    `reason` says why there is no usable fit ("" = there is one): few_repeaters, no_convergence, boundary, flat.
    """

    model: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    rows: int
    reason: str = ""

    @property
    def logs(self) -> np.ndarray:
        """The logs of the parameters."""
        result: np.ndarray = np.log(np.array(self.values))
        return result

    def interval(self, name: str) -> Interval:
        """The 95 % interval of a parameter, symmetric in its log."""
        place = self.names.index(name)
        half = Z95 * self.errors[place] / self.values[place]
        return Interval(self.values[place] * float(np.exp(-half)), self.values[place] * float(np.exp(half)))

    def drawn(self, count: int, seed: int) -> np.ndarray:
        """`count` draws of the parameters from the normal distribution of their logs, float64[count, parameters].

        Logs stay within `BOUND` of what was found: a draw far out says nothing but that the likelihood is flat there.
        """
        spread = np.linalg.cholesky(np.array(self.covariance))
        standard = np.random.default_rng(seed).standard_normal((count, len(self.values)))
        moved: np.ndarray = np.clip(standard @ spread.T, -BOUND, BOUND)
        result: np.ndarray = np.exp(self.logs + moved)
        return result


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ ab in one thread: the same bits on every machine, which a BLAS does not promise."""
    return float(np.einsum("i,i->", a, b))


def by_logs(
    values: np.ndarray, value: float, gradient: np.ndarray, bend: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """A value with its first and second derivatives by the values, as those by their logs."""
    slope = gradient * values
    return value, slope, bend * np.outer(values, values) + np.diag(slope)


def none(model: str, names: Sequence[str], rows: int, reason: str) -> Fit:
    """A fit that was refused."""
    return Fit(model, tuple(names), (), (), (), 0.0, rows, reason)


def fitted(
    model: str, names: Sequence[str], score: Score, starts: Sequence[np.ndarray], units: np.ndarray, rows: int,
    curve: Curve | None = None,
) -> Fit:  # fmt: skip
    """The maximum of `score` from the best of `starts` (logs), its parameters multiplied by `units` (time, money).

    Newton's method where the second derivatives are known (`curve`) and it arrives; else BFGS with the analytic gradient,
    then Newton's steps with the Hessian from differences of the gradient. The Hessian at the end is the observed
    information. `log_likelihood` is that of the scaled problem: the caller knows the shift.
    """
    best = _newton(curve, starts[0]) if curve is not None else None
    reason = "no_convergence"
    for start in starts if best is None else ():
        found, reason = _climbed(score, start, rows)
        if found is not None:
            best = found
            break
    if best is None:
        return none(model, names, rows, reason)
    value, logs, hessian = best
    covariance = np.linalg.inv(-hessian)
    covariance = (covariance + covariance.T) / 2
    errors = np.sqrt(np.diag(covariance))
    values = np.exp(logs) * units
    return Fit(
        model, tuple(names), tuple(values.tolist()), tuple((values * errors).tolist()),
        tuple(tuple(row) for row in covariance.tolist()), value, rows,
    )  # fmt: skip


def _newton(curve: Curve, start: np.ndarray) -> _Peak | None:
    """The peak that Newton's method comes to; None where it leaves the bounds, or comes to none in some steps.

    Where the likelihood is not concave its curvature is taken without its sign, so that every step climbs (Nocedal,
    Wright 2006, section 3.4); a step that does not is halved.
    """
    at = start.astype(np.float64)
    value, slope, hessian = curve(at)
    for _ in range(_STEPS):
        bends, ways = np.linalg.eigh(-hessian)
        along = slope @ ways
        step = ways @ (along / np.maximum(np.abs(bends), 1e-9 * max(float(np.abs(bends).max()), 1e-300)))
        far = float(np.abs(step).max())
        if not np.isfinite(far):
            return None
        if far < _NEAR:
            # The next step would be the square of this one.
            return (value, at + step, hessian) if bends[0] > 0 else None
        step *= min(1.0, 1.0 / far)
        for _ in range(_HALVED):
            new = curve(at + step)
            if np.isfinite(new[0]) and new[0] >= value - 1e-12 * abs(value):
                break
            step = step / 2
        else:
            return None
        at = at + step
        value, slope, hessian = new
        if (np.abs(at) > BOUND - 0.01).any() or not np.isfinite(hessian).all():
            return None
    return None


def _climbed(score: Score, start: np.ndarray, rows: int) -> tuple[_Peak | None, str]:
    size = max(rows, 1)

    def down(logs: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = score(logs)
        return -value / size, -gradient / size

    logs = _descended(down, start)
    if not np.isfinite(logs).all() or (np.abs(logs) > BOUND - 0.01).any():
        return None, "boundary"
    value, gradient = score(logs)
    for _ in range(6):
        hessian = _hessian(score, logs)
        if not _peaked(hessian):
            return None, "flat"
        moved = 0.0
        # The same curvature serves several steps: each makes the rest smaller by as much as the last was long.
        for _ in range(4):
            step = np.linalg.solve(-hessian, gradient)
            far = float(np.abs(step).max())
            # A step that large does not finish a climb, it leaves for the boundary.
            logs = logs + step * min(1.0, 1.0 / max(far, 1e-300))
            moved += far
            if not np.isfinite(logs).all() or (np.abs(logs) > BOUND - 0.01).any():
                return None, "boundary"
            value, gradient = score(logs)
            if far < _CLOSE or far > _FAR:
                break
        if far < _CLOSE:
            return (value, logs, hessian if moved < _NEAR else _hessian(score, logs)), ""
    return None, "no_convergence"


def _descended(down: Score, start: np.ndarray) -> np.ndarray:
    """Near the lowest point of `down`, or where it leaves the bounds.

    BFGS with backtracking (Nocedal, Wright 2006, algorithm 6.1): for three or four parameters the libraries' optimisers
    spend more on themselves than on the likelihood.
    """
    at = start.astype(np.float64)
    value, slope = down(at)
    inverse = np.eye(len(at))
    for turn in range(_TURNS):
        step = -inverse @ slope
        if step @ slope >= 0:
            inverse, step = np.eye(len(at)), -slope
        step *= min(1.0, 1.0 / float(np.abs(step).max(initial=1e-300)))
        for _ in range(30):
            new, new_slope = down(at + step)
            if np.isfinite(new) and new <= value + 1e-4 * float(step @ slope):
                break
            step = step / 2
        else:
            break
        at, bend, gain = at + step, new_slope - slope, value - new
        value, slope = new, new_slope
        if (np.abs(at) > BOUND).any() or float(np.abs(slope).max()) < _FLAT or gain < 1e-15 * abs(value):
            break
        along = float(step @ bend)
        if along <= 1e-14:
            continue
        if not turn:
            inverse *= along / float(bend @ bend)
        left = np.eye(len(at)) - np.outer(step, bend) / along
        inverse = left @ inverse @ left.T + np.outer(step, step) / along
    return at


def _peaked(hessian: np.ndarray) -> bool:
    """Does the likelihood fall in every direction?"""
    try:
        np.linalg.cholesky(-hessian)
    except np.linalg.LinAlgError:
        return False
    return True


def _hessian(score: Score, logs: np.ndarray) -> np.ndarray:
    """Central differences of the gradient, made symmetric."""
    size = len(logs)
    hessian = np.zeros((size, size))
    for place in range(size):
        moved = np.zeros(size)
        moved[place] = _STEP
        hessian[place] = (score(logs + moved)[1] - score(logs - moved)[1]) / (2 * _STEP)
    result: np.ndarray = (hessian + hessian.T) / 2
    return result
