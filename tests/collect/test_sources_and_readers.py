"""What can be opened and how it is cut into rows, and what is refused before anything is stored."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from afterclick.collect.chunks import BadRow, Reader
from afterclick.collect.decoding import Utf8Stream, original_bytes
from afterclick.collect.readers import open_source
from afterclick.collect.sources import find
from afterclick.core.errors import InputError

Write = Callable[..., Path]


def one(path: object, encoding: str = "") -> Reader:
    readers, _ = open_source(path, encoding)
    (reader,) = readers
    return reader


def rows(reader: Reader, size: int = 1000) -> tuple[list[int], list[dict[str, object]], list[BadRow]]:
    chunks = list(reader.chunks(size))
    numbers = [int(number) for chunk in chunks for number in chunk.rows]
    cells = [row for chunk in chunks for row in chunk.table.to_pylist()]
    return numbers, cells, [bad for chunk in chunks for bad in chunk.bad]


HEAD = "id,ts,event,note\n"
KOREAN = "이벤트,시간\n구매완료,2025-01-01 10:00\n장바구니,2025-01-01 10:05\n"


@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp949", "cp949"), ("utf-16", "utf-16-le")]
)
def test_encodings_are_recognised(write: Write, encoding: str, told: str) -> None:
    reader = one(write("a.csv", KOREAN, encoding))
    _, cells, bad = rows(reader)
    assert reader.columns == ("이벤트", "시간")
    assert [row["이벤트"] for row in cells] == ["구매완료", "장바구니"]
    assert (bad, reader.encoding) == ([], told)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised_by_its_latin_header(write: Write, encoding: str) -> None:
    reader = one(write("a.csv", "event,time\n구매,1\n", encoding))
    assert rows(reader)[1] == [{"event": "구매", "time": "1"}]
    assert reader.encoding == encoding


def test_case_94_cp949_is_noticed_where_korean_first_appears_far_down(write: Write) -> None:
    text = "event,t\n" + "view,1\n" * 400_000 + "구매완료,2\n"
    reader = one(write("late.csv", text, "cp949"))
    numbers, cells, bad = rows(reader, 10**6)
    assert (len(numbers), cells[-1], bad) == (400_001, {"event": "구매완료", "t": "2"}, [])
    assert reader.encoding == "cp949"


def test_a_stated_encoding_is_believed(write: Write) -> None:
    path = write("latin.csv", "event,stadt\nkauf,Köln\n", "cp1252")
    assert rows(one(path, "cp1252"))[1] == [{"event": "kauf", "stadt": "Köln"}]


def test_bytes_that_are_no_text_come_through_with_their_row(write: Write) -> None:
    good = "구매완료,장바구니\n" * 20
    reader = one(write("mixed.csv", b"a,b\n" + good.encode() + b"x,\xff\xfe!\n" + good.encode()))
    chunk = next(reader.chunks(1000))
    assert chunk.damaged is True
    broken = chunk.table.column("b")[20].as_py()
    assert original_bytes(broken, "utf-8") == b"\xff\xfe!"
    assert chunk.table.num_rows == 41


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_become_valid_text_and_can_be_had_back(content: bytes, size: int) -> None:
    import io

    try:
        stream = Utf8Stream(io.BytesIO(content), "x", "utf-8")
    except InputError:
        return
    with io.BufferedReader(stream, size) as buffered:
        text = buffered.read().decode()
    expected = content.removeprefix(b"\xef\xbb\xbf")
    assert original_bytes(text, "utf-8") == expected


@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.txt", "\t"), ("a.tsv", "\t"), ("a.psv", "|")]
)
def test_delimiters_are_found(write: Write, name: str, delimiter: str) -> None:
    text = HEAD.replace(",", delimiter) + delimiter.join(["1", "t", '"x, y; z"', ""]) + "\n"
    assert rows(one(write(name, text)))[1] == [{"id": "1", "ts": "t", "event": "x, y; z", "note": None}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_quoted_line_ends(write: Write, end: str) -> None:
    text = HEAD + '1,t,a,"two\nlines, ""quoted"""\n2,t,b,6" pipe\n3,t,c,'
    _, cells, bad = rows(one(write("a.csv", text.replace("\n", end))))
    assert [row["note"] for row in cells] == ['two\nlines, "quoted"'.replace("\n", end), '6" pipe', None]
    assert bad == []


def test_backslash_escapes_are_noticed(write: Write) -> None:
    text = "id,data\n" + "".join(f'{n},"{{\\"a\\": {n}, \\"b\\": 2}}"\n' for n in range(5))
    cells = rows(one(write("a.csv", text)))[1]
    assert [json.loads(str(row["data"]))["a"] for row in cells] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_ragged_lines_are_rejected_with_row_and_text(write: Write, size: int) -> None:
    text = HEAD + "1,t,a,x\n2,t,b\n3,t,c,x,extra\n4,t,d,y\n\n5,t,e,z\n6\n"
    numbers, cells, bad = rows(one(write("a.csv", text)), size)
    assert numbers == [1, 4, 5]
    assert [row["id"] for row in cells] == ["1", "4", "5"]
    assert [(row.row, row.code, row.text) for row in bad] == [
        (2, "ragged_line", "2,t,b"),
        (3, "ragged_line", "3,t,c,x,extra"),
        (6, "ragged_line", "6"),
    ]


def test_a_ragged_line_with_bytes_that_are_no_text_keeps_its_bytes(write: Write) -> None:
    _, cells, bad = rows(one(write("a.csv", HEAD.encode() + b"1,t,\xea\xb0\x80,x\n2,\xff\n3,t,c,x\n")))
    assert len(cells) == 2
    assert base64.b64decode(bad[0].base64) == b"2,\xff"


def test_a_quote_that_is_never_closed_costs_its_own_line_only(write: Write) -> None:
    text = HEAD + '1,t,a,x\n2,t,b,"never closed\n3,t,c,x\n4,t,d\n5,t,e,y\n'
    numbers, cells, bad = rows(one(write("a.csv", text)))
    assert numbers == [1, 3, 5]
    assert [row["id"] for row in cells] == ["1", "3", "5"]
    assert [(row.row, row.code) for row in bad] == [(2, "open_quote"), (4, "ragged_line")]
    assert bad[0].text == '2,t,b,"never closed'


def test_case_94_nul_and_long_cells_are_cells(write: Write) -> None:
    text = HEAD + "1,t,a,\x00nul\x00\n2,t,b," + "z" * 10_000_000 + '\n3,t,c,"' + "y\n" * 500_000 + '"\n'
    cells = rows(one(write("a.csv", text)))[1]
    assert [len(str(row["note"])) for row in cells] == [5, 10_000_000, 1_000_000]


def test_header_names_are_made_distinct(write: Write) -> None:
    reader = one(write("a.csv", "id,ts,id,,Name \n1,t,a,x,y\n"))
    assert reader.columns == ("id", "ts", "id_2", "column_4", "Name")
    assert rows(reader)[1] == [{"id": "1", "ts": "t", "id_2": "a", "column_4": "x", "Name": "y"}]


def test_rows_wider_than_the_header_get_names(write: Write) -> None:
    reader = one(write("a.csv", "id,ts\n1,t,\n2,t,\n3,t,\n"))
    assert reader.columns == ("id", "ts", "column_3")
    assert len(rows(reader)[1]) == 3


def test_gz_is_unpacked_and_a_torn_one_refused(write: Write) -> None:
    packed = gzip.compress((HEAD + "1,t,a,x\n" * 5000).encode())
    assert len(rows(one(write("a.csv.gz", packed)))[1]) == 5000
    with pytest.raises(InputError, match="damaged"):
        rows(one(write("b.csv.gz", packed[:-20])))


def test_json_lines(write: Write) -> None:
    text = '{"event":"a","n":1.50,"properties":{"x":1}}\n\n{"event":"b","k/~y":true,"n":null}\nnot json\n[1]\n{"event":"가"}'
    reader = one(write("a.jsonl", text))
    numbers, cells, bad = rows(reader)
    assert numbers == [1, 3, 6]
    assert cells[0] == {"event": "a", "n": "1.5", "properties": '{"x":1}', "k/~y": None}
    assert cells[1]["k/~y"] == "true"
    assert [row["event"] for row in cells] == ["a", "b", "가"]
    assert [(row.row, row.code, row.text) for row in bad] == [(4, "bad_json", "not json"), (5, "bad_json", "[1]")]


def test_json_keys_that_appear_late_are_not_lost(write: Write) -> None:
    lines = [json.dumps({"event": "a", "n": n}) for n in range(20_000)] + [json.dumps({"event": "b", "late": "x"})]
    reader = one(write("a.ndjson", "\n".join(lines)))
    assert reader.columns == ("event", "n")
    assert reader.every_column() == ("event", "n", "late")
    assert rows(reader, 5000)[1][-1]["late"] == "x"


def test_a_json_array(write: Write) -> None:
    text = json.dumps([{"event": "a", "v": 1}, {"event": "b", "w": [1, 2]}, 5], indent=1)
    numbers, cells, bad = rows(one(write("a.json", text)))
    assert numbers == [1, 2]
    assert cells == [{"event": "a", "v": "1", "w": None}, {"event": "b", "v": None, "w": "[1,2]"}]
    assert [row.row for row in bad] == [3]
    with pytest.raises(InputError, match="no JSON array"):
        one(write("b.json", text[:-3]))


TABLE = pa.table(
    {"id": pa.array([1, 2, None]), "name": ["a", "b", None], "at": pa.array([1, 2, 3], pa.timestamp("us"))}
)


def test_typed_files_and_frames_keep_their_types(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    feather.write_feather(TABLE, tmp_path / "a.feather", compression="uncompressed")
    frame = TABLE.to_pandas()
    for source in (tmp_path / "a.parquet", tmp_path / "a.feather", TABLE, TABLE.to_batches()[0]):
        reader = one(source)
        assert reader.columns == ("id", "name", "at")
        assert rows(reader, 2)[0] == [1, 2, 3]
        assert pa.concat_tables(chunk.table for chunk in reader.chunks(2)).equals(TABLE)
    assert rows(one(frame))[1][0]["name"] == "a"
    assert one(frame).columns == ("id", "name", "at")


def test_dictionaries_are_unfolded() -> None:
    table = pa.table({"event": pa.array(["a", "b", "a"]).dictionary_encode(), "n": [1, 2, 3]})
    assert next(one(table).chunks()).table.schema.field("event").type == pa.string()


def test_a_frame_of_mixed_types_and_things_that_are_no_frame() -> None:
    with pytest.raises(InputError, match="data frame"):
        one(pd.DataFrame({"a": [1, "x", b"y"]}))
    with pytest.raises(InputError, match="no rows"):
        one(pd.DataFrame({"a": []}))
    with pytest.raises(InputError, match="cannot be imported"):
        one(5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"  \n \n", "is empty"),
        ("a.csv", b"\xef\xbb\xbf", "is empty"),
        ("a.csv", bytes(range(256)) * 20, "no text"),
        ("a.csv", b"\x1f\x8b\x08\x00rest", "no text"),
        ("a.csv.gz", b"a,b\n1,2\n", "not what its name says"),
        ("a.parquet", b"a,b\n1,2\n", "not what its name says"),
        ("a.parquet", b"PAR1 and then nothing", "no readable Parquet"),
        ("a.feather", b"ARROW1 and then nothing", "no readable Arrow"),
        ("a.xlsx", b"PK\x03\x04rest", "spreadsheet"),
        ("a.zip", b"PK\x03\x04rest", "zip"),
        ("a.csv", b"PK\x03\x04rest", "zip"),
        ("a.pdf", b"%PDF-1.7", "PDF"),
        ("a.bin", b"whatever", "no supported kind"),
        ("a.csv", b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b"1," * 99_999 + b"1\n", "columns"),
        ("a.jsonl", json.dumps({f"c{n}": 1 for n in range(100_000)}).encode(), "keys"),
        ("a.jsonl", b"no json at all\n", "no JSON object"),
        ("a.csv", b'a,b\n1,"' + b"x" * (70 << 20), "cannot be cut"),
    ],
)  # fmt: skip
def test_case_94_files_that_are_refused_say_which_and_what_next(write: Write, name: str, content: bytes, message: str) -> None:
    path = write(name, content)
    with pytest.raises(InputError, match=message) as caught:
        rows(one(path))
    assert name in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_case_94_a_table_of_too_many_columns_is_refused() -> None:
    with pytest.raises(InputError, match="2,001 columns"):
        one(pa.table({f"c{n}": [1] for n in range(2001)}))


def test_case_94_missing_and_special_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        find(tmp_path / "none.csv")
    with pytest.raises(InputError, match="nothing was named"):
        find([])
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="no regular file"):
        find(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="no regular file"):
        find("/dev/null")
    with pytest.raises(InputError):
        find("a\0b.csv")


def test_a_folder_is_read_in_the_order_of_names(write: Write) -> None:
    for name in ("b.csv", "a.csv", "sub/c.csv", ".hidden.csv", "_SUCCESS", "read.me", "d.csv.gz"):
        write(name, gzip.compress(b"a,b\n1,2\n") if name.endswith("gz") else b"a,b\n1,2\n")
    folder = write("a.csv", b"a,b\n1,2\n").parent
    found, skipped = find(folder)
    assert [file.name for file in found] == ["a.csv", "b.csv", "d.csv.gz", "sub/c.csv"]
    assert skipped == ["read.me"]
    again, _ = find([folder / "b.csv", folder, folder / "b.csv"])
    assert [file.name for file in again] == ["b.csv", "a.csv", "d.csv.gz", "sub/c.csv"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file that can be read"):
        find(tmp_path)


def test_case_94_links_stay_inside_their_folder(write: Write, tmp_path: Path) -> None:
    inside = write("a.csv", b"a,b\n1,2\n")
    (inside.parent / "same.csv").symlink_to(inside)
    assert [file.name for file in find(inside.parent)[0]] == ["a.csv"]
    outside = tmp_path / "secret.csv"
    outside.write_bytes(b"a,b\n1,2\n")
    link = inside.parent / "out.csv"
    link.symlink_to(outside)
    with pytest.raises(InputError, match="leads out of"):
        find(inside.parent)
    link.unlink()
    (inside.parent / "folder").symlink_to(tmp_path)
    with pytest.raises(InputError, match="leads out of"):
        find(inside.parent)


def test_files_of_one_name_are_told_apart_by_their_paths(write: Write) -> None:
    one_, other = write("x/a.csv", b"a,b\n1,2\n").parent, write("y/a.csv", b"a,b\n3,4\n").parent
    found, _ = find([one_, other])
    assert [file.name for file in found] == [str(one_ / "a.csv"), str(other / "a.csv")]


def test_the_unnamed_index_of_a_frame_is_no_column() -> None:
    frame = pd.DataFrame({"event": ["a", "b", "c"]})
    assert one(frame[frame["event"] != "b"]).columns == ("event",)
    assert rows(one(frame[frame["event"] != "b"]))[1] == [{"event": "a"}, {"event": "c"}]
    assert one(frame.set_index(pd.Index([1, 2, 3], name="day"))).columns == ("event", "day")
