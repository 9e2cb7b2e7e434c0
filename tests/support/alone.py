"""A process without a network: imports, serves, collects and answers, and notes every call to another machine.

`python alone.py FOLDER [cut]`; with `cut` it runs in a network namespace of its own, whose loopback it starts.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import struct
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

_UP = 0x8914  # SIOCSIFFLAGS
_CALLS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}


def watch(seen: list[str]) -> None:
    """From now on a call to anybody but this machine is noted and refused."""

    def hear(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _CALLS and not _own(arguments[_CALLS[name]]):
            seen.append(f"{name} {arguments[_CALLS[name]]!r}")
            raise OSError(f"{name}: there is no network here")

    sys.addaudithook(hear)


def _own(target: Any) -> bool:
    host = target[0] if isinstance(target, tuple) else target
    if not isinstance(host, str) or host in ("", "localhost") or host.startswith("/"):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def loopback() -> None:
    """Bring up the loopback of a new namespace."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, _UP, struct.pack("16sh", b"lo", 1 | 64))


def main(folder: Path) -> dict[str, Any]:
    """What came of it."""
    seen: list[str] = []
    watch(seen)
    with contextlib.suppress(OSError), socket.socket() as asked:
        asked.settimeout(0.1)
        asked.connect(("192.0.2.1", 80))
    probe = seen == ["socket.connect ('192.0.2.1', 80)"]
    seen.clear()
    import afterclick
    from afterclick import Kpi
    from support.served import served

    rows = folder / "rows.csv"
    rows.write_text("timestamp,anonymous_id,event\n2026-09-01T00:00:00Z,a1,Page Viewed\n2026-09-01T00:00:01Z,a2,Signed Up\n")
    with afterclick.open(folder / "shop", write=True, create=True) as shop:
        imported = shop.import_files(rows).stored
    with served(folder / "shop") as server:
        accepted = server.track("m1").json()["accepted"]
        page = server.ask("GET", "/?wait=1&range=all").status
    with afterclick.open(folder / "shop") as shop:
        visitors = shop.ask(Kpi(range="all", compare="none")).figures["visitors"]
    return {
        "foreign": seen, "probe": probe, "imported": imported, "accepted": accepted, "visitors": visitors, "page": page,
    }  # fmt: skip


if __name__ == "__main__":
    if sys.argv[2:] == ["cut"]:
        loopback()
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
