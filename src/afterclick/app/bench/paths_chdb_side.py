"""Runs in the environment that has chdb, never in this one: transitions and sessions, in the best of several ways."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

TABLES = {
    "Memory table": "ENGINE = Memory",
    "MergeTree by visitor and time": "ENGINE = MergeTree ORDER BY (visitor, at)",
}
LOAD = (
    "CREATE TABLE d.{table:Identifier} %s AS SELECT * FROM file({file:String}, Parquet) "
    "WHERE bot = 0 AND event IN ({acts:Array(UInt16)}) SETTINGS schema_inference_make_columns_nullable = 0"
)
FORMS = {
    "transitions": {
        "arrays": (
            "SELECT p.1 AS a, p.2 AS b, count() FROM (SELECT arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((at, event)))) "
            "AS e FROM d.{table:Identifier} GROUP BY visitor) ARRAY JOIN arrayZip(arrayPopBack(e), arrayPopFront(e)) AS p "
            "GROUP BY a, b"
        ),
        "window": (
            "SELECT a, b, count() FROM (SELECT lagInFrame(event, 1, 65535) OVER (PARTITION BY visitor ORDER BY at "
            "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a, event AS b FROM d.{table:Identifier}) "
            "WHERE a != 65535 GROUP BY a, b"
        ),
    },
    "sessions": {
        "arrays": (
            "SELECT sum(n) FROM (SELECT 1 + arrayCount(d -> d > {timeout:UInt64}, arrayDifference(arraySort(groupArray(at)))) "
            "AS n FROM d.{table:Identifier} GROUP BY visitor)"
        ),
        "window": (
            "SELECT countIf(before = 0 OR at - before > {timeout:UInt64}) FROM (SELECT at, lagInFrame(at, 1, 0) OVER "
            "(PARTITION BY visitor ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before "
            "FROM d.{table:Identifier})"
        ),
    },
}


def answered(session: Any, job: dict[str, Any], name: str, table: str, form: str) -> tuple[float, Any]:
    """Seconds of one question and its rows."""
    given = {"table": table, "timeout": job["timeout"] * 1_000_000}
    begun = time.perf_counter()
    text = str(session.query(FORMS[name][form], "JSONCompact", params=given))
    return time.perf_counter() - begun, json.loads(text)["data"]


def main(job: dict[str, Any]) -> None:
    """Load every table, then answer the question named by each line of stdin in the quickest way."""
    import chdb  # type: ignore[import-not-found]  # noqa: PLC0415 - there only where this runs
    from chdb.session import Session  # type: ignore[import-not-found]  # noqa: PLC0415

    session = Session(job["folder"])
    session.query("CREATE DATABASE IF NOT EXISTS d")
    best: dict[str, dict[tuple[str, str], float]] = {name: {} for name in FORMS}
    for number, engine in enumerate(TABLES.values()):
        table = f"t{number}"
        session.query("DROP TABLE IF EXISTS d.{table:Identifier}", params={"table": table})
        session.query(LOAD % engine, params={"table": table, "file": job["file"], "acts": job["acts"]})
        if "MergeTree" in engine:
            session.query("OPTIMIZE TABLE d.{table:Identifier} FINAL", params={"table": table})
        for name, forms in FORMS.items():
            for form in forms:
                best[name][table, form] = min(answered(session, job, name, table, form)[0] for _ in range(3))
    chosen = {name: min(pairs, key=lambda pair, pairs=pairs: pairs[pair]) for name, pairs in best.items()}  # type: ignore[misc]
    told = "; ".join(f"{name}: {form}, {list(TABLES)[int(table[1:])]}" for name, (table, form) in chosen.items())
    say({"version": chdb.__version__, "form": told})
    for line in sys.stdin:
        name = line.strip()
        seconds, rows = answered(session, job, name, *chosen[name])
        events = job["events"]
        found = int(rows[0][0]) if name == "sessions" else [[events[a], events[b], int(count)] for a, b, count in rows]
        say({"seconds": seconds, "found": found})


def say(words: dict[str, Any]) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
