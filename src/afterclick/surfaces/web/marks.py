"""What can be done with a mark: the condition its cell stands for, the funnel it opens, what the click menu offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.core.condition_tree import quoted
from afterclick.core.spec import Spec
from afterclick.core.step import NAME_LIMIT, Step
from afterclick.surfaces.web.page import Page

FIELDS: Final = (
    "channel", "media", "source", "medium", "campaign", "term", "page_group", "path", "host", "device_type",
    "browser", "os", "event",
)  # fmt: skip
"""Fields a person filters by; any other can be written as a condition."""
ENTRY: Final = "Page Viewed"
GOAL: Final = "Order Completed"
"""Where a funnel that is opened from a mark begins and ends."""
_NOBODYS: Final = ("", "(none)", "(other)", "(rest)")


def named(cell: str) -> dict[str, str]:
    """A cell such as `stage=Attract;channel=email` by its words."""
    return {name: value for name, _, value in (part.partition("=") for part in cell.split(";")) if value}


def condition_of(cell: str, spec: Spec) -> str:
    """The condition that keeps to the cell: a field of events named in it, or the group of a breakdown; else nothing."""
    words = named(cell)
    by = str(getattr(spec, "by", "") or "")
    if by and words.get("group", "") not in _NOBODYS:
        return f"{by} == {quoted(words['group'])}"
    field = next((name for name in FIELDS if words.get(name, "") not in _NOBODYS), "")
    return f"{field} == {quoted(words[field])}" if field else ""


def step_of(cell: str) -> str:
    """The funnel step a cell stands for: an event by its name, or a page by its group; else nothing."""
    words = named(cell)
    point = words.get("touchpoint", "")
    if point.startswith("/"):
        return f"Page Viewed[page_group == {quoted(point)}]"
    name = point or words.get("event", "")
    return Step(event=name).text() if name.strip() and len(name) <= NAME_LIMIT else ""


def acts(cell: str, where: str, page: Page) -> Mapping[str, str]:
    """The data attributes from which the click menu is made; what a page cannot do is not offered."""
    made = {}
    if where and "where" in page.controls:
        made["data-where"] = where
    step = step_of(cell)
    if step:
        made["data-step"] = step
    return made | {f"data-{name}": value for name, value in settings(cell, page).items()}


def settings(cell: str, page: Page) -> dict[str, str]:
    """What the fields in `page.marks` would be set to by this cell: a rule for those that hold several, else a step.

    A field named `group` takes the folder of a page, `/help/*` of `/help/pay`.
    """
    point = named(cell).get("touchpoint", "")
    if not point.strip() or len(point) > NAME_LIMIT:
        return {}
    many = {field.name for field in page.kind.fields() if field.many}
    folder = point.rpartition("/")[0] if point.startswith("/") else ""
    found = {name: point if name in many else Step(event=point).text() for name in page.marks if name != "group"}
    return found | ({"group": f"{folder}/*"} if folder and "group" in page.marks else {})
