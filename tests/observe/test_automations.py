"""Rules and journeys of a store: drafted, changed, gated, switched, taken back; recipes and steps by place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import afterclick
from afterclick.act.templates import check_words, preview
from afterclick.analyse.recipes import RECIPES as RECOMMENDED
from afterclick.app import automation_recipes, journey_steps
from afterclick.app.automation_preview import made_up, previews, values_of
from afterclick.app.automation_print import fingerprint
from afterclick.app.automation_trace import trace
from afterclick.app.automations import Automations
from afterclick.core import i18n
from afterclick.core import rule as rules
from afterclick.core.errors import SpecError
from afterclick.core.step import Step
from afterclick.store.automations import (
    Arm,
    Branch,
    Delivery,
    Entry,
    Journey,
    LiveRule,
    Node,
    Send,
    Show,
    Wait,
    Way,
    Words,
    nodes,
)
from afterclick.store.definitions import Definitions
from afterclick.surfaces.viz import live_rules
from afterclick.surfaces.viz.automation_steps import NEW
from afterclick.surfaces.viz.voice import Voice
from support.shop import Shop

SHOW = Show(words=(Words(title="Hello"),))
OFFER = LiveRule(name="Offer", when="session.pages >= 4", show=SHOW)
STEPS = (
    Node(wait=Wait(span="3h")),
    Node(branch=Branch(when="basket.lines >= 1", then=(Node(send=Send(channel="push", words=(Words(title="Basket"),))),))),
)
REMIND = Journey(name="Remind", entry=Entry(event="Product Added"), goal=("Order Completed",), steps=STEPS)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[afterclick.Workspace]:
    made = Shop()
    for page in range(3):
        made.add("v1", f"{page}m", "Page Viewed", url=f"https://shop.example/{page}?utm_source=naver&utm_medium=cpc")
    made.add("v1", "5m", "Product Added", product_id="p1", price=12000, quantity=2, name="Shirt")
    made.add("v1", "4m", "Identified", type="identify", name="Kim", plan="gold")
    with made.open(tmp_path / "store", currency="KRW") as opened:
        yield opened


@pytest.fixture
def desk(shop: afterclick.Workspace) -> Automations:
    return shop.automations


def ready(desk: Automations, kind: str, name: str) -> None:
    desk.note_tested(kind, name, fingerprint(desk.get(kind, name)))


def test_a_document_begins_as_a_draft_whatever_its_writer_says(desk: Automations) -> None:
    desk.put(replace(OFFER, state="on", on_since=5, tested=fingerprint(OFFER)))
    kept = desk.get("rule", "Offer")
    assert (kept.state, kept.on_since, kept.tested) == ("draft", 0, "")


def test_nothing_is_switched_on_that_was_not_run_over_history(desk: Automations) -> None:
    desk.put(OFFER)
    with pytest.raises(SpecError, match="a backtest is required before On") as refused:
        desk.switch_on("rule", "Offer")
    assert refused.value.code == "untested"
    ready(desk, "rule", "Offer")
    on = desk.switch_on("rule", "Offer")
    assert on.state == "on"
    assert on.on_since > 1_700_000_000_000


def test_a_run_over_other_content_opens_no_gate(desk: Automations) -> None:
    desk.put(OFFER)
    before = fingerprint(desk.get("rule", "Offer"))
    desk.put(replace(OFFER, when="session.pages >= 2"))
    desk.note_tested("rule", "Offer", before)
    assert desk.get("rule", "Offer").tested == ""
    with pytest.raises(SpecError, match="backtest"):
        desk.switch_on("rule", "Offer")


@pytest.mark.parametrize("when", ["session.pages >=", "session.pagez >= 4", 'performed("A") && ('])
def test_a_rule_that_cannot_be_read_is_kept_but_not_switched_on(desk: Automations, when: str) -> None:
    desk.put(replace(OFFER, when=when))
    ready(desk, "rule", "Offer")
    problems = desk.problems()["rule", "Offer"]
    assert problems[0].level == "error"
    assert problems[0].path == "when"
    with pytest.raises(SpecError):
        desk.switch_on("rule", "Offer")
    assert desk.get("rule", "Offer").state == "draft"


def test_words_may_change_while_it_is_on_whom_it_reaches_may_not(desk: Automations) -> None:
    desk.put(OFFER)
    ready(desk, "rule", "Offer")
    on = desk.switch_on("rule", "Offer")
    desk.put(replace(OFFER, show=replace(SHOW, words=(Words(title="Hi"),)), cost=3.0))
    kept = desk.get("rule", "Offer")
    assert isinstance(kept, LiveRule)
    assert (kept.state, kept.on_since, kept.cost) == ("on", on.on_since, 3.0)
    desk.put(replace(OFFER, once="ever"))
    assert desk.get("rule", "Offer").state == "paused"


def test_a_journey_that_was_on_becomes_a_new_version(desk: Automations) -> None:
    desk.put(REMIND)
    desk.put(replace(REMIND, again="never"))
    first = desk.get("journey", "Remind")
    assert isinstance(first, Journey)
    assert first.version == 1, "a draft has no runs that would keep to it"
    ready(desk, "journey", "Remind")
    desk.switch_on("journey", "Remind")
    longer = replace(REMIND, again="never", steps=(*STEPS, Node(exit=True)))
    second = desk.put(longer)
    assert isinstance(second, Journey)
    assert (second.version, second.state, second.on_since) == (2, "paused", 0)
    third = desk.put(replace(longer, grace="2h"))
    assert isinstance(third, Journey)
    assert third.version == 2, "this version was never on"


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("smtp", ["mail server", "mail.example:0", "mail.example:99999", "https://mail.example"], ["mail.example", "[::1]:25"]),
        ("base_url", ["shop", "ftp://shop.example", "https://", "https://shop.example/?a=1", "https://shop.example:x"],
         ["https://shop.example", "http://127.0.0.1:8765/ac/"]),
        ("from_email", ["hanbit", "a@b@c.example", "a b@c.example"], ["news@hanbit.example", "Hanbit <news@hanbit.example>"]),
        ("reply_to", ["@shop.example"], ["hello@shop.example"]),
    ],
)  # fmt: skip
def test_addresses_that_lead_nowhere_are_not_kept(desk: Automations, field: str, bad: list[str], good: list[str]) -> None:
    for text in bad:
        with pytest.raises(SpecError) as caught:
            desk.put_delivery(replace(Delivery(), **{field: text}))
        assert caught.value.path == f"delivery.{field}"
        assert text in caught.value.message
        assert desk.delivery == Delivery()
    for text in good:
        desk.put_delivery(replace(Delivery(), **{field: text}))
        assert getattr(desk.delivery, field) == text


def test_every_change_can_be_taken_back(desk: Automations) -> None:
    desk.put(OFFER)
    desk.put(replace(OFFER, when="session.pages >= 2"))
    desk.put_delivery(Delivery(sender="Hanbit", quiet=()))
    desk.remove("rule", "Offer")
    assert desk.undo().change == "removed"
    assert desk.rules["Offer"].when == "session.pages >= 2"
    assert desk.undo().kind == "delivery"
    assert desk.delivery == Delivery()
    desk.undo()
    assert desk.rules["Offer"].when == OFFER.when
    desk.undo()
    assert desk.rules == {}
    with pytest.raises(SpecError, match="nothing to take back"):
        desk.undo()


def test_taking_a_pause_back_switches_on_again_only_what_may_be_on(desk: Automations) -> None:
    desk.put(REMIND)
    ready(desk, "journey", "Remind")
    desk.switch_on("journey", "Remind")
    desk.pause("journey", "Remind")
    desk.undo()
    assert desk.get("journey", "Remind").state == "on"
    changed = desk.put(replace(REMIND, again="never"))
    assert isinstance(changed, Journey)
    desk.undo()
    back = desk.get("journey", "Remind")
    assert isinstance(back, Journey)
    assert (back.again, back.state) == ("after_exit", "on")
    assert back.version > changed.version, "a number that runs may keep to is never given again"


def test_what_is_on_or_needed_is_not_deleted(desk: Automations) -> None:
    desk.put(REMIND)
    desk.put(LiveRule(name="Bring", when="session.pages >= 2", enter="Remind"))
    with pytest.raises(SpecError, match="'Bring' brings visitors into"):
        desk.remove("journey", "Remind")
    ready(desk, "rule", "Bring")
    desk.switch_on("rule", "Bring")
    with pytest.raises(SpecError, match="is on"):
        desk.remove("rule", "Bring")
    with pytest.raises(SpecError, match="there is no rule 'Brin'") as refused:
        desk.pause("rule", "Brin")
    assert refused.value.hint == "did you mean 'Bring'?"


def test_a_draft_gets_another_name_what_was_on_keeps_its_own(desk: Automations) -> None:
    desk.put(OFFER)
    desk.put(replace(OFFER, name="Other"))
    with pytest.raises(SpecError, match="already"):
        desk.put(replace(OFFER, name="Other"), was="Offer")
    desk.put(replace(OFFER, name="Third"), was="Offer")
    assert list(desk.rules) == ["Third", "Other"]
    ready(desk, "rule", "Third")
    desk.switch_on("rule", "Third")
    with pytest.raises(SpecError, match="drawn by its name"):
        desk.put(replace(OFFER, name="Fourth"), was="Third")


def test_a_fingerprint_is_of_whom_and_when_alone() -> None:
    same = [
        replace(OFFER, name="x", cost=1.0, state="on", tested="x", on_since=3),
        replace(OFFER, show=replace(SHOW, words=(Words(title="z"),), kind="toast")),
    ]
    other = [
        replace(OFFER, when="session.pages >= 5"), replace(OFFER, on=("Page Viewed",)), replace(OFFER, holdout_rate=0.1),
        replace(OFFER, cooldown="1d"), replace(OFFER, show=None, call="https://x.example"),
        replace(OFFER, show=None, arms=(Arm(name="a", weight=0.5, show=SHOW), Arm(name="b", weight=0.5, show=SHOW))),
    ]  # fmt: skip
    assert {fingerprint(each) for each in same} == {fingerprint(OFFER)}
    assert len({fingerprint(each) for each in (*other, OFFER)}) == len(other) + 1
    assert fingerprint(replace(REMIND, version=9)) == fingerprint(REMIND) != fingerprint(replace(REMIND, steps=STEPS[:1]))


@pytest.mark.parametrize("name", automation_recipes.RECIPES)
def test_every_recipe_is_a_document_that_passes_the_checks(shop: afterclick.Workspace, name: str) -> None:
    desk = shop.automations
    made = automation_recipes.draft(
        name, {}, lang="ko", languages=("ko", "en"), currency="KRW", home="https://shop.example"
    )
    kind = "rule" if isinstance(made, LiveRule) else "journey"
    desk.put(made)
    assert [one for one in desk.problems().get((kind, made.name), ()) if one.level == "error"] == []
    values = made_up(shop)
    told = [made.show.words] if isinstance(made, LiveRule) and made.show else []
    if isinstance(made, Journey):
        for text in (*made.goal, *made.leave, *([made.entry.event] if made.entry.event else [])):
            assert Step.parse(text).text() == text
        told = [node.send.words for _, node in nodes(made.steps) if node.send is not None]
    assert told
    for words in told:
        assert [one.lang for one in words] == ["ko", "en"]
        assert check_words(words) == []
        for one in words:
            found = preview(one, values, one.lang, channel="email")
            assert found.words is not None
            assert found.words.title
            assert found.words.body
            assert "{{" not in found.words.title + found.words.body
    for lang in ("en", "ko"):
        for part in ("", "_why"):
            assert i18n.find(lang, f"ready.{name}{part}")
        for field in automation_recipes.RECIPES[name].fields:
            assert i18n.find(lang, f"ready.field_{field.name}")


def test_the_two_source_rules_are_those_of_the_book() -> None:
    first = automation_recipes.draft("sign_up", {}, lang="en", languages=("en",))
    second = automation_recipes.draft("shipping", {}, lang="en", languages=("en",), currency="KRW")
    assert isinstance(first, LiveRule)
    assert isinstance(second, LiveRule)
    wanted = "session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known"
    assert rules.parse(first.when) == rules.parse(wanted)
    assert first.once == "visitor"
    assert rules.parse(second.when) == rules.parse("basket.value >= 20000 && basket.value < 30000")
    assert second.once == "session"
    assert second.show is not None
    assert "basket.value | gap: 30000" in second.show.words[0].title


def test_recommended_actions_lead_to_recipes_that_exist() -> None:
    fits = {each for recipe in automation_recipes.RECIPES.values() for each in recipe.fits}
    assert fits <= set(RECOMMENDED)
    assert automation_recipes.fitting("show_shipping_early") == "shipping"
    assert automation_recipes.fitting("speed_up_page") == ""


@pytest.mark.parametrize(
    ("recipe", "values", "said"),
    [
        ("nothing", {}, "there is no recipe"),
        ("sign_up", {"pages": "four"}, "cannot be meant"),
        ("shipping", {"free": "1e9"}, "cannot be meant"),
        ("basket", {"wait": "soon"}, "cannot be meant"),
        ("install", {"event": 'A") || performed("B'}, "cannot be meant"),
        ("basket", {"speed": "1"}, "has no value 'speed'"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(recipe: str, values: dict[str, str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        automation_recipes.draft(recipe, values, lang="en", languages=("en",))


def test_a_trace_says_part_by_part_how_far_a_visitor_is(shop: afterclick.Workspace) -> None:
    desk = shop.automations
    desk.put(replace(OFFER, when="session.pages >= 4 && visitor.sessions == 1 && !visitor.known && basket.value >= 20000"))
    ready(desk, "rule", "Offer")
    assert trace(shop, "v1") == [], "a draft fires nothing"
    desk.switch_on("rule", "Offer")
    (found,) = trace(shop, "v1")
    assert found.holds is False
    assert [(part.holds, part.now, part.wanted) for part in found.parts] == [
        (False, 3, 4), (True, 1, 1), (True, None, None), (True, 24000, 20000)
    ]  # fmt: skip
    assert "at least 4" in found.parts[0].words
    with pytest.raises(SpecError, match="no visitor has the id"):
        trace(shop, "nobody")


def test_a_trace_says_when_a_rule_last_did_something_for_the_visitor(tmp_path: Path) -> None:
    made = Shop()
    made.add("v1", "9m", "Page Viewed", url="https://shop.example/")
    made.add("v1", "8m", "Message Delivered", rule="Offer", action_id="a1", channel="onsite")
    made.add("v1", "7m", "Message Suppressed", rule="Other", action_id="a2", reason="holdout")
    # In which arm of a comparison somebody is, is nothing that was done.
    for when, name in (("8m", "Offer"), ("7m", "Other"), ("5m", "Third")):
        made.add("v1", when, "Experiment Viewed", rule=name, action_id="a4", experiment=f"holdout:{name}", variant="treated")
    made.add("v2", "6m", "Message Delivered", rule="Third", action_id="a3", channel="onsite")
    with made.open(tmp_path / "store", currency="KRW") as shop:
        for name in ("Offer", "Other", "Third"):
            shop.automations.put(replace(OFFER, name=name))
            ready(shop.automations, "rule", name)
            shop.automations.switch_on("rule", name)
        found = {one.rule.name: one for one in trace(shop, "v1")}
        page = live_rules.traced("v1", list(found.values()), "", "/live", {}, Voice(lang="en"))
    assert found["Offer"].last_at == found["Other"].last_at + 60_000_000
    assert {name: one.held_back for name, one in found.items()} == {"Offer": False, "Other": True, "Third": False}
    assert found["Third"].last_at is None
    assert str(page).count("Last acted") == str(page).count("Held back") == 1
    assert str(page).count("once per session") == 2


def test_a_message_is_read_with_the_values_of_a_real_visitor(shop: afterclick.Workspace) -> None:
    values: Any = values_of(shop, "v1")
    assert values["visitor"]["name"] == "Kim"
    basket = values["basket"]
    assert (basket["value"], basket["count"]) == (24000, len(basket["lines"]))
    assert sum(line["quantity"] * line["price"] for line in basket["lines"]) == 24000
    assert set(basket["lines"][0]) == set(made_up(shop)["basket"]["lines"][0])
    words = (
        Words(lang="en", title="{{ visitor.name }}: {{ basket.value | gap: 30000 | money }} to go"),
        Words(lang="ko", title="{% bad"),
        Words(title="<b>{{ visitor.plan }}</b>"),
    )
    first, second, third = previews(shop, words, "en", visitor="v1")
    assert (first[0].title, first[1]) == ("Kim: ₩6,000 to go", "")
    assert second[0].title == "{% bad"
    assert second[1]
    assert third[0].title == "<b>gold</b>"


# Steps by place.

LEAF = st.sampled_from([Node(exit=True), Node(wait=Wait(span="1h")), Node(set={"a": "b"})])


def _tree(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(inner, max_size=3).map(tuple)
    branch = st.builds(lambda then, other: Node(branch=Branch(when="true", then=then, otherwise=other)), some, some)
    split = st.builds(
        lambda one, two: Node(split=(Way(name="a", share=0.5, steps=one), Way(name="then", share=0.5, steps=two))), some, some
    )
    return branch | split


STEPS_OF = st.lists(st.recursive(LEAF, _tree, max_leaves=12), max_size=4).map(tuple)


@given(STEPS_OF)
def test_every_place_finds_its_step_and_can_be_changed(steps: tuple[Node, ...]) -> None:
    for place, node in nodes(steps):
        assert journey_steps.step_at(steps, place) == node
        marked = journey_steps.changed(steps, place, lambda _: (Node(set={"mark": "here"}),))
        assert journey_steps.step_at(marked, place).set == {"mark": "here"}
        assert journey_steps.changed(marked, place, lambda _, kept=node: (kept,)) == steps
        gone = journey_steps.changed(steps, place, lambda _: ())
        inside = sum(other == place or other.startswith(f"{place}.") for other, _ in nodes(steps))
        assert len(list(nodes(gone))) == len(list(nodes(steps))) - inside
        down = journey_steps.moved(steps, place, 1)
        assert sorted(map(repr, (one for _, one in nodes(down) if one == node))) == sorted(
            map(repr, (one for _, one in nodes(steps) if one == node))
        )


def test_steps_are_added_at_the_end_of_their_list() -> None:
    for kind in NEW:
        made = journey_steps.added(STEPS, "1.otherwise", journey_steps.fresh(kind))
        assert journey_steps.step_at(made, "1.otherwise.0") == journey_steps.fresh(kind)
    for place in ("9", "0.then.0", "1.never.0", "x", "1.then", "", "1..0", "-1"):
        with pytest.raises(SpecError, match="there is no step"):
            journey_steps.step_at(STEPS, place)


# The documents of the guide.

GUIDE = Path(__file__).parents[2] / "docs" / "automations.md"


def test_the_documents_of_the_guide_are_real(shop: afterclick.Workspace) -> None:
    lines = GUIDE.read_text("utf-8").split("\n")
    written = "\n".join(line[4:] if line.startswith("    ") else "" for line in lines)
    blocks = [block for block in re.split(r"\n\n\n+", written) if "[[" in block or "[delivery]" in block]
    found = [Definitions.from_toml("\n".join(block.split("\n"))) for block in blocks]
    rules_of = [rule for each in found for rule in each.rules]
    journeys_of = [journey for each in found for journey in each.journeys]
    assert [rule.name for rule in rules_of] == ["Sign-up offer", "Free-shipping gap"]
    assert [journey.name for journey in journeys_of] == ["Basket left behind"]
    assert any(each.delivery.preset == "kr" for each in found)
    for document in (*rules_of, *journeys_of):
        shop.automations.put(document)
    errors = [one for problems in shop.automations.problems().values() for one in problems if one.level == "error"]
    assert errors == []
