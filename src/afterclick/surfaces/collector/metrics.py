"""The collector's sums as Prometheus reads them; no label holds anything a sender has made up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from afterclick.collect.live.counts import Counts

TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def text(counts: Counts, state: dict[str, Any]) -> str:
    """All metrics; `state` is what `LiveSite.health` says."""
    tail, balance = state["tail"], state["balance"]
    lines: list[str] = []
    lines += _metric("requests_total", "counter", "Requests to collecting addresses.", [({}, counts.requests)])
    lines += _metric(
        "events_total",
        "counter",
        "Events since the server started, by what became of them.",
        [({"outcome": "stored"}, counts.stored), ({"outcome": "duplicate"}, counts.duplicates),
         ({"outcome": "rejected"}, counts.rejected)],
    )  # fmt: skip
    lines += _metric("refused_total", "counter", "Requests refused as a whole, by reason.", _labelled(counts.refused))
    lines += _metric("rejected_total", "counter", "Events not stored, by reason.", _labelled(counts.reasons))
    lines += _metric("failed_commits_total", "counter", "Requests the disk did not store.", [({}, counts.failed_commits)])
    lines += _histogram(counts)
    lines += _metric("tail_position", "counter", "Number of the last call in the log.", [({}, tail["position"])])
    lines += _metric("tail_events", "gauge", "Events that lie in no segment yet.", [({}, tail["events"])])
    lines += _metric("tail_age_seconds", "gauge", "Age of the oldest of them.", [({}, tail["oldest_s"])])
    lines += _metric("waiting_requests", "gauge", "Requests that wait for the disk.", [({}, tail["waiting_calls"])])
    lines += _metric("waiting_bytes", "gauge", "Bytes that wait for the disk.", [({}, tail["waiting_bytes"])])
    lines += _metric("log_writable", "gauge", "1 while events can be stored.", [({}, int(state["log"]["writable"]))])
    lines += _metric("damaged", "gauge", "Places of the tail known to be damaged.", [({}, len(state["damaged"]))])
    lines += _metric("degraded", "gauge", "Parts of deciding and sending that do not get on.", [({}, len(state["degraded"]))])
    lines += _metric(
        "balance",
        "counter",
        "Events since the store began: received = stored + duplicates + rejected.",
        [({"side": side}, balance[side]) for side in ("received", "stored", "duplicates", "rejected")],
    )
    return "\n".join(lines) + "\n"


def _labelled(counter: dict[str, int]) -> list[tuple[dict[str, str], int]]:
    return [({"reason": code}, number) for code, number in sorted(dict(counter).items())]


def _histogram(counts: Counts) -> list[str]:
    name = "answer_seconds"
    buckets = counts.histogram()
    lines = _metric(
        name, "histogram", "From the head of a request to its answer.", [({"le": edge}, n) for edge, n in buckets], "_bucket"
    )
    return [*lines, f"afterclick_{name}_sum {counts.seconds:.6f}", f"afterclick_{name}_count {buckets[-1][1]}"]


def _metric(
    name: str, kind: str, told: str, values: Iterable[tuple[dict[str, str], int]], suffix: str = ""
) -> list[str]:
    head = [f"# HELP afterclick_{name} {told}", f"# TYPE afterclick_{name} {kind}"]
    return head + [f"afterclick_{name}{suffix}{_labels(labels)} {value}" for labels, value in values]


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
