"""Words and phrases of what people wrote, and which of them low scores go with more often than others do."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.analyse.feedback.answers import Answers
from afterclick.core.multiplicity import benjamini_hochberg
from afterclick.core.odds import odds_ratios

FALSE_RATE: Final = 0.05
LEAST_EXPECTED: Final = 5
"""Answers that chance alone must give each cell of a tested table (Cochran 1954); rarer words are counted, not tested."""

_PART: Final = re.compile(r"[.!?…。,;:()\[\]\"“”\n]+")
_TOKEN: Final = re.compile(r"[가-힣]+|[^\W_가-힣]+(?:['’][^\W_가-힣]+)?")
_HANGUL: Final = re.compile(r"[가-힣]+")


def _listed(*lines: str) -> list[str]:
    return [word for line in lines for word in line.split()]


_ENDINGS: Final = _listed(
    "은 는 이 가 을 를 에 의 도 만 로 와 과 랑 으로 이랑 에서 에게 까지 부터 하고 보다 처럼 마다 조차 밖에",
    "에서는 에서도 에게는 으로는 이라도 라도 이나 에는 에도 한테",
)
_PARTICLES: Final = tuple(sorted(_ENDINGS, key=len, reverse=True))
"""Endings of Korean nouns, the longest first. They are cut where two syllables or more are left; endings of verbs stay."""

_STOP: Final = frozenset(
    _listed(
        "a an the and or but so of to in on at for from by with as is am are was were be been being it its it's i i'm me my",
        "we our us you your he she they them their this that these those there here do does did have has had will would",
        "can could should just very really too also than then when which who what how if because about into out up",
        "그 이 저 것 수 때 좀 더 너무 정말 진짜 아주 그냥 그리고 그런데 그래서 하지만 제가 저는 제 있는 있어요",
        "있습니다 하는 합니다 해요 했어요 했습니다 입니다 이에요 예요",
    )
)
"""Words that carry nothing by themselves. No, not and their like are none of them."""


def schema(side: str) -> pa.Schema:
    """The columns of a table that sets the answers of one side beside the others'."""
    counts = ("answers", "visitors", side, "rest")
    floats = (f"{side}_share_rate", "rest_share_rate", "odds_ratio", "odds_low", "odds_high", "p_value", "q_value")
    return pa.schema(
        [
            ("wording", pa.string()), ("phrase", pa.bool_()), *((name, pa.int64()) for name in counts),
            *((name, pa.float64()) for name in floats), ("significant", pa.bool_()), ("direction", pa.string()),
        ]
    )  # fmt: skip


def terms_of(text: str) -> frozenset[str]:
    """The words of a text and its phrases of two words that stand side by side.

    Case and form (NFC) do not matter. Korean is cut at spaces, and particles behind nouns are taken off (배송이 and 배송은
    are 배송); what verbs are turned into stays as it is written.
    """
    found: set[str] = set()
    for part in _PART.split(unicodedata.normalize("NFC", text).casefold()):
        words = [_stem(token) for token in _TOKEN.findall(part)]
        found.update(word for word in words if len(word) > 1 and word not in _STOP and not word.isdecimal())
        for one, other in pairwise(words):
            if not {one, other} & _STOP and not (one + other).isdecimal() and len(one) + len(other) > 2:
                found.add(f"{one} {other}")
    return frozenset(found)


def _stem(token: str) -> str:
    if not _HANGUL.fullmatch(token):
        return token
    for ending in _PARTICLES:
        if token.endswith(ending) and len(token) - len(ending) >= 2:
            return token[: -len(ending)]
    return token


class Terms(NamedTuple):
    """Which answers hold a term: `places` of answers by term."""

    places: dict[str, np.ndarray]

    def visitors(self, answers: Answers, term: str) -> np.ndarray:
        """Labels of the visitors who wrote it, ascending."""
        found = np.unique(answers.visitor[self.places[term]])
        result: np.ndarray = found[found >= 0].astype(np.int64)
        return result


def terms_in(answers: Answers, places: np.ndarray, by_text: Sequence[frozenset[str]]) -> Terms:
    """The terms of these answers; `by_text` holds those of each text. Words that
    stand in the very same texts are told once."""
    text = answers.text[places]
    order = np.argsort(text, kind="stable")
    edges = np.searchsorted(text[order], np.arange(len(by_text) + 1))
    rows: dict[str, list[int]] = defaultdict(list)
    for code in np.unique(text[text >= 0]).tolist():
        for term in by_text[code]:
            rows[term].append(code)
    # Of words that always stand together one is told: a phrase before a word, then the first by the alphabet.
    first: dict[tuple[int, ...], str] = {}
    for term in sorted(rows, key=lambda term: (" " not in term, term)):
        first.setdefault(tuple(rows[term]), term)
    kept = {term: list(codes) for codes, term in first.items()}
    return Terms(
        {
            term: places[np.sort(np.concatenate([order[edges[code] : edges[code + 1]] for code in codes]))]
            for term, codes in kept.items()
        }
    )


class Sides(NamedTuple):
    """Which answers stand on either side, bool each; `name` is what the first one is called in the table."""

    name: str
    one: np.ndarray
    others: np.ndarray


def compared(answers: Answers, places: np.ndarray, found: Terms, sides: Sides, top: int) -> pa.Table:
    """The commonest terms, those that tell the sides apart first; columns of `schema`.

    Of the answers with words on either side, a 2x2 table per term: the sides, with it and without; odds ratio as
    `core.odds` has it, q-values over all that were tested. `answers` also counts those that stand on no side.
    """
    written = places[answers.text[places] >= 0]
    totals = int(sides.one[written].sum()), int(sides.others[written].sum())
    rows = [_row(term, here, answers, found, sides, totals) for term, here in found.places.items()]
    tested = [row for row in rows if _enough(row[sides.name], row["rest"], *totals)]
    if tested:
        cells = np.array(
            [
                (row[sides.name], totals[0] - row[sides.name], row["rest"], totals[1] - row["rest"])
                for row in tested
            ]
        )
        odds = odds_ratios(*cells.T)
        q_values = benjamini_hochberg(odds.p)
        for i, row in enumerate(tested):
            row |= {
                "odds_ratio": float(odds.ratio[i]), "odds_low": float(odds.low[i]), "odds_high": float(odds.high[i]),
                "p_value": float(odds.p[i]), "q_value": float(q_values[i]), "significant": bool(q_values[i] <= FALSE_RATE),
            }  # fmt: skip
            if row["significant"]:
                row["direction"] = sides.name if row["odds_ratio"] > 1 else "rest"
    rows.sort(key=lambda row: (not row["significant"], -row["visitors"], -row["answers"], not row["phrase"], row["wording"]))
    return pa.Table.from_pylist(rows[:top], schema=schema(sides.name))


def _row(
    term: str, here: np.ndarray, answers: Answers, found: Terms, sides: Sides, totals: tuple[int, int]
) -> dict[str, Any]:
    one, others = int(sides.one[here].sum()), int(sides.others[here].sum())
    return {
        "wording": term, "phrase": " " in term, "answers": len(here), "visitors": len(found.visitors(answers, term)),
        sides.name: one, "rest": others, f"{sides.name}_share_rate": one / totals[0] if totals[0] else None,
        "rest_share_rate": others / totals[1] if totals[1] else None, "significant": False, "direction": "none",
    }  # fmt: skip


def _enough(one: int, others: int, every_one: int, every_other: int) -> bool:
    """Would chance alone give each cell of the table enough answers?"""
    every, held = every_one + every_other, one + others
    return bool(every) and min(held, every - held) * min(every_one, every_other) / every >= LEAST_EXPECTED
