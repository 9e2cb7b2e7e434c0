"""Texts as numbers: equal texts, equal hashes; order by words is order by bytes; a hash only makes a candidate."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.store import ids

TEXTS = st.lists(st.text(st.sampled_from("ab\0é가😀"), max_size=20), max_size=40)


def array(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.string())


@given(TEXTS)
def test_the_order_by_words_is_the_order_of_the_bytes_inside_a_group(texts) -> None:
    groups = np.sort(np.array([len(text) % 3 for text in texts], np.int64))
    order = ids.order_within(groups, array(texts))
    wanted = sorted(range(len(texts)), key=lambda i: (groups[i], texts[i].encode()))
    assert [(groups[i], texts[i]) for i in order] == [(groups[i], texts[i]) for i in wanted]


@given(TEXTS)
def test_the_tie_is_the_first_eight_bytes_big_endian(texts) -> None:
    wanted = [int.from_bytes(text.encode()[:8].ljust(8, b"\0"), "big") for text in texts]
    assert ids.tie(array(texts)).tolist() == wanted


@given(TEXTS, st.booleans())
def test_equal_texts_have_equal_hashes_in_every_form_of_array(texts, coded) -> None:
    hashes = ids.hash64(array(texts))
    by_text = dict(zip(texts, hashes.tolist(), strict=True))
    assert len(set(by_text.values())) == len(by_text)
    split = pa.chunked_array([array(texts[:3]), array(texts[3:])])
    for other in (
        split,
        pa.array(texts, pa.large_string()),
        array([*"xyz", *texts]).slice(3),
        array(texts).dictionary_encode(),
    ):
        assert ids.hash64(other).tolist() == hashes.tolist()


def test_hashes_are_those_of_this_format() -> None:
    # Worked out with Python's integers. They are stored in every piece: to change them is to change its format.
    wanted = [0, 17132525890710531426, 17466072771801610635]
    assert ids.hash64(array(["", "a", "0123456789"])).tolist() == wanted


@given(TEXTS, TEXTS, st.integers(0, 8))
def test_the_first_row_is_found_even_where_hashes_collide(stored, wanted, bits) -> None:
    mask = np.uint64(2**bits - 1)
    index = ids.HashIndex.build(ids.hash64(array(stored)) & mask)

    def equal(which, rows):
        return np.array([wanted[i] == stored[row] for i, row in zip(which, rows, strict=True)], bool)

    found = index.find(ids.hash64(array(wanted)) & mask, equal)
    assert found.tolist() == [stored.index(text) if text in stored else -1 for text in wanted]


@given(TEXTS, TEXTS)
def test_a_merged_index_is_the_index_of_both(one, other) -> None:
    second = ids.HashIndex.build(ids.hash64(array(other)))
    shifted = ids.HashIndex(second.hashes, second.rows + np.int32(len(one)))
    merged = ids.HashIndex.build(ids.hash64(array(one))).merge(shifted)
    whole = ids.HashIndex.build(ids.hash64(array(one + other)))
    assert merged.hashes.tolist() == whole.hashes.tolist()
    assert merged.rows.tolist() == whole.rows.tolist()


def test_a_missing_text_is_refused() -> None:
    with pytest.raises(ValueError, match="1 texts are missing"):
        ids.hash64(pa.array(["a", None]))
