"""Code books: dense codes at first sight, found again, never changed."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from afterclick.store import books
from afterclick.store.books import Book, Books

TEXTS = st.lists(st.none() | st.text(max_size=12), max_size=30)


class BookAgainstDict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.book = Book("b", [pa.array(["first", "second"])])
        self.model = {"first": 0, "second": 1}

    @rule(texts=TEXTS, few=st.booleans())
    def extend(self, texts, few) -> None:
        before = books._FEW
        books._FEW = 1000 if few else 0
        try:
            codes = self.book.extend(pa.array(texts, pa.string()))
        finally:
            books._FEW = before
        for text in texts:
            if text is not None:
                self.model.setdefault(text, len(self.model))
        assert codes.tolist() == [-1 if text is None else self.model[text] for text in texts]

    @rule(texts=TEXTS, chunked=st.booleans())
    def look_up(self, texts, chunked) -> None:
        given_texts = pa.array(texts, pa.string())
        asked = pa.chunked_array([given_texts[:2], given_texts[2:]]) if chunked else given_texts
        assert self.book.codes(asked).tolist() == [self.model.get(text, -1) for text in texts]

    @invariant()
    def values_are_the_texts(self) -> None:
        assert self.book.size == len(self.model)
        assert self.book.all.to_pylist() == list(self.model)
        codes = np.arange(-1, len(self.model))[::-1]
        assert self.book.values(codes).to_pylist() == [*list(self.model)[::-1], None]


TestBookAgainstDict = BookAgainstDict.TestCase
TestBookAgainstDict.settings = settings(max_examples=40, stateful_step_count=15)


@given(st.lists(st.lists(st.text(max_size=8), max_size=20), max_size=5))
def test_parts_saved_one_by_one_make_the_same_book(batches) -> None:
    one = Books()
    parts = []
    for batch in batches:
        one.mark()
        one.book("x").extend(pa.array(batch, pa.string()))
        parts.append(one.added().get("x", pa.array([], pa.string())))
    again = Book("x", parts)
    assert again.all.to_pylist() == one.book("x").all.to_pylist()
    texts = pa.array(sorted({text for batch in batches for text in batch}), pa.string())
    assert again.codes(texts).tolist() == one.book("x").codes(texts).tolist()


def test_many_texts_in_a_large_book_are_found_by_index_and_by_scan() -> None:
    texts = pa.array([f"text {number:05d}" for number in range(5000)])
    book = Book("x", [texts[:3000], texts[3000:]])
    asked = pa.array(["text 04999", "nothing", "text 00000", "text 04999", None])
    assert book.codes(asked).tolist() == [4999, -1, 0, 4999, -1]
    assert book.codes(texts).tolist() == list(range(5000))
    assert book.codes(asked).tolist() == [4999, -1, 0, 4999, -1]
    assert (book.code("text 00007"), book.code("no")) == (7, -1)


def test_initials_are_the_first_bytes_of_all_parts() -> None:
    book = Book("id", [pa.array(["x", "a:1", "", "u:가"]).slice(1), pa.array([], pa.string()), pa.array(["가", "e:"])])
    book.extend(pa.array(["z:"]))
    first = book.initials()
    assert [text.encode()[0] for text in book.all.to_pylist() if text] == [
        code for code, text in zip(first.tolist(), book.all.to_pylist(), strict=True) if text
    ]
    assert (len(first), first.dtype) == (6, np.uint8)
    assert len(Book("id").initials()) == 0
    assert len(Book("id", [pa.array([""])]).initials()) == 1


def test_a_code_never_given_is_refused() -> None:
    with pytest.raises(IndexError, match="has no code 1"):
        Book("x", [pa.array(["a"])]).values(np.array([1]))


def test_an_unused_name_is_an_empty_book_and_adds_nothing() -> None:
    registry = Books()
    assert registry.book("x").codes(pa.array(["a"])).tolist() == [-1]
    assert (registry.names, registry.added()) == ((), {})
