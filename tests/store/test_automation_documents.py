"""Rules and journeys as documents: what can be written is read back, what cannot be meant is refused by its place."""

import pytest

from afterclick.core.errors import SpecError
from afterclick.store.automations import Delivery, nodes
from afterclick.store.definitions import Definitions

TEXT = """
[[rules]]
name = "가입 혜택"
on = ["Page Viewed"]
when = 'session.pages >= 4 && visitor.sessions == 1 && session.portal && !visitor.known'
once = "visitor"
show = {kind = "popup", words = [{lang = "ko", title = "반가워요", button = "가입"}], ttl = "1h"}

[[journeys]]
name = "Basket"
entry = {event = "Product Added", when = "basket.value > 0"}
goal = ["Order Completed"]

[[journeys.steps]]
wait = {span = "3h"}

[[journeys.steps]]
branch = {when = "visitor.known", then = [{send = {channel = "email", words = [{title = "Hi", body = "{{ name }}"}]}}]}

[[journeys.steps]]
split = [{name = "a", share = 0.5, steps = [{exit = true}]}, {name = "b", share = 0.5}]

[delivery]
caps = [{most = 1, per = "7d", tag = "sale"}]
"""


def test_what_is_written_is_read_back() -> None:
    read = Definitions.from_toml(TEXT)
    assert read.rules[0].show is not None
    assert read.rules[0].show.words[0].title == "반가워요"
    assert [place for place, _ in nodes(read.journeys[0].steps)] == ["0", "1", "1.then.0", "2", "2.a.0"]
    assert Definitions.from_toml(read.to_toml()) == read
    assert Definitions().fingerprint() == read.fingerprint()  # they change no answer
    assert read.delivery != Delivery()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[[rules]]\nname = "a"\nwhen = "visitor.known"', "rules[0]"),
        ('[[rules]]\nname = "a"\nwhen = "visitor.known"\nemit = "A"\nenter = "B"', "rules[0]"),
        ('[[rules]]\nname = "a"\nwhen = "visitor.known"\nemit = "A"\nonce = "now"', "rules[0].once"),
        ('[[rules]]\nname = ""\nwhen = "visitor.known"\nemit = "A"', "rules[0].name"),
        ('[[rules]]\nname = "a"\nwhen = "x"\narms = [{name = "a", weight = 0.5}]', "rules[0].arms"),
        ('[[rules]]\nname = "a"\nwhen = "x"\nemit = "A"\ncooldown = "soon"', "rules[0].cooldown"),
        ('[[journeys]]\nname = "a"\nagain = "often"', "journeys[0].again"),
        ('[[journeys]]\nname = "a"\nsteps = [{exit = true, wait = {span = "1h"}}]', "journeys[0].steps.0"),
        ('[[journeys]]\nname = "a"\nsteps = [{wait = {event = "Order Completed"}}]', "journeys[0].steps.0"),
        ('[[journeys]]\nname = "a"\nsteps = [{split = [{name = "x", share = 0.4}]}]', "journeys[0].steps.0"),
        ('[delivery]\nquiet = ["21:00"]', "delivery.quiet"),
        ('[delivery]\ncaps = [{most = 1, per = "month"}]', "delivery.caps[0].per"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_place(text: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        Definitions.from_toml(text)
    assert caught.value.path == path
