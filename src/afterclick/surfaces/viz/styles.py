"""The styles a drawing needs and no more, so that a card in a notebook or a file stays small."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from importlib import resources
from typing import Final, NamedTuple

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.S)
_SECTION: Final = re.compile(r"/\* == ([a-z_]+) ==.*?\*/", re.S)
_CLASS: Final = re.compile(r"\.(-?[_a-zA-Z][\w-]*)")
_OPTIONAL: Final = re.compile(r":(?:is|not|has|where|nth-child|nth-of-type|lang)\((?:[^()]|\([^()]*\))*\)")
_WORN: Final = re.compile(r'\sclass="([^"]*)"')
_HOSTS: Final = frozenset({"ac", "vscode-dark", "vscode-light"})
"""Classes that the place around a card wears, not the card."""
_COLOUR: Final = re.compile(r"--([a-z0-9-]+):light-dark\((#[0-9a-f]{6}),(#[0-9a-f]{6})\)")


class Rule(NamedTuple):
    """One rule: its selector (or at-rule) and what stands between the braces."""

    head: str
    body: str


@functools.cache
def stylesheet() -> str:
    """The styles of the views; every rule stands under `.ac`."""
    return (resources.files("afterclick.surfaces.viz") / "viz.css").read_text("utf-8")


def sections() -> tuple[str, dict[str, str]]:
    """The styles that every page needs, and those of single pages by the name in their `/* == name == … */`."""
    core, *rest = _SECTION.split(stylesheet())
    return core, dict(zip(rest[::2], rest[1::2], strict=True))


@functools.cache
def palette() -> dict[str, tuple[str, str]]:
    """The colours by their names, in light and in dark: `bad` is `("#a50f35", "#ff7a97")`."""
    return {name: (light, dark) for name, light, dark in _COLOUR.findall(stylesheet())}


def rules(css: str) -> Iterator[Rule]:
    """The outermost rules of a stylesheet without comments. Raises ValueError where braces do not match."""
    css = _COMMENT.sub("", css)
    start = depth = opened = 0
    for i, sign in enumerate(css):
        if sign == "{":
            if not depth:
                opened = i
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth < 0:
                break
            if not depth:
                yield Rule(css[start:opened].strip(), css[opened + 1 : i].strip())
                start = i + 1
    if depth or css[start:].strip():
        raise ValueError("a stylesheet whose braces do not match")


def worn(markup: str) -> frozenset[str]:
    """The classes that the elements of some markup carry."""
    return frozenset(name for names in _WORN.findall(markup) for name in names.split())


def used(css: str, markup: str) -> str:
    """The rules of `css` that can apply to `markup`: those one of whose selectors asks for no class it lacks."""
    return _kept(css, worn(markup) | _HOSTS)


def _kept(css: str, classes: frozenset[str]) -> str:
    lines = []
    for rule in rules(css):
        if rule.head.startswith(("@media", "@supports")):
            inner = _kept(rule.body, classes)
            if inner:
                lines.append(f"{rule.head}{{{inner}}}")
        elif rule.head.startswith("@"):
            lines.append(f"{rule.head}{{{rule.body}}}")
        else:
            heads = [head for head in selectors(rule.head) if _asks(head) <= classes]
            if heads:
                lines.append(f"{','.join(heads)}{{{rule.body}}}")
    return "\n".join(lines)


def selectors(head: str) -> list[str]:
    """The selectors of a list, split at the commas that stand in no parentheses or brackets."""
    found, depth, start = [], 0, 0
    for i, sign in enumerate(head):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            found.append(head[start:i].strip())
            start = i + 1
    return [*found, head[start:].strip()]


def _asks(selector: str) -> frozenset[str]:
    # What stands in :is(), :not() and their like is one of several, or unwanted: it is not asked for.
    return frozenset(_CLASS.findall(_OPTIONAL.sub("", selector)))
