"""DuckDB behind one door: nothing outside can be reached, names are quoted, values are parameters."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.store import dialect

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})


def test_tables_are_seen_and_values_are_parameters() -> None:
    found = dialect.fetch(
        "SELECT sum(a)::BIGINT AS n FROM t WHERE b = $b OR a = $a", {"t": TABLE}, {"b": "' OR 1=1 --", "a": 2}
    )
    assert found.to_pydict() == {"n": [2]}
    with dialect.connect() as connection:
        connection.register("later", TABLE)
        assert connection.execute("SELECT count(*) FROM later").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/afterclick-should-not-exist.csv'",
        "ATTACH '/tmp/afterclick-should-not-exist.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 1",
    ],
)
def test_nothing_outside_is_reached(sql) -> None:
    with dialect.connect({"t": TABLE}) as connection, pytest.raises(duckdb.Error):
        connection.execute(sql).fetchall()


@settings(max_examples=20)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_name_can_be_a_column(name) -> None:
    with dialect.connect() as connection:
        quoted = dialect.quote_identifier(name)
        assert connection.execute(f"SELECT 7 AS {quoted}").description[0][0] == name


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        dialect.quote_identifier("a\0b")
