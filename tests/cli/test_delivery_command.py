"""`afterclick delivery`: what a channel lacks is named, secrets go in unseen, audiences come out as ad platforms take them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner

import afterclick
from afterclick.act.channels import audience
from afterclick.act.channels.audience import Audience
from afterclick.act.channels.vapid import Pair
from afterclick.act.outbound import signing
from afterclick.act.secrets import SMTP_PASSWORD, Secrets
from afterclick.surfaces.cli.main import group


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "shop"
    with afterclick.open(path, write=True, create=True):
        pass
    return path


def run(store, *arguments, **more):
    return CliRunner().invoke(group, ["delivery", *arguments, "--store", str(store), "--lang", "en"], **more)


def lacks(store):
    return {one["channel"]: one["lacks"] for one in json.loads(run(store, "show", "--format", "json").stdout)}


def test_what_a_channel_lacks_is_named_until_it_is_there(store):
    assert lacks(store) == {
        "email": ["smtp", "from_email", "base_url"], "push": ["push_contact"], "webhook": [], "onsite": [], "export": [],
    }  # fmt: skip
    with afterclick.open(store, write=True) as shop:
        own = {"smtp": "mx.example:587", "smtp_user": "u", "from_email": "a@b.example", "base_url": "https://x.example"}
        shop.define(delivery=own)
    assert lacks(store)["email"] == ["smtp_password"]
    done = run(store, "password", input="s3cret\n")
    assert done.exit_code == 0
    assert "s3cret" not in done.output
    assert Secrets(store, {}).get(SMTP_PASSWORD) == "s3cret"
    assert lacks(store)["email"] == []
    assert "ready" in run(store, "show").stdout
    run(store, "password", input="\n")
    assert Secrets(store, {}).get(SMTP_PASSWORD) == ""
    with afterclick.open(store, write=True) as shop:
        shop.define(delivery={"smtp": "http://mx", "from_email": "a@b.example", "base_url": "https://x.example"})
    assert lacks(store)["email"] == ["smtp"]


def test_the_signing_secret_is_shown_and_renewed(store):
    first = run(store, "signing").stdout.strip()
    assert first == signing.secret(store)
    renewed = run(store, "signing", "--renew")
    assert renewed.stdout.strip() == signing.secret(store) != first
    assert "7 more days" in renewed.stderr


def test_the_key_of_web_push_is_made_once(store):
    key = run(store, "push-key").stdout.strip()
    assert key == run(store, "push-key").stdout.strip() == Pair.of_store(Secrets(store)).public


def test_audiences_are_listed_and_written(store):
    assert "No journey" in run(store, "audiences").stdout
    channel = Audience(store)
    for name in ("a", "b"):
        member = audience.of(name, 1, f"u:{name}", f"{name}@x.example", "")
        channel._append(audience.file_of(store, "가을 세일"), member)
    (listed,) = json.loads(run(store, "audiences", "--format", "json").stdout)
    assert listed["people"] == 2
    for name in ("가을 세일", listed["audience"]):
        rows = list(csv.DictReader(io.StringIO(run(store, "audience", name, "--for", "meta").stdout)))
        assert [len(row["email"]) for row in rows] == [64, 64]
    missing = run(store, "audience", "nobody", "--for", "google")
    assert missing.exit_code == 2
    assert listed["audience"] in missing.output
