"""What the live state of a visitor takes: the log of a store learnt in a process of its own under all ready-made rules.

`python -P -m afterclick.app.bench.states STORE` prints what `measure_states` reads.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from afterclick.analyse.kernels import memory
from afterclick.app.automation_recipes import RECIPES, draft
from afterclick.app.bench.row import Row
from afterclick.app.workspace import open as open_store
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.decide import learning
from afterclick.decide.fold import Fold
from afterclick.decide.people import People
from afterclick.decide.rules.book import RuleBook
from afterclick.store.automations import Journey, LiveRule
from afterclick.store.definitions import Definitions

BOUND: Final = 1.0
"""kB a visitor."""
_MEMORY: Final = Path("/proc/self/smaps_rollup")


def measure_states(store: Path) -> dict[str, float]:
    """Learn a whole log: `visitors`, `ids`, `events`, `seconds`, `packed_bytes` of a state on the average, `process_bytes`
    by which the memory of the process has grown a visitor, ids and those who are held unpacked included; NaN where the
    system does not tell it. Raises AfterclickError.
    """
    command = [sys.executable, "-P", "-m", "afterclick.app.bench.states", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this very Python
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise AfterclickError(f"the bench could not learn the states: {said[0]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def state_rows(store: Path) -> list[Row]:
    """Memory of a visitor, and how fast the past is learnt."""
    found = measure_states(store)
    note = (
        f"{found['visitors']:,.0f} visitors of {found['ids']:,.0f} ids and {found['events']:,.0f} events; packed "
        f"{found['packed_bytes']:,.0f} bytes each, {found['events'] / found['seconds']:,.0f} events learnt a second"
    )
    return [
        Row(
            what="state of a visitor, kB of the process", taken=(found["process_bytes"] / 1e3,), against="1 kB",
            against_taken=(1.0,), bound=BOUND, note=note,
        )
    ]  # fmt: skip


def ready_made(definitions: Definitions) -> RuleBook:
    """All recipes as they are offered, switched on."""
    drafts = [draft(name, {}, lang="en", languages=("en",), currency=definitions.currency) for name in RECIPES]
    on = [msgspec.structs.replace(one, state="on") for one in drafts]
    rules = [one for one in on if isinstance(one, LiveRule)]
    return RuleBook.compile(rules, [one for one in on if isinstance(one, Journey)], definitions)


def _learn(store: Path) -> dict[str, float]:
    with open_store(store) as shop:
        definitions, snapshot = shop.store.definitions, shop.store.snapshot()
        people = People(cap=definitions.id_cap, denied=definitions.deny_ids, withdrawn=learning.withdrawn(snapshot))
        fold = Fold(ready_made(definitions), definitions, people=people)
        # The columns of the log that learning reads stay with the snapshot, and are no state.
        _ = next(iter(learning.Arrivals(snapshot)), None)
        before, begun = _memory(), clock.ticks()
        learning.learn(fold, snapshot, hear=lambda _: None, give_way=lambda: None, progress=lambda *_: None)
        seconds = clock.ticks() - begun
        grown, packed, visitors = _memory() - before, fold.memories.packed(), len(fold.memories)
    return {
        "visitors": visitors, "ids": len(people), "events": fold.events, "seconds": seconds,
        "packed_bytes": packed / max(visitors, 1), "process_bytes": grown / max(visitors, 1),
    }  # fmt: skip


def _memory() -> float:
    """Bytes that this process alone has, files and what it has freed left out; NaN where the system does not tell."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    memory.give_back()
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return float("nan")
    return sum(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("Anonymous:"))


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(_learn(Path(sys.argv[1]))) + "\n")
