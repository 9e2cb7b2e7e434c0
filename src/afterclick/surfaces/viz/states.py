"""What stands where a card has no answer: no data at all, none in this range, an error, or not yet."""

from __future__ import annotations

from collections.abc import Sequence

from afterclick.core.errors import AfterclickError
from afterclick.surfaces.viz.lanes import COLOURS
from afterclick.surfaces.viz.markup import Html, el, join
from afterclick.surfaces.viz.river import Reach, river
from afterclick.surfaces.viz.voice import Voice

_COMMANDS = (
    ("empty.example", "afterclick demo"),
    ("empty.import", "afterclick import --store shop events.csv"),
    ("empty.folder", "afterclick import --store shop exports/*.parquet"),
    ("empty.live", "afterclick serve --store shop"),
)


def no_data(voice: Voice) -> Html:
    """Nothing came in yet: the four shortest ways to change that, over an empty map without figures."""
    ways = [
        el("li", None, el("span", None, voice.text(name)), el("code", {"data-copy": True, "tabindex": 0}, command))
        for name, command in _COMMANDS
    ]
    return el(
        "section",
        {"class": "empty"},
        _picture(voice),
        el(
            "div",
            {"class": "panel card"},
            el("h2", None, voice.text("empty.title")),
            el("p", None, voice.text("empty.what")),
            el("ol", {"class": "commands"}, ways),
        ),
    )


def _picture(voice: Voice) -> Html:
    """A drawing of the map to come: shapes only, so that no invented number can be quoted."""
    shape = [Reach(100, 40, 0, 60), Reach(40, 12, 0, 28), Reach(12, 5, 0, 7), Reach(5, 0, 0, 5)]
    chevrons = [el("div", {"class": f"chevron s{i % COLOURS}"}) for i in range(len(shape))]
    drawn = river(shape, label=voice.text("empty.picture"), prefix=f"{voice.prefix}-empty")
    return el(
        "div", {"class": "panel picture"}, el("div", {"class": "chevrons", "aria-hidden": "true"}, chevrons), drawn
    )


def none_here(voice: Voice, ways: Sequence[tuple[str, str]]) -> Html:
    """Nothing in this range or filter: links that widen it."""
    return el(
        "section",
        {"class": "panel card state"},
        el("h2", None, voice.text("empty.none_title")),
        el("p", None, voice.text("empty.none_what")),
        el("p", {"class": "actions"}, [el("a", {"class": "button", "href": href}, label) for label, href in ways]),
    )


def error(problem: AfterclickError | None, voice: Voice, *, request: str, retry: str) -> Html:
    """One sentence, what to do, the request's id, Retry; `None` is a fault of ours, whose text stays in the log."""
    message = voice.text("errors.ours") if problem is None else problem.say(voice.lang)
    hint = voice.text("errors.ours_hint") if problem is None else problem.advise(voice.lang)
    return el(
        "section",
        {"class": "panel card state error", "role": "alert"},
        el("h2", None, voice.text("errors.card")),
        el("p", None, message),
        el("p", {"class": "caption"}, hint) if hint else None,
        el("p", {"class": "caption"}, voice.text("errors.request", id=request)),
        el("p", {"class": "actions"}, el("a", {"class": "button", "href": retry}, voice.text("errors.retry"))),
    )


def skeleton(source: str, patient: str, voice: Voice) -> Html:
    """A card that is still computed: fetched by the script, or by the link where none runs."""
    blocks = join(el("div", {"class": f"bone b{i}"}) for i in range(2))
    return el(
        "div",
        {"class": "skeleton", "data-src": source, "aria-busy": "true"},
        el("p", {"class": "caption", "role": "status"}, voice.text("frame.loading")),
        blocks,
        el("noscript", None, el("a", {"class": "button", "href": patient}, voice.text("frame.wait"))),
    )
