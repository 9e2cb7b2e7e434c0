"""Runs in the environment that has retentioneering, never in this one: loads the rows, answers line by line."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ["RETENTIONEERING_NO_TRACK"] = "1"


def loaded(job: dict[str, Any]) -> tuple[str, Any]:
    """The version and the event stream of the rows of people."""
    from importlib import metadata  # noqa: PLC0415 - beside the imports that are there only where this runs

    import pandas as pd  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415
    from retentioneering.eventstream import Eventstream  # type: ignore[import-not-found]  # noqa: PLC0415

    rows = pd.read_parquet(job["file"], columns=["visitor", "at", "event"], filters=[("bot", "=", 0)])
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


def main(job: dict[str, Any]) -> None:
    """Load, say so, then answer one question per line of stdin."""
    version, stream = loaded(job)
    steps = [job["events"][code] for code in job["steps"]]
    say({"version": version})
    for _ in sys.stdin:
        begun = time.perf_counter()
        answer = stream.funnel_data(steps=steps)
        seconds = time.perf_counter() - begun
        say({"seconds": seconds, "reached": [step["unique_paths"] for step in answer["steps"]]})


def say(words: dict[str, Any]) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
