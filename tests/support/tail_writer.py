"""A process that stores calls in the tail of a store and says each number once it is acknowledged.

`python tail_writer.py STORE` never ends by itself; an error ends it with its code on stderr.
"""

import sys
from pathlib import Path

from afterclick.core.errors import StoreError
from afterclick.store import disk
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail

EVENTS = 3
PAD = "x" * 400


def body(event_id: str, pad: str = PAD) -> bytes:
    return f'{{"event_id":"{event_id}","event":"Page Viewed","properties":{{"pad":"{pad}"}}}}'.encode()


def call(number: int, events: int = EVENTS, **more) -> TailCall:
    ids = tuple(f"{number:08d}-{place}" for place in range(events))
    return TailCall(1_000 + number, "web", tuple(map(body, ids)), ids, tuple(hash_of(one) for one in ids), **more)


def hash_of(text: str) -> int:
    return int.from_bytes(text.encode()[:8].rjust(8, b"\0"), "big") * 2654435761 % (1 << 64)


def prepare(folder: Path) -> Path:
    if not (folder / "log").exists():
        (folder / "log").mkdir(parents=True)
        disk.sync_folder(folder)
        disk.sync_folder(folder.parent)
    return folder


def main() -> None:
    store = prepare(Path(sys.argv[1]))
    tail = Tail.open(store)
    number = tail.position
    while True:
        group = [call(number + 1), call(number + 2)]
        number += 2
        for one in group:
            for event_id, content in zip(one.ids, one.contents, strict=True):
                assert tail.claim(event_id, content) == "new"
        try:
            tail.commit(group)
        except StoreError as error:
            for one in group:
                tail.release(one.ids)
            number -= 2
            print("failed", error.code, flush=True)
            if error.code == "tail_broken":
                raise SystemExit(1) from error
            continue
        print(number, flush=True)
        tail.tidy()
        if number % 40 == 0:
            tail.mark()


if __name__ == "__main__":
    main()
