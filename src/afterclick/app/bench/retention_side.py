"""Runs in the environment that has chdb, never in this one: daily retention, in the best of several ways and tables."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

TABLES = {
    "Memory table": "ENGINE = Memory",
    "MergeTree by visitor and time": "ENGINE = MergeTree ORDER BY (visitor, at)",
    "MergeTree by event, visitor and time": "ENGINE = MergeTree ORDER BY (event, visitor, at)",
}
FORMS = {
    "arrays of distinct days": (
        "SELECT day - first AS period, count() FROM (SELECT groupUniqArray(toUInt32(intDiv(at + {shift:UInt64}, 86400000000))) "
        "AS days, arrayMin(days) AS first FROM d.{table:Identifier} WHERE bot = 0 AND event = {event:UInt16} GROUP BY visitor) "
        "ARRAY JOIN days AS day WHERE period <= {periods:UInt32} GROUP BY period ORDER BY period"
    ),
    "distinct days, then a window": (
        "SELECT period, count() FROM (SELECT day - min(day) OVER (PARTITION BY visitor) AS period FROM "
        "(SELECT DISTINCT visitor, toUInt32(intDiv(at + {shift:UInt64}, 86400000000)) AS day FROM d.{table:Identifier} "
        "WHERE bot = 0 AND event = {event:UInt16})) WHERE period <= {periods:UInt32} GROUP BY period ORDER BY period"
    ),
}
"""Name of a table or a way to ask and its text; the quickest pair is the yardstick."""

LOAD = (
    "CREATE TABLE d.{table:Identifier} %s AS SELECT * FROM file({file:String}, Parquet) "
    "SETTINGS schema_inference_make_columns_nullable = 0"
)


def answered(session: Any, job: dict[str, Any], table: str, form: str) -> tuple[float, list[list[int]]]:
    """Seconds of one question and the returns by period."""
    given = {"table": table, "event": job["event"], "shift": job["shift"], "periods": job["periods"]}
    begun = time.perf_counter()
    text = str(session.query(FORMS[form], "JSONCompact", params=given))
    return time.perf_counter() - begun, json.loads(text)["data"]


def main(job: dict[str, Any]) -> None:
    """Load every table, then answer one question per line of stdin in the quickest way."""
    import chdb  # type: ignore[import-not-found]  # noqa: PLC0415 - there only where this runs
    from chdb.session import Session  # type: ignore[import-not-found]  # noqa: PLC0415

    session = Session(job["folder"])
    session.query("CREATE DATABASE IF NOT EXISTS d")
    best: dict[tuple[str, str], float] = {}
    for number, engine in enumerate(TABLES.values()):
        table = f"t{number}"
        session.query("DROP TABLE IF EXISTS d.{table:Identifier}", params={"table": table})
        session.query(LOAD % engine, params={"table": table, "file": job["file"]})
        if "MergeTree" in engine:
            session.query("OPTIMIZE TABLE d.{table:Identifier} FINAL", params={"table": table})
        for form in FORMS:
            best[table, form] = min(answered(session, job, table, form)[0] for _ in range(3))
    table, form = min(best, key=lambda pair: best[pair])
    say({"version": chdb.__version__, "form": f"{form}, {list(TABLES)[int(table[1:])]}"})
    for _ in sys.stdin:
        seconds, counts = answered(session, job, table, form)
        say({"seconds": seconds, "counts": counts})


def say(words: dict[str, Any]) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
