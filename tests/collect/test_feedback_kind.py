"""Surveys and reviews as files: columns are guessed, places and people found, personal data in free text never stored."""

from __future__ import annotations

from pathlib import Path

import pytest

import afterclick
from afterclick import Feedback

WHOLE = {"range": "all", "compare": "none"}

NPS = """response_id,submitted_at,user_id,nps_score,comment,page_url
1,2026-03-03T00:00:00Z,u1,9,write to me: kim@mail.example,https://shop.example/checkout
2,2026-03-03T01:00:00Z,u2,3,전화 주세요 010-1234-5678,https://shop.example/cart
3,2026-03-03T02:00:00Z,u3,7,,
"""
REVIEWS = """작성일,이메일,상품번호,평점,내용
2026-03-03,a@shop.example,P1,★★★★☆,카드 4111-1111-1111-1111 로 결제했어요
2026-03-04,b@shop.example,P1,1점,별로예요
"""
LINES = '{"submitted_at":"2026-03-05T00:00:00Z","user_id":"u9","rating":4,"max_score":5,"review_text":"900101-1234567 fine"}\n'


def brought(folder: Path, **files: str) -> afterclick.Workspace:
    workspace = afterclick.open(folder / "store", write=True, create=True)
    for name, text in files.items():
        path = folder / name.replace("_", ".")
        path.write_text(text, encoding="utf-8")
        workspace.import_files([path], kind="feedback")
    return workspace


def test_answers_of_files_are_feedback_with_their_scales(tmp_path):
    with brought(tmp_path, nps_csv=NPS, reviews_csv=REVIEWS) as workspace:
        rows = {row["value"]: row for row in workspace.ask(Feedback(**WHOLE)).frame.to_pylist()}
        places = {row["value"] for row in workspace.ask(Feedback(**WHOLE, by="touchpoint")).frame.to_pylist()}
        items = {row["value"]: row["score"] for row in workspace.ask(Feedback(**WHOLE, by="item")).frame.to_pylist()}
    assert {name: (row["answers"], row["scale"], row["nps"]) for name, row in rows.items()} == {
        "NPS": (3, 10.0, 0.0),
        "review": (2, 5.0, None),
    }
    assert places == {"/checkout", "/cart", "(none)"}
    assert items["P1"] == 2.5


@pytest.mark.parametrize(
    ("secret", "files"),
    [
        ("kim@mail.example", {"nps_csv": NPS}),
        ("1234-5678", {"nps_csv": NPS}),
        ("4111-1111", {"reviews_csv": REVIEWS}),
        ("1234567", {"lines_jsonl": LINES}),
    ],
)
def test_personal_data_in_comments_is_masked_before_it_is_stored(tmp_path, secret, files):
    with brought(tmp_path, **files) as workspace:
        columns = [workspace.context().texts(f"p.{name}") for name in ("comment",)]
        found = workspace.ask(Feedback(**WHOLE))
    assert any("[" in text for texts in columns for text in texts)
    assert not any(secret in text for texts in columns for text in texts)
    assert not any(secret in str(row["text"]) for row in found.parts["quotes"].to_pylist())
    stored = b"".join(path.read_bytes() for path in sorted((tmp_path / "store").rglob("*")) if path.is_file())
    assert secret.encode() not in stored


def test_the_same_file_twice_adds_nothing(tmp_path):
    with brought(tmp_path, nps_csv=NPS) as workspace:
        again = workspace.import_files([tmp_path / "nps.csv"], kind="feedback")
        assert workspace.ask(Feedback(**WHOLE)).figures["given"] == 3
    assert again.stored == 0
