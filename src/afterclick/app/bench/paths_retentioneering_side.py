"""Runs in the environment that has retentioneering, never in this one: its matrix of transitions and its sessions."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ["RETENTIONEERING_NO_TRACK"] = "1"


def loaded(job: dict[str, Any]) -> tuple[str, Any]:
    """The version and the event stream of what visitors did."""
    from importlib import metadata  # noqa: PLC0415 - beside the imports that are there only where this runs

    import pandas as pd  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415
    from retentioneering.eventstream import Eventstream  # type: ignore[import-not-found]  # noqa: PLC0415

    wanted = [("bot", "=", 0), ("event", "in", set(job["acts"]))]
    rows = pd.read_parquet(job["file"], columns=["visitor", "at", "event"], filters=wanted)
    names = pd.CategoricalDtype(job["events"])
    frame = pd.DataFrame(
        {
            "path_id": rows["visitor"],
            "event": pd.Categorical.from_codes(rows["event"], dtype=names),
            "timestamp": pd.to_datetime(rows["at"].astype("int64"), unit="us"),
        }
    )
    del rows
    schema = {"path_cols": ["path_id"], "event_col": "event", "timestamp_col": "timestamp"}
    return metadata.version("retentioneering"), Eventstream(frame, schema=schema)


def transitions(stream: Any, events: list[str]) -> list[list[Any]]:
    """Its counts of every move between two events."""
    matrix = stream.transition_graph_data(edge_weight="count").fillna(0)
    known = [name for name in matrix.index if name in set(events)]
    table = matrix.loc[known, known]
    return [
        [one, two, int(count)] for one, row in zip(known, table.to_numpy(), strict=True)
        for two, count in zip(known, row, strict=True) if count
    ]  # fmt: skip


def main(job: dict[str, Any]) -> None:
    """Load, say so, then answer the question named by each line of stdin."""
    version, stream = loaded(job)
    say({"version": version})
    for line in sys.stdin:
        begun = time.perf_counter()
        if line.strip() == "sessions":
            cut = stream.split_sessions(timeout=f"{job['timeout']}s")
            seconds = time.perf_counter() - begun
            found: Any = int(cut.df["session_id"].nunique())
        else:
            found = transitions(stream, job["events"])
            seconds = time.perf_counter() - begun
        say({"seconds": seconds, "found": found})


def say(words: dict[str, Any]) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
