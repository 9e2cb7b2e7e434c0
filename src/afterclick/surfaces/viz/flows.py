"""Paths as columns of steps with the ways between them; every column has the same height, and what left is hatched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from afterclick.core.result import Result
from afterclick.surfaces.viz.markup import Child, Html, el, path, said
from afterclick.surfaces.viz.scales import linear
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]
Key = tuple[int, str, str]
"""A node: its column, its name, its type."""

WIDTH: Final = 196
"""A column with the way to the next one."""
BAR: Final = 12
HEIGHT: Final = 320.0
"""What all paths are high."""
SLOT: Final = 34.0
"""A node is given at least so much room, for its name and its number."""
HEAD: Final = 60
_GAP: Final = 6.0
_FEW: Final = 30
REST: Final = ("other", "left", "entry", "reached")


class Place(NamedTuple):
    """Where a node stands."""

    row: Row
    x: float
    y: float
    high: float


def flows(result: Result, rows: Sequence[Row], voice: Voice) -> Html:
    """The columns as one drawing that is scrolled sideways where it is broader than the page."""
    total = max(1, int(result.figures["paths"]))
    # Only paths that are looked at from their end have no column of channels.
    backward = all(row["column"] for row in rows)
    columns = sorted({int(row["column"]) for row in rows}, reverse=backward)
    places = _places(rows, columns, total)
    ribbons, more = _ribbons(result.parts["links"].to_pylist(), places, total, voice.prefix)
    nodes = [_node(place, result, voice) for place in places.values()]
    heads = [_head(head, columns, backward, result, voice) for head in result.parts["heads"].to_pylist()]
    high = max((place.y + max(place.high, SLOT) for place in places.values()), default=0.0) + 8
    wide = WIDTH * len(columns) + 8
    label = voice.text("paths.columns")
    drawn = el(
        "svg",
        {
            "class": "flows", "width": wide, "height": high, "viewBox": f"0 0 {wide} {int(high)}", "role": "group",
            "aria-label": label,
        },
        _hatch(voice.prefix), more, ribbons, nodes, heads,
    )  # fmt: skip
    return el("div", {"class": "scroll", "tabindex": 0, "role": "region", "aria-label": label}, drawn)


def _key(row: Row) -> Key:
    return int(row["column"]), str(row["node"]), str(row["type"])


def _places(rows: Sequence[Row], columns: Sequence[int], total: int) -> dict[Key, Place]:
    """Nodes below each other in the order of the answer; each as high as its share, and with room for its words."""
    places, floor = dict[Key, Place](), defaultdict[int, float](lambda: float(HEAD))
    for row in rows:
        if not row["paths"]:
            continue
        high = linear(row["paths"], total, HEIGHT, 1.5)
        column = int(row["column"])
        places[_key(row)] = Place(row, columns.index(column) * WIDTH + 4.0, floor[column], high)
        floor[column] += max(high, SLOT) + _GAP
    return places


def _ribbons(
    links: Sequence[Row], places: Mapping[Key, Place], total: int, prefix: str
) -> tuple[list[Html], list[Html]]:
    """The ways between nodes: what goes on, and what leaves; at either end they lie in the order of the other."""
    order = {key: number for number, key in enumerate(places)}
    found = []
    for link in links:
        near = (link["column"], link["from"], link["from_type"])
        far = (link["column"] + 1, link["to"], link["to_type"])
        if near not in places or far not in places:
            # Looked at from the end the earlier step stands in the further column.
            near = (link["column"] + 1, link["from"], link["from_type"])
            far = (link["column"], link["to"], link["to_type"])
        if near in places and far in places:
            found.append((near, far, link))
    out, into = defaultdict[Key, float](float), defaultdict[Key, float](float)
    ends: dict[int, tuple[float, float]] = {}
    ways = sorted(found, key=lambda one: (order[one[0]], order[one[1]]))
    for place, (near, _, link) in enumerate(ways):
        ends[place] = (out[near], 0.0)
        out[near] += linear(link["paths"], total, HEIGHT, 0.0)
    for place in sorted(range(len(ways)), key=lambda one: (order[ways[one][1]], order[ways[one][0]])):
        ends[place] = (ends[place][0], into[ways[place][1]])
        into[ways[place][1]] += linear(ways[place][2]["paths"], total, HEIGHT, 0.0)
    onward: list[Html] = []
    gone: list[Html] = []
    for place, (near, far, link) in enumerate(ways):
        made = _ribbon(places[near], places[far], *ends[place], linear(link["paths"], total, HEIGHT, 0.6), link, prefix)
        (gone if link["to_type"] == "left" else onward).append(made)
    return onward, gone


def _ribbon(one: Place, two: Place, leaves: float, lands: float, thick: float, link: Row, prefix: str) -> Html:
    left, right = one.x + BAR, two.x
    middle = (left + right) / 2
    top, end = one.y + leaves, two.y + lands
    lost, rest = link["to_type"] == "left", link["from_type"] in ("left", "entry", "reached")
    css = "gone" if lost or rest else "goal" if two.row["goal"] else ""
    return el(
        "path",
        {
            "class": f"way {css}".strip(), "fill": f"url(#{prefix}-left)" if css == "gone" else None,
            "data-ends": _mark(one) + _mark(two),
            "d": path("M", left, top, "C", middle, top, middle, end, right, end, "V", end + thick,
                      "C", middle, end + thick, middle, top + thick, left, top + thick, "Z"),
        },
    )  # fmt: skip


def _mark(place: Place) -> str:
    """A short name of a node for the script that lights its ways."""
    return f";{int(place.x)}.{int(place.y)};"


def _node(place: Place, result: Result, voice: Voice) -> Html:
    row, kind = place.row, str(place.row["type"])
    css = ["node"]
    if kind in ("left", "entry", "reached"):
        css.append("gone")
    elif row["goal"]:
        css.append("goal")
    if row["visitors"] < _FEW:
        css.append("thin")
    turned = _turned(row)
    if turned:
        css.append("more" if turned > 0 else "less")
    text = el(
        "foreignObject",
        {"x": place.x + BAR + 5, "y": place.y - 2, "width": WIDTH - BAR - 16, "height": SLOT},
        el("div", {"class": "said"}, _words(row, turned, result, voice)),
    )
    bar = el("rect", {"x": place.x, "y": place.y, "width": BAR, "height": place.high, "rx": 2})
    return el("g", {"class": " ".join(css), "data-node": _mark(place)}, bar, text)


def _turned(row: Row) -> int:
    """Whether the share is beyond chance larger (1) or smaller (−1) than on the other side of the comparison."""
    if row["low"] is None:
        return 0
    return 1 if row["low"] > 0 else -1 if row["high"] < 0 else 0


def _words(row: Row, turned: int, result: Result, voice: Voice) -> list[Child]:
    title = name_of(row, voice)
    share = voice.rate(row["share_rate"], whole=True) if row["share_rate"] is not None else ""
    parts: list[Child] = [voice.mark(voice.number(row["visitors"]), cell_of(row), tip=_tip(row, voice)), f" · {share}"]
    if result.figures["unit"] == "sessions":
        people = voice.mark(voice.text("paths.people", n=row["visitors"]), cell_of(row), tip=_tip(row, voice) or share)
        parts = [voice.number(row["paths"]), " · ", people]
    sign = {1: " ▲", -1: " ▼"}.get(turned, "")
    return [
        el("b", {"title": title if len(title) > 22 else None}, "⚑ " if row["goal"] else None, said(title)),
        el("span", None, parts, el("i", {"title": _beside(row, voice)}, sign) if sign else None),
    ]


def _beside(row: Row, voice: Voice) -> str:
    return voice.text("paths.beside", before=row["previous_share_rate"], points=voice.points(row["difference"]))


def _tip(row: Row, voice: Voice) -> str | None:
    return _beside(row, voice) if row["difference"] is not None else None


def name_of(row: Row, voice: Voice) -> str:
    """What a node is called: a channel and the rest by the catalogue, a touchpoint by its name."""
    kind = str(row["type"])
    if kind == "channel":
        return voice.name("channel", row["node"])
    if kind == "other" and "merged" not in row:
        word = voice.text("paths.other_word")
        return word[:1].upper() + word[1:]
    return voice.text(f"paths.{kind}", n=row.get("merged") or 0) if kind in REST else str(row["node"])


def cell_of(row: Row) -> str:
    """The cell behind a node."""
    kind = str(row["type"])
    word = kind if kind in REST else f"{'channel' if kind == 'channel' else 'touchpoint'}={row['node']}"
    return f"column={row['column']};{word}"


def heading(column: int, backward: bool, of: str, voice: Voice) -> str:
    """`Arrived by`, `1st page`, `2nd`: what a column is."""
    if column == 0:
        return voice.text("paths.arrived")
    if backward:
        return voice.text("paths.the_end") if column == 1 else voice.text("paths.before_end", n=column - 1)
    return voice.text("paths.page_n" if of == "pages" else "paths.step_n", n=column)


def _head(head: Row, columns: Sequence[int], backward: bool, result: Result, voice: Voice) -> Html:
    x = columns.index(int(head["column"])) * WIDTH + 4
    title = heading(int(head["column"]), backward, str(result.figures["of"]), voice)
    adds = voice.text("paths.sum_entry" if backward else "paths.sum", here=head["here"], over=head["over"])
    return el(
        "foreignObject",
        {"x": x, "y": 0, "width": WIDTH - 10, "height": HEAD - 4},
        el("div", {"class": "said"}, el("b", None, title), el("b", None, voice.number(head["paths"])), el("span", None, adds)),
    )


def _hatch(prefix: str) -> Html:
    return el(
        "pattern",
        {"id": f"{prefix}-left", "width": 6, "height": 6, "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"},
        el("rect", {"class": "ground", "width": 6, "height": 6}),
        el("path", {"class": "hatch", "d": path("M", 0, 0, "V", 6)}),
    )
