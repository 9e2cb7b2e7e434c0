"""A Result as one SVG file that stands alone: for slides and documents, in light or dark as its reader has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import plain
from afterclick.surfaces.viz.foot import said
from afterclick.surfaces.viz.grid import grid
from afterclick.surfaces.viz.markup import Html, el, path
from afterclick.surfaces.viz.river import Reach, river
from afterclick.surfaces.viz.scales import linear
from afterclick.surfaces.viz.styles import palette
from afterclick.surfaces.viz.voice import Voice

WIDTH: Final = 960
ROWS: Final = 20
_EDGE: Final = 24
_LABEL: Final = 300
_ROW: Final = 28
_STAGES: Final = 7
_LETTERS: Final = 400
_GLYPH: Final = 0.54
"""Width of a Latin letter in ems of the system's sans-serif, on the safe side; a wide letter takes two."""

Row = Mapping[str, Any]


def picture(result: Result, voice: Voice, bar: str = "", columns: Iterable[str] = ()) -> Html:
    """The finding as title, the drawing, and what the Result states of itself as caption.

    The journey map is drawn as its river, anything else as bars of `bar` (a column of the frame; else its first
    figure) over its rows.
    """
    title = _wrapped(result.sentence(voice.lang), 18, WIDTH - 2 * _EDGE)
    body, height = _body(result, voice, bar, list(columns))
    top = 28 + 26 * len(title)
    caption = _wrapped(" · ".join(said(result, voice)), 12, WIDTH - 2 * _EDGE)
    whole = top + height + 18 * len(caption) + 20
    words = [_words(line, _EDGE, 36 + 26 * i, 18, "ink bold") for i, line in enumerate(title)]
    words += [_words(line, _EDGE, top + height + 14 + 18 * i, 12, "muted") for i, line in enumerate(caption)]
    return el(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": WIDTH,
            "height": whole,
            "viewBox": f"0 0 {WIDTH} {whole}",
            "role": "img",
            "aria-label": result.sentence(voice.lang),
            "lang": voice.lang,
        },
        el("style", None, Html(_styles())),
        el("rect", {"class": "panel", "width": WIDTH, "height": whole, "rx": 12}),
        words,
        el("g", {"transform": f"translate({_EDGE} {top})"}, body),
    )


def _body(result: Result, voice: Voice, bar: str, columns: list[str]) -> tuple[list[Html], int]:
    names = set(result.frame.column_names)
    if {"stage", "entered", "onward", "open", "lost"} <= names:
        return _river(result, voice)
    # Figures of several units share no scale.
    return _figures(result, voice, columns) if "unit" in names else _bars(result, voice, bar, columns)


def _styles() -> str:
    """Plain rules with literal colours: drawing programs know no custom properties."""
    colours = palette()

    def rules(shade: int) -> str:
        def of(name: str) -> str:
            return colours[name][shade]

        lines = [
            f".panel{{fill:{of('panel')}}}.ink{{fill:{of('ink')}}}.muted{{fill:{of('muted')}}}.bad{{fill:{of('bad')}}}",
            f".fill{{fill:{of('fill')}}}.track{{fill:{of('soft')}}}",
            f"stop.lost{{stop-color:{of('bad')}}}.ghost{{stroke:{of('muted')}}}.loop{{stroke:{of('ink')}}}",
        ]
        for i in range(_STAGES):
            lines.append(f".s{i}{{fill:{of(f's{i}')};stop-color:{of(f's{i}')}}}.t{i}{{fill:{of(f't{i}')}}}")
        return "".join(lines)

    fonts = "system-ui,'Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR','Noto Sans CJK KR',sans-serif"
    return (
        f"text{{font-family:{fonts}}}.bold{{font-weight:650}}.end{{text-anchor:end}}.open{{opacity:.35}}"
        ".ghost,.loop{fill:none;stroke-width:1}.ghost{stroke-dasharray:4 3}"
        f"{rules(0)}@media (prefers-color-scheme:dark){{{rules(1)}}}"
    )


def _words(words: str, x: float, y: float, size: int, css: str) -> Html:
    return el("text", {"x": x, "y": y, "font-size": size, "class": css}, words)


def _river(result: Result, voice: Voice) -> tuple[list[Html], int]:
    stages = result.frame.to_pylist()
    each = (WIDTH - 2 * _EDGE) / max(1, len(stages))
    parts: list[Html] = []
    for i, row in enumerate(stages):
        parts += _stage(row, i, i * each, each, i + 1 == len(stages), voice)
    reach = [
        Reach(row["entered"], row["onward"], row["open"], row["lost"], row.get("previous_entered")) for row in stages
    ]
    back = len(stages) - 2 if result.figures.get("loop") and len(stages) > 1 else None
    drawn = river(reach, label=voice.text("map.visitors"), prefix=voice.prefix, loop_to=back)
    place = {"x": 0, "y": 84, "width": WIDTH - 2 * _EDGE, "height": 120}
    return [*parts, _placed(drawn, place)], 236


def _placed(drawing: Html, place: Mapping[str, int]) -> Html:
    """A drawing of ours at a place of a larger one: an inner `svg` takes its position from its own attributes."""
    attributes = "".join(f' {name}="{value}"' for name, value in place.items())
    return Html(drawing.replace("<svg", f"<svg{attributes}", 1))


def _stage(row: Row, i: int, left: float, wide: float, last: bool, voice: Voice) -> list[Html]:
    css = i % _STAGES
    notch = 0 if i == 0 else 11
    shape = path(
        "M", left, 0, "H", left + wide - 13, "L", left + wide - 2, 21, "L", left + wide - 13, 42, "H", left,
        "L", left + notch, 21, "Z",
    )  # fmt: skip
    name = _cut(voice.stage(str(row["stage"])), 15, wide - 40)
    parts = [
        el("path", {"class": f"s{css}", "d": shape}),
        _words(name, left + 20, 27, 15, f"t{css} bold"),
        _words(voice.number(row["entered"]), left + 4, 74, 18, "ink bold"),
    ]
    if not last and row.get("onward_rate") is not None:
        parts.append(_words(f"→ {voice.rate(row['onward_rate'])}", left + wide - 12, 74, 13, "ink end"))
    if not last and row["lost"]:
        parts.append(_words("↓ " + voice.text("map.lost", n=row["lost"]), left + 4, 222, 12, "bad bold"))
    return parts


def _bars(result: Result, voice: Voice, bar: str, columns: list[str]) -> tuple[list[Html], int]:
    shown = result.frame.slice(0, ROWS)
    made = grid(shown, result.about, voice.lang, columns)
    names = [name for name in columns if name in shown.column_names] or list(shown.column_names)
    figure = _figure(names, made.left, bar)
    if figure is None or not made.rows:
        return [], 8
    values = [float(value or 0) for value in shown.column(names[figure]).to_pylist()]
    most = max([*values, 0.0])
    room = WIDTH - 2 * _EDGE - _LABEL - 120
    parts = [_words(made.headings[figure], _LABEL, 14, 12, "muted")]
    for i, (row, value) in enumerate(zip(made.rows, values, strict=True)):
        y = 26 + i * _ROW
        long = linear(value, most, room)
        parts += [
            _words(_cut(_label(row, made.left), 13, _LABEL - 12), 0, y + 15, 13, "ink"),
            el("rect", {"class": "track", "x": _LABEL, "y": y + 3, "width": room, "height": 16, "rx": 4}),
            el("rect", {"class": "fill", "x": _LABEL, "y": y + 3, "width": long, "height": 16, "rx": 4}),
            _words(row[figure], _LABEL + room + 108, y + 15, 13, "ink end bold"),
        ]
    return parts, 26 + len(made.rows) * _ROW + 8


def _figures(result: Result, voice: Voice, columns: list[str]) -> tuple[list[Html], int]:
    made = grid(result.frame.slice(0, ROWS), result.about, voice.lang, columns)
    shown = [i for i, left in enumerate(made.left) if not left][:4]
    ends = [_LABEL + 150 * (k + 1) for k in range(len(shown))]
    parts = [_words(made.headings[i], end, 14, 12, "muted end") for i, end in zip(shown, ends, strict=True)]
    for k, row in enumerate(made.rows):
        y = 41 + k * _ROW
        parts.append(_words(_cut(_label(row, made.left), 13, _LABEL - 12), 0, y, 13, "ink"))
        parts += [
            _words(row[i], end, y, 13, "ink end bold" if i == shown[0] else "muted end")
            for i, end in zip(shown, ends, strict=True)
        ]
    return parts, 26 + len(made.rows) * _ROW + 8


def _figure(names: Sequence[str], left: Sequence[bool], bar: str) -> int | None:
    """Where the column of the bars stands: the one asked for, else the first figure that is no mere position."""
    if bar in names:
        return names.index(bar)
    found = [i for i, name in enumerate(names) if not left[i] and name not in ("step", "position")]
    return found[0] if found else None


def _label(row: Sequence[str], left: Sequence[bool]) -> str:
    return next((cell for cell, words in zip(row, left, strict=True) if words), row[0])


def _wrapped(words: str, size: int, room: float) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _long(longer, size) > room:
            lines.append(_cut(word, size, room))
        else:
            lines[-1] = _cut(longer, size, room)
    return lines


def _long(words: str, size: int) -> float:
    return plain.width(words) * size * _GLYPH


def _cut(words: str, size: int, room: float) -> str:
    if len(words) <= _LETTERS and _long(words, size) <= room:
        return words
    words = words[:_LETTERS]
    while words and _long(words + "…", size) > room:
        words = words[:-1]
    return words + "…"
