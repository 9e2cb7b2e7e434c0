"""Who is erased stands in no words that journeys keep for others: versions, messages, what is still to be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import afterclick
from afterclick.act.acts import Acts
from afterclick.act.journeys import tables
from afterclick.act.journeys.program import digest, from_body
from afterclick.act.outbox import table
from afterclick.app import kept_acts, kept_words
from afterclick.app.kept_words import Blotting
from afterclick.app.people.forms import Needles
from afterclick.app.people.redaction import Redaction
from afterclick.app.people.whose import Person
from afterclick.store.automations import Node, Send, Words
from support.deciding import until
from support.journeying import START, journey, wait
from support.sending import intent
from support.served import Served, served

NAME, MAIL = "kim-jiwoo-4711", "kim.jiwoo@mail.example"
IDS = (f"u:{NAME}", f"e:{MAIL}")
SAYS = Node(send=Send(channel="onsite", words=(Words(title="Hello", body=f"Write to {MAIL.upper()}, we all do"),)))
ABOUT = journey(wait("3d"), SAYS, name="about")


def blotting(*ids: str) -> Blotting:
    needles = Needles(ids or IDS)
    return Blotting(Redaction(Person(NAME, ids or IDS, (), ()), needles), needles)


def traces(folder: Path) -> list[str]:
    said = NAME.encode(), MAIL.encode()
    return [path.name for path in folder.glob("acts.db*") if any(one in path.read_bytes().lower() for one in said)]


@pytest.fixture
def acts(tmp_path: Path) -> Any:
    opened = Acts.open(tmp_path, *kept_acts.SCHEMAS)
    yield opened
    opened.close()


def filled(acts: Acts) -> None:
    """Something of every kind that says it, beside something that does not."""
    with acts.writing() as tx:
        for number, one in enumerate((ABOUT, journey(wait("1d"), name=f"For {NAME}"), journey(wait("2d"), name="plain")), 1):
            tx.execute("INSERT INTO journeys (journey, name) VALUES (?, ?)", (number, one.name))
            body = msgspec.json.encode(one)
            tx.execute("INSERT INTO versions (journey, digest, body) VALUES (?, ?, ?)", (number, digest(one), body))
        tx.execute("INSERT INTO versions (journey, digest, body) VALUES (1, 'torn', ?)", (b'{"name": "' + NAME.encode(),))
        tx.execute("INSERT INTO journeys (journey, name) VALUES (9, 'For [erased]')")
        for name in (f"For {NAME}", "For [erased]", "plain"):
            tx.execute("INSERT INTO stops VALUES (?, 1)", (name,))
        for journey_, send in ((f"For {NAME}", 1), ("For [erased]", 1), (f"For {NAME}", 2), ("plain", 3)):
            tx.execute("INSERT INTO parked VALUES (?, 1, ?)", (journey_, send))
        notes = msgspec.msgpack.encode(tables.Notes(event={"friend": MAIL, "n": 3}))
        tx.execute("INSERT INTO runs VALUES (1, 1, 'a:x', '', x'00', 1, 0, 1, 1, ?)", (notes,))
        table.plan(tx, intent("says", "a:x", words=(Words(body=f"ask {MAIL}"),), journey=f"For {NAME}"))
        table.plan(tx, intent("plain", "a:x"))
        words = msgspec.msgpack.encode(Words(title=NAME))
        tx.execute("UPDATE sends SET words = ?, tags = ?, detail = ? WHERE action_id = 'says'", (words, f"vip\n{NAME}", MAIL))
        shown = msgspec.json.encode({"words": [{"body": MAIL}]})
        tx.execute("INSERT INTO onsite VALUES ('shown', 'a:x', 1, 2, 0, ?)", (shown,))
        tx.execute("INSERT INTO tellings (event) VALUES (?)", (msgspec.json.encode({"properties": {"journey": NAME}}),))


def test_every_kind_of_words_is_blotted_and_the_rest_is_as_it_was(acts: Acts, tmp_path: Path) -> None:
    filled(acts)
    assert kept_words.blot(acts, blotting())
    assert traces(tmp_path) == []
    with acts.reading() as reader:
        bodies = [row[0] for row in reader.execute("SELECT body FROM versions ORDER BY version")]
        names = [row[0] for row in reader.execute("SELECT name FROM journeys ORDER BY journey")]
        stops = [row[0] for row in reader.execute("SELECT name FROM stops ORDER BY name")]
        parked = reader.execute("SELECT journey, send FROM parked ORDER BY send").fetchall()
        notes = msgspec.msgpack.decode(reader.execute("SELECT notes FROM runs").fetchone()[0], type=tables.Notes)
        (says, plain) = table.due(reader, "email", 2 * START, 9)
        digests = [row[0] for row in reader.execute("SELECT digest FROM versions ORDER BY version")]
        kept = reader.execute("SELECT tags, detail FROM sends WHERE action_id = 'says'").fetchone()
    about = from_body(bodies[0])
    assert about.steps[1].send is not None
    assert about.steps[1].send.words[0] == Words(title="Hello", body="Write to [erased], we all do")
    assert digests[:3] == [digest(from_body(body)) for body in bodies[:3]]
    assert bodies[3] == b""
    assert names == ["about", "For [erased] 2", "plain", "For [erased]"]
    assert stops == ["For [erased]", "plain"]
    assert parked == [("For [erased]", 1), ("For [erased]", 2), ("plain", 3)]
    assert notes.event == {"friend": "[erased]", "n": 3}
    assert (says.intent.send.words[0].body, says.intent.journey) == ("ask [erased]", "For [erased]")
    assert says.words == Words(title="[erased]")
    assert plain.intent == intent("plain", "a:x")
    assert kept == ("vip\n[erased]", "[erased]")
    assert not kept_words.blot(acts, blotting())


def test_a_short_id_is_no_word_and_nobody_suspects_nothing(acts: Acts) -> None:
    filled(acts)
    assert not kept_words.blot(acts, blotting("u:3"))
    assert not kept_words.blot(acts, blotting("a:somebody-else"))


def test_a_store_that_never_sent_gets_no_file(tmp_path: Path) -> None:
    assert not kept_words.blot_offline(tmp_path, blotting())
    assert list(tmp_path.iterdir()) == []


def sends(server: Served, number: int, event: str, **who: Any) -> None:
    assert server.send("/v1/track", {"type": "track", "event": event, "messageId": f"m{number}", **who}).status == 200


@pytest.mark.parametrize("live", [True, False])
def test_erasing_somebody_takes_them_out_of_versions_that_others_are_on(tmp_path: Path, live: bool) -> None:
    store = tmp_path / "s"
    with afterclick.open(store, write=True, create=True) as shop:
        shop.define(journeys=[ABOUT])

    def runs(server: Served) -> list[str]:
        assert server.live.acting is not None
        with server.live.acting.acts.reading() as reader:
            return [row[0] for row in reader.execute("SELECT visitor FROM runs ORDER BY run")]

    def erase(shop: afterclick.Workspace) -> None:
        erased = shop.erase(NAME)
        assert [one for one in erased.left if one.file.startswith("acts.db")] == []
        assert "acts.db" in erased.files

    with served(store) as server:
        sends(server, 1, "Signed Up", userId=NAME, context={"traits": {"email": MAIL}})
        sends(server, 2, "Product Added", anonymousId="other")
        until(lambda: runs(server) == ["a:other"])
        # The version that the run is on is no longer the document of today.
        server.live.shop.define(journeys=[journey(wait("3d"), name="about")])
        acting = server.live.acting
        assert acting is not None
        until(lambda: len(acting._runner.in_use()) == 2)
        until(lambda: server.live.shop.context().snapshot.book("id").code(f"u:{NAME}") >= 0)
        if live:
            erase(server.live.shop)
            (old,) = [one for one in acting._runner.in_use() if len(one.steps) == 2]
            assert old.steps[1].send is not None
            assert old.steps[1].send.words[0].body == "Write to [erased], we all do"
            assert runs(server) == ["a:other"]
    if not live:
        with afterclick.open(store, write=True) as shop:
            erase(shop)
    assert traces(store) == []
