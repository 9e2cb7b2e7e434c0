"""Contrast and distances of colours, computed from the style sheet itself."""

from __future__ import annotations

import itertools
import re

import pytest

from afterclick.surfaces.viz import styles

TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+):light-dark\((#[0-9a-f]{6}),(#[0-9a-f]{6})\)", styles.stylesheet()
    )
}
THEMES = (0, 1)
_MACHADO_DEUTAN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881))


def linear(colour: str) -> list[float]:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]


def contrast(a: str, b: str) -> float:
    light, dark = sorted(
        (sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(each), strict=True)) for each in (a, b)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def oklab(rgb: list[float]) -> list[float]:
    """Ottosson 2020."""
    r, g, b = (max(0.0, value) for value in rgb)
    long, medium, short = (
        (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3),
        (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3),
        (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3),
    )
    return [
        0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short,
    ]


def deuteranope(rgb: list[float]) -> list[float]:
    return [sum(m * c for m, c in zip(row, rgb, strict=True)) for row in _MACHADO_DEUTAN]


def test_the_tokens_are_those_of_the_design() -> None:
    assert TOKENS["bg"] == ("#f6f7f9", "#0f1216")
    assert TOKENS["accent"] == ("#0b62d6", "#6ea8ff")
    assert [TOKENS[f"s{i}"] for i in range(4)] == [
        ("#1d4dac", "#3a93ee"),
        ("#2da599", "#64ded2"),
        ("#cb7600", "#f6a93e"),
        ("#722850", "#b5698c"),
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *itertools.product(("ink", "muted", "good", "bad", "accent"), ("bg", "panel", "soft")),
        *((f"t{i}", f"s{i}") for i in range(7)),
        ("on-accent", "accent"),
        ("on-medium", "medium"),
        ("on-high", "high"),
        ("panel", "ink"),
    ],
)
def test_text_can_be_read(theme: int, ink: str, ground: str) -> None:
    assert contrast(TOKENS[ink][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_stages_can_be_told_apart(theme: int) -> None:
    for see in (lambda rgb: rgb, deuteranope):
        seen = [oklab(see(linear(TOKENS[f"s{i}"][theme]))) for i in range(4)]
        for a, b in itertools.combinations(seen, 2):
            assert 100 * sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 >= 15


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["fill", *(f"s{i}" for i in range(4))])
def test_marks_stand_out_from_the_panel(theme: int, name: str) -> None:
    assert contrast(TOKENS[name][theme], TOKENS["panel"][theme]) >= 3
