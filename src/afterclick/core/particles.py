"""Korean particles chosen by how the word before them ends."""

from __future__ import annotations

import unicodedata
from typing import Final

_PAIRS: Final = (("을", "를"), ("이", "가"), ("은", "는"), ("과", "와"), ("으로", "로"))
PARTICLES: Final = {form: pair for pair in _PAIRS for form in pair}
"""Either form of a particle -> (after a final consonant, after a vowel)."""

_FIRST, _LAST, _FINALS = 0xAC00, 0xD7A3, 28
_RIEUL: Final = 8


def with_particle(word: str, particle: str) -> str:
    """The word with its particle: 방문자를, 세션을. KeyError unless `particle` is a form of a known pair."""
    return word + particle_after(word, particle)


def particle_after(word: str, particle: str) -> str:
    """The form that follows the word; both, as in CVR이(가), where its reading is unknown (Latin, digits).

    Closing quotes and brackets are looked through. The final consonant of a syllable is its code less 0xAC00,
    modulo 28; ㄹ takes 로.
    """
    closed, opened = PARTICLES[particle]
    last = next((char for char in reversed(unicodedata.normalize("NFC", word)) if char.isalnum()), "")
    if not last or not _FIRST <= ord(last) <= _LAST:
        return "(으)로" if opened == "로" else f"{closed}({opened})"
    final = (ord(last) - _FIRST) % _FINALS
    return opened if final == 0 or (opened == "로" and final == _RIEUL) else closed
