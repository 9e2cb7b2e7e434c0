"""JSON inside cells: is it an object, what stands at a path, what do its items add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells
from afterclick.collect.engine import Engine

# Where shops list what was bought, as JSON pointers, and what they call price and quantity there.
LISTS = ("/items", "/products", "/line_items", "/lineItems", "/ecommerce/items", "/contents")
PRICES = ("/price", "/item_price", "/unit_price", "/itemPrice", "/unitPrice")
QUANTITIES = ("/quantity", "/qty", "/count")

_OBJECTS = "SELECT CASE WHEN json_valid(x) THEN json_type(x) = 'OBJECT' ELSE false END FROM t"
_KEYS = """
    SELECT k FROM (
        SELECT unnest(json_keys(x)) AS k, i FROM (SELECT x, row_number() OVER () AS i FROM t)
    ) GROUP BY k ORDER BY min(i), min(k)
"""
# Lists of keys and typed values, as BigQuery exports of GA4 have them: {"key": "…", "value": {"int_value": "5"}}.
_UNFOLDED = """
    SELECT t.x AS x, u.y AS y FROM t LEFT JOIN (
        SELECT i, json_group_object(item->>'/key', coalesce(
            CASE WHEN item->>'/value/string_value' IS NOT NULL THEN item->'/value/string_value' END,
            try_cast(item->>'/value/int_value' AS BIGINT)::JSON,
            try_cast(item->>'/value/double_value' AS DOUBLE)::JSON, try_cast(item->>'/value/float_value' AS DOUBLE)::JSON
        ))::VARCHAR AS y
        FROM (SELECT i, unnest(CAST(x AS JSON[])) AS item FROM t WHERE folded)
        WHERE item->>'/key' IS NOT NULL GROUP BY i
    ) u ON u.i = t.i ORDER BY t.i
"""
_MERGED = """
    SELECT CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE json_merge_patch(a, b)::VARCHAR END FROM t
"""
_WITH_KEY = """
    SELECT CASE WHEN v IS NULL THEN x
        ELSE json_merge_patch(coalesce(x, '{}'), json_object($key, v))::VARCHAR END FROM t
"""
_WITH_LIST = """
    SELECT CASE WHEN v IS NULL OR NOT json_valid(v) OR json_type(v) <> 'ARRAY' THEN x
        ELSE json_merge_patch(coalesce(x, '{}'), json_object($key, v::JSON))::VARCHAR END FROM t
"""
_ITEMS = """
    SELECT i AS row,
        list_extract(list_filter(json_extract_string(item, $prices), lambda v: v IS NOT NULL), 1) AS price,
        list_extract(list_filter(json_extract_string(item, $quantities), lambda v: v IS NOT NULL), 1) AS quantity
    FROM (
        SELECT i, unnest(CAST(found AS JSON[])) AS item FROM (
            SELECT i, list_extract(list_filter(json_extract(x, $lists), lambda v: json_type(v) = 'ARRAY'), 1) AS found FROM t
        ) WHERE found IS NOT NULL
    )
    ORDER BY i
"""


def pointer(key: str) -> str:
    """A key as a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def unfolded(engine: Engine, array: pa.Array) -> pa.Array:
    """Lists of keys and values as the objects they stand for; everything else as it is."""
    listed = cells.spans(array).at(0) == ord("[")
    if not listed.any():
        return array
    pairs = cells.flags(pc.match_substring_regex(array, r'^\[\s*\{\s*"key"\s*:')) & listed
    if not pairs.any():
        return array
    valid = cells.flags(engine.column("SELECT json_valid(x) AND json_type(x) = 'ARRAY' FROM t", {"x": array}))
    places = pa.array(np.arange(len(array), dtype=np.int64))
    found = engine.query(_UNFOLDED, {"x": array, "i": places, "folded": pa.array(pairs & valid)})
    return pc.coalesce(cells.whole(found.column("y")), cells.whole(found.column("x")))


def objects(engine: Engine, array: pa.Array) -> np.ndarray:
    """Where the text is a JSON object, bool (n); null counts as none."""
    good = cells.flags(engine.column(_OBJECTS, {"x": array}))
    # NaN and Infinity pass there, though no reader of JSON has to take them.
    odd = cells.flags(pc.match_substring_regex(array, "NaN|Infinity")) & good
    for row in np.flatnonzero(odd):
        good[row] = _strict(array[int(row)].as_py())
    return good


def _strict(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def at(engine: Engine, array: pa.Array, pointers: Sequence[str]) -> list[pa.Array]:
    """The values at JSON pointers as text columns, null where there is none; the input must be valid JSON or null."""
    pieces = ", ".join(f"y[{place + 1}] AS c{place}" for place in range(len(pointers)))
    sql = f"SELECT {pieces} FROM (SELECT json_extract_string(x, $pointers) AS y FROM t)"  # noqa: S608
    found = engine.query(sql, {"x": array}, {"pointers": list(pointers)})
    return [cells.blank_to_null(cells.whole(found.column(place))) for place in range(len(pointers))]


def keys(engine: Engine, array: pa.Array) -> list[str]:
    """The keys that occur in JSON objects, in order of first appearance."""
    return [str(key) for key in engine.column(_KEYS, {"x": array}).to_pylist()]


def as_json(engine: Engine, array: pa.Array) -> pa.Array:
    """A nested Arrow column as JSON text."""
    return engine.column("SELECT CASE WHEN x IS NULL THEN NULL ELSE to_json(x)::VARCHAR END FROM t", {"x": array})


def merged(engine: Engine, columns: Sequence[pa.Array]) -> pa.Array:
    """JSON objects row by row joined into one; where two have a key, the later one wins."""
    result = columns[0]
    for other in columns[1:]:
        result = engine.column(_MERGED, {"a": result, "b": other})
    return result


def with_keys(engine: Engine, array: pa.Array, extra: Mapping[str, pa.Array]) -> pa.Array:
    """JSON objects (or null) with text values added where they are not null."""
    for key, values in extra.items():
        array = engine.column(_WITH_KEY, {"x": array, "v": values}, {"key": key})
    return array


def lists(engine: Engine, array: pa.Array) -> np.ndarray:
    """Where the text is a JSON list, bool (n)."""
    return cells.flags(engine.column("SELECT json_valid(x) AND json_type(x) = 'ARRAY' FROM t", {"x": array}))


def with_list(engine: Engine, array: pa.Array | None, key: str, values: pa.Array) -> pa.Array:
    """JSON objects (or null) with a JSON list added where the text is one."""
    base = pa.nulls(len(values), pa.string()) if array is None else array
    return engine.column(_WITH_LIST, {"x": base, "v": values}, {"key": key})


def items(engine: Engine, array: pa.Array) -> pa.Table:
    """The items of JSON objects: row (int64, place in the input), price and quantity as text."""
    places = pa.array(np.arange(len(array), dtype=np.int64))
    parameters = {"lists": list(LISTS), "prices": list(PRICES), "quantities": list(QUANTITIES)}
    return engine.query(_ITEMS, {"x": array, "i": places}, parameters)
