"""The river of visitors through the stages: what goes on keeps the top, what is lost peels off below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from afterclick.surfaces.viz.markup import Html, el, path
from afterclick.surfaces.viz.scales import power

WIDTH: Final = 100.0
HEIGHT: Final = 64.0
FALL: Final = 100.0
_TURN: Final = 72.0  # where a stage's ribbon ends and the way to the next begins
_SEAM: Final = 0.5  # shapes that touch overlap by this, or the background would shine through
_MOST_STAGES: Final = 7


class Reach(NamedTuple):
    """One stage of the river, in visitors: entered = onward + open + lost."""

    entered: int
    onward: int
    open: int
    lost: int
    previous: int | None = None


def river(stages: Sequence[Reach], *, label: str, prefix: str, loop_to: int | None = None) -> Html:
    """The river as one SVG of `WIDTH` x `FALL` per stage, stretched to the columns; all text stands beside it.

    `loop_to` is the position of the stage that the last one leads back to. Heights follow `scales.power`.
    """
    largest = max([1, *(stage.entered for stage in stages), *(stage.previous or 0 for stage in stages)])
    high = [power(stage.entered, largest, HEIGHT) for stage in stages]
    parts: list[Html] = [_defs(len(stages), prefix)]
    for i, stage in enumerate(stages):
        following = high[i + 1] if i + 1 < len(stages) else None
        parts += _stage(i, stage, high[i], following, largest, prefix)
        if stage.previous:
            parts.append(_ghost(i, power(stage.previous, largest, HEIGHT)))
    if loop_to is not None and len(stages) > 1 and high[-1]:
        parts.append(_loop(len(stages) - 1, loop_to, high))
    return el(
        "svg",
        {
            "class": "river",
            "viewBox": f"0 0 {int(WIDTH * max(1, len(stages)))} {int(FALL)}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": label,
        },
        parts,
    )


def _defs(count: int, prefix: str) -> Html:
    flows = [
        el(
            "linearGradient",
            {"id": f"{prefix}-flow-{i}"},
            el("stop", {"offset": 0, "class": f"s{i % _MOST_STAGES}"}),
            el("stop", {"offset": 1, "class": f"s{(i + 1) % _MOST_STAGES}"}),
        )
        for i in range(count - 1)
    ]
    fall = el(
        "linearGradient",
        {"id": f"{prefix}-fall", "x1": 0, "y1": 0, "x2": 0, "y2": 1},
        el("stop", {"offset": 0, "class": "lost", "stop-opacity": ".62"}),
        el("stop", {"offset": 1, "class": "lost", "stop-opacity": "0"}),
    )
    return el("defs", None, flows, fall)


def _stage(i: int, stage: Reach, height: float, following: float | None, largest: int, prefix: str) -> list[Html]:
    if height <= 0:
        return []
    left, turn, right = i * WIDTH, i * WIDTH + _TURN, (i + 1) * WIDTH
    css = f"s{i % _MOST_STAGES}"
    if following is None:
        return [el("path", {"class": css, "d": path("M", left, 0, "H", right - 14, "V", height, "H", left, "Z")})]
    kept = power(stage.onward, largest, HEIGHT) if stage.onward else 0.0
    stays = max(kept, power(stage.onward + stage.open, largest, HEIGHT)) if stage.open else kept
    shapes = [el("path", {"class": css, "d": path("M", left, 0, "H", turn, "V", height, "H", left, "Z")})]
    if stays > kept:
        shapes.append(
            el(
                "path",
                {
                    "class": f"{css} open",
                    "d": path("M", turn - _SEAM, kept, "H", right - 6, "V", stays, "H", turn - _SEAM, "Z"),
                },
            )
        )
    if kept:
        middle = (turn + right) / 2
        shapes.append(
            el(
                "path",
                {
                    "fill": f"url(#{prefix}-flow-{i})",
                    "d": path(
                        "M",
                        turn - _SEAM,
                        0,
                        "H",
                        right + _SEAM,
                        "V",
                        following,
                        "H",
                        right,
                        "C",
                        middle,
                        following,
                        middle,
                        kept,
                        turn,
                        kept,
                        "H",
                        turn - _SEAM,
                        "Z",
                    ),
                },
            )
        )
    if height > stays and stage.lost:
        shapes.append(_fall(turn, stays, height, prefix))
    return shapes


def _fall(turn: float, top: float, bottom: float, prefix: str) -> Html:
    """What leaves: from the lower part of the ribbon's end down and out, as broad as it was high."""
    broad = 4 + (bottom - top) * 0.22
    outer, inner = turn + broad + 3, turn + 3
    shape = path(
        "M", turn, top, "C", turn + broad * 0.9, top, outer, top + 6, outer, FALL,
        "H", inner, "C", inner, bottom + 4, turn + 2, bottom, turn, bottom, "Z",
    )  # fmt: skip
    return el("path", {"fill": f"url(#{prefix}-fall)", "d": shape})


def _ghost(i: int, height: float) -> Html:
    left = i * WIDTH
    return el("path", {"class": "ghost", "d": path("M", left + 1, height, "H", left + _TURN)})


def _loop(last: int, target: int, high: Sequence[float]) -> Html:
    """An arrow from under the last ribbon back to the end of the stage that is entered again."""
    start, end = last * WIDTH + 26, (target + 1) * WIDTH - 3
    floor = FALL * 0.66
    tip = high[last] + 7
    line = path("M", start, high[last] + 3, "C", start, floor, end, floor, end, tip)
    head = path("M", end - 2.2, tip + 6, "L", end, tip, "L", end + 2.2, tip + 6)
    return el("path", {"class": "loop", "d": f"{line} {head}"})
