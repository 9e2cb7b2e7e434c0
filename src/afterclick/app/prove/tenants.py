"""Sites are walls: two stores are served, and every key and token of one is tried at every address of the other."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.app.prove import stored
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.store.access import Access, Role

_COLLECT: Final = ("/v1/track", "/v1/batch", "/v1/page", "/v1/identify", "/beacon/v1/batch", "/api/s/track", "/batch/", "/e/")


class Shown(NamedTuple):
    """A secret that somebody shows: of which site, and what it is good for there."""

    site: str
    role: Role | None
    secret: str


class Site(NamedTuple):
    """A served store with its secrets by role."""

    name: str
    served: Served
    secrets: dict[Role, str]


def prove(seed: int, folder: Path, tell: Tell) -> Proof:
    """Serve two stores, both wanting tokens; try each address of each with the secrets of both, and with none."""
    began = clock.ticks()
    sites = [_site(folder, name) for name in ("one", "two")]
    try:
        for site in sites:
            site.served.start()
        paths = _paths(sites[0])
        checks = []
        for site, other in (sites, sites[::-1]):
            tell(step("tenants_site", site=site.name, other=other.name))
            checks += [_looked_at(site, paths), _foreign(site, other, paths)]
            checks.append(_sent_to(site, other))
    finally:
        for site in sites:
            site.served.stop()
    found = [stored.ids(site.served.store) for site in sites]
    crossed = [
        f"{one} is in the store of {site.name}"
        for site, ids in zip(sites, found, strict=True) for one in ids if not one.startswith(f"{site.name}-")
    ]  # fmt: skip
    checks.append(check("tenants_stores", crossed, n=sum(len(ids) for ids in found)))
    return Proof("tenants", seed, tuple(checks), clock.ticks() - began)


def _site(folder: Path, name: str) -> Site:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    served = Served(place / "shop", place / "server.log", words=("--tokens",)).prepare()
    access = Access(served.store)
    return Site(name, served, {role: access.make(role).secret for role in ("owner", "analyst", "write")})


def _paths(site: Site) -> list[str]:
    """Every address that the server itself names, with something in the place of names."""
    status, body = _get(site, "/openapi.json", site.secrets["owner"])
    named = list(json.loads(body)["paths"]) if status == 200 else []
    pages = ["/", "/people.json", "/healthz", "/metrics", "/data", "/live", "/live/events", "/saved", "/desk", "/openapi.json"]
    return sorted({*pages, *(path.replace("{question}", "kpi") for path in named if "{" not in path or "question" in path)})


def _shown(site: Site) -> Iterator[Shown]:
    yield Shown("nobody", None, "")
    for role, secret in site.secrets.items():
        yield Shown(site.name, role, secret)


def _looked_at(site: Site, paths: list[str]) -> Check:
    """The dashboard: opened by tokens of this site alone; a write key opens nothing."""
    broken, tries = [], 0
    for path in paths:
        for shown in _shown(site):
            tries += 1
            status, body = _get(site, path, shown.secret)
            open_to_all = path in ("/healthz", "/metrics")
            may = shown.role in ("owner", "analyst")
            if not may and not open_to_all and (status < 400 or b"<main" in body):
                broken.append(f"{path}: {status} for {shown.site} {shown.role}")
            if may and status in (401, 403):
                broken.append(f"{path}: {status} for its own {shown.role}")
    return check("tenants_roles", broken, n=tries, site=site.name)


def _foreign(site: Site, other: Site, paths: list[str]) -> Check:
    """Tokens of the other site: refused everywhere, and after a few tries made to wait. An own token goes on working."""
    broken, tries = [], 0
    for path in paths:
        for role, secret in other.secrets.items():
            status, body = _get(site, path, secret)
            tries += 1
            if path not in ("/healthz", "/metrics") and (status not in (401, 403, 405, 429) or b"<main" in body):
                broken.append(f"{path}: {status} for the {role} of {other.name}")
    status, _ = _get(site, "/", site.secrets["owner"])
    broken += [] if status == 200 else [f"its own owner got {status} afterwards"]
    return check("tenants_foreign", broken, n=tries, site=site.name)


def _sent_to(site: Site, other: Site) -> Check:
    """Collecting: by write keys of this site alone; its tokens collect nothing."""
    broken, tries = [], 0
    secrets = [(site, role, secret) for role, secret in site.secrets.items()]
    secrets += [(other, role, secret) for role, secret in other.secrets.items()]
    for path in _COLLECT:
        for owner, role, secret in secrets:
            tries += 1
            event = {
                "type": "track", "event": "E", "anonymousId": "a", "distinct_id": "a", "uuid": f"{owner.name}-{tries}",
                "messageId": f"{owner.name}-{path}-{role}",
            }  # fmt: skip
            body = json.dumps({"batch": [event], "api_key": secret} if "batch" in path or path == "/e/" else event)
            status = _post(site, path, secret, body.encode())
            if (status == 200) != (owner is site and role == "write"):
                broken.append(f"{path}: {status} for the {role} of {owner.name}")
    return check("tenants_collect", broken, n=tries, site=site.name)


def _get(site: Site, path: str, secret: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", site.served.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"} if secret else {})
        answer = connection.getresponse()
        # A stream never ends; its head says enough.
        return answer.status, b"" if path.endswith("/events") else answer.read()
    finally:
        connection.close()


def _post(site: Site, path: str, secret: str, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", site.served.port, timeout=60)
    try:
        connection.request("POST", path, body, {"Authorization": f"Bearer {secret}", "X-Write-Key": secret})
        return connection.getresponse().status
    finally:
        connection.close()
