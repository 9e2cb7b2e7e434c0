"""No phone-home, no default password, no secret in a log line: watched from inside the interpreter, and looked for on disk."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from afterclick.app.prove import traffic
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.sender import Sender
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.store.access import Access

_BEGIN: Final = 1_750_000_000_000_000
_WATCH: Final = """
import os, sys
_seen = os.open(os.environ["AFTERCLICK_WATCHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_TO = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0, "urllib.Request": 0}
def _hear(name, arguments):
    if name in _TO:
        os.write(_seen, f"{name} {arguments[_TO[name]]!r}\\n".encode())
sys.addaudithook(_hear)
"""
_LOG_SAYS_NOTHING_OF: Final = ("kim@example.com", "secret-visitor", "010-1234-5678")


def prove(seed: int, folder: Path, tell: Tell) -> Proof:
    """Run the commands and a server with every call to the network noted, then look for secrets where none belong."""
    began = clock.ticks()
    folder.mkdir(parents=True, exist_ok=True)
    environ = _watching(folder)
    tell(step("quiet_commands"))
    commands = _commands(folder, seed, environ)
    tell(step("quiet_server"))
    served = Served(folder / "shop", folder / "server.log", environ=environ)
    with served.prepare():
        served.start()
        token = Access(served.store).make("owner").secret
        _send(served)
        served.stop()
    watched = (folder / "watched").read_text("utf-8") if (folder / "watched").exists() else ""
    checks = [commands, check("quiet_network", _foreign(watched), calls=len(watched.splitlines()))]
    checks += [_log(folder / "server.log", [served.key, token]), _stored(served.store, [served.key, token])]
    checks.append(_made_here(folder))
    return Proof("quiet", seed, tuple(checks), clock.ticks() - began)


def _watching(folder: Path) -> dict[str, str]:
    """An environment in which every Python that starts notes whom it calls."""
    place = folder / "watch"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_WATCH, "utf-8")
    path = os.pathsep.join(part for part in (str(place), os.environ.get("PYTHONPATH", "")) if part)
    return {"PYTHONPATH": path, "AFTERCLICK_WATCHED": str(folder / "watched")}


def _commands(folder: Path, seed: int, environ: dict[str, str]) -> Check:
    rows = folder / "events.jsonl"
    rows.write_text("".join(json.dumps(event) + "\n" for event in traffic.events(seed, 500, begin=_BEGIN)), "utf-8")
    store = str(folder / "imported")
    lines: list[Sequence[str]] = [
        ("version",), ("import", str(rows), "--store", store), ("map", "--store", store), ("kpi", "--store", store),
        ("funnel", "--store", store, "Page Viewed", "Order Completed"), ("retention", "--store", store),
        ("doctor", "--store", store), ("report", "--store", store, "-o", str(folder / "report.html")),
    ]  # fmt: skip
    # The hook itself is tried first: a watch that sees nothing would prove nothing.
    probe = "import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(('192.0.2.1', 9))"
    _run(["-c", probe], environ)
    heard = "192.0.2.1" in (folder / "watched").read_text("utf-8")
    (folder / "watched").write_text("")
    failed = [" ".join(words[:2]) for words in lines if _run(["-m", "afterclick", *words], environ) not in (0, 3)]
    return check("quiet_commands", failed + ([] if heard else ["the watch hears nothing"]), n=len(lines))


def _run(words: Sequence[str], environ: dict[str, str]) -> int:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *words], env={**os.environ, **environ}, capture_output=True, check=False, timeout=120
    )
    return done.returncode


def _send(served: Served) -> None:
    sender = Sender(served.address, served.key)
    person = {"userId": "secret-visitor", "traits": {"email": "kim@example.com", "phone": "010-1234-5678"}}
    sender.send([{"type": "identify", "messageId": "q1", **person}])
    sender.send([{"type": "track", "event": "secret-visitor\nERROR forged", "messageId": "q2", **person}])
    sender.post("/v1/batch", b"secret-visitor kim@example.com")
    sender.headers["Authorization"] = "Bearer wrong-key-of-secret-visitor"
    sender.send([{"type": "track", "event": "E", **person}])
    sender.close()


def _foreign(watched: str) -> list[str]:
    """Calls to anybody but this machine."""
    return [line for line in watched.splitlines() if not _own(line.partition(" ")[2])]


def _own(target: str) -> bool:
    host = re.search(r"""['"]([^'"]*)['"]""", target)
    if host is None or host[1] in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host[1]).is_loopback or host[1] in ("0.0.0.0", "::")  # noqa: S104 - read, not bound
    except ValueError:
        # A path is a socket of this machine's own.
        return host[1].startswith("/")


def _log(path: Path, secrets: list[str]) -> Check:
    said = path.read_text("utf-8", "replace")
    broken = [f"the log holds {word[:12]}…" for word in (*secrets, *_LOG_SAYS_NOTHING_OF) if word in said]
    broken += ["a line was forged"] if re.search(r"^ERROR forged", said, re.MULTILINE) else []
    return check("quiet_log", broken, lines=len(said.splitlines()))


def _stored(store: Path, secrets: list[str]) -> Check:
    files = [file for file in store.rglob("*") if file.is_file()]
    broken = [
        f"{file.name} holds a key as text"
        for file in files
        for secret in secrets
        if secret.encode() in file.read_bytes()
    ]
    broken += [f"{file.name} can be read by others" for file in files if file.name in _PRIVATE and file.stat().st_mode & 0o077]
    return check("quiet_stored", broken, files=len(files))


_PRIVATE: Final = ("access.json", "privacy.key", "signing.key", "secrets.toml", "suppressed.key")


def _made_here(folder: Path) -> Check:
    """Two new stores have no secret in common, and the program has none to give them."""
    made = []
    for name in ("one", "two"):
        with Served(folder / name, folder / f"{name}.log").prepare() as served:
            made.append(served.key)
    broken = ["two stores got the same key"] if made[0] == made[1] else []
    for file in resources.files("afterclick").iterdir():
        if file.is_file() and any(key.encode() in file.read_bytes() for key in made):
            broken.append(f"{file.name} holds a key")
    return check("quiet_secrets", broken)
