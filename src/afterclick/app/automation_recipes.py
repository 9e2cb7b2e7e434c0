"""Ready-made rules and journeys: what most shops want first, in both languages, with the values that differ between shops."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from afterclick.core import i18n, spans
from afterclick.core.errors import SpecError, nearest
from afterclick.core.said import Said, Spoken
from afterclick.core.step import Step
from afterclick.store.automations import Branch, Channel, Entry, Journey, LiveRule, Node, Send, Show, Wait, Words

Values = Mapping[str, str]
CHANNELS: Final = ("push", "email")
"""Channels that a recipe can be sent by."""
_NUMBER: Final = re.compile(r"\d{1,12}(\.\d{1,4})?")
_SPAN: Final = re.compile(spans.DURATION_PATTERN)


class Field(NamedTuple):
    """One value of a recipe: an amount or whole number, a span (3h, 7d), the name of an event, a channel (`CHANNELS`), or a
    short text."""

    name: str
    kind: Literal["amount", "number", "span", "event", "channel", "text"]
    default: str


class Recipe(NamedTuple):
    """A ready-made automation; `fits` are the recommendations for barriers (`analyse.recipes`) that it carries out."""

    name: str
    make: Callable[[str, Values, tuple[Words, ...]], LiveRule | Journey]
    fields: tuple[Field, ...] = ()
    fits: tuple[str, ...] = ()

    @property
    def on_site(self) -> bool:
        """Whether it is a rule that shows something on the page, not a journey."""
        return self.name in _ON_SITE

    def title(self, lang: str) -> str:
        """What it is called."""
        return i18n.text(lang, f"ready.{self.name}")


_ON_SITE: Final = ("sign_up", "shipping", "install", "referral")
_AMOUNTS: Final = {"": ("20000", "30000"), "KRW": ("20000", "30000"), "JPY": ("2000", "3000")}
_OTHERWISE: Final = ("20", "30")


def draft(
    name: str, given: Values, *, lang: str, languages: tuple[str, ...], currency: str = "", home: str = ""
) -> LiveRule | Journey:
    """The document of a recipe, as a draft, with words in these languages (the first is for visitors of no other).

    Values that are not given, or empty, are those of the recipe; a page of the shop gets `home` (`https://shop.example`)
    before it, since a message that leaves the site needs whole addresses. Raises SpecError for a recipe or a value that
    is none.
    """
    recipe = RECIPES.get(name)
    if recipe is None:
        raise SpecError(
            Said("refusals.no_recipe", name=name),
            hint=nearest(name, RECIPES) or ", ".join(RECIPES),
            path="recipe",
        )
    values = {field.name: _checked(field, given.get(field.name, "").strip(), currency) for field in recipe.fields}
    unknown = sorted(set(given) - {field.name for field in recipe.fields})
    if unknown:
        known: Spoken = ", ".join(field.name for field in recipe.fields) or Said("refusals.none")
        raise SpecError(
            Said("refusals.recipe_no_value", name=recipe.name, value=unknown[0]),
            hint=Said("refusals.its_values", known=known),
            path=unknown[0],
        )
    if values.get("url", "").startswith("/"):
        values["url"] = home + values["url"] if home or recipe.on_site else ""
    words = tuple(_words(recipe, language, values) for language in languages)
    return recipe.make(recipe.title(lang), values, words)


def default(field: Field, currency: str) -> str:
    """What a value is unless another is given; amounts are those that suit the shop's currency."""
    if field.kind != "amount":
        return field.default
    return _AMOUNTS.get(currency, _OTHERWISE)[int(field.default)]


def _checked(field: Field, value: str, currency: str) -> str:
    value = (value or default(field, currency)).replace(",", "") if field.kind in ("amount", "number") else (
        value or default(field, currency)
    )
    good = {
        "amount": _NUMBER.fullmatch(value), "number": value.isdecimal() and len(value) < 7, "span": _SPAN.fullmatch(value),
        "channel": value in CHANNELS,
        "event": 0 < len(value) <= 200 and '"' not in value and "\\" not in value, "text": len(value) <= 200,
    }[field.kind]  # fmt: skip
    if not good:
        hints: Mapping[str, Spoken] = {
            "span": Said(
                "refusals.such_as_span"
            ), "event": Said("refusals.event_unquoted"), "channel": ", ".join(CHANNELS),
        }  # fmt: skip
        hint = hints.get(field.kind, Said("refusals.kind_number"))
        raise SpecError(
            Said("refusals.recipe_value_cannot", name=Said(f"ready.field_{field.name}"), value=value[:40]),
            hint=hint,
            path=field.name,
        )
    return value


def _words(recipe: Recipe, lang: str, values: Values) -> Words:
    def said(part: str) -> str:
        found = i18n.find(lang, f"ready.{recipe.name}_{part}") or ""
        for name, value in values.items():
            found = found.replace(f"<{name}>", value)
        return found

    return Words(
        lang=lang, title=said("title"), body=said("body"), button=said("button"),
        url=values.get("url", ""), code=values.get("code", ""),
    )  # fmt: skip


def _step(event: str) -> str:
    """An event's name as the text of a step: brackets and marks of its own stand behind a backslash."""
    return Step(event=event).text()


def _mail(words: tuple[Words, ...], tag: str) -> Node:
    return Node(send=Send(channel="email", words=words, tags=(tag,)))


def _told(values: Values, words: tuple[Words, ...], tag: str) -> Node:
    channel: Channel = "email" if values["channel"] == "email" else "push"
    return Node(send=Send(channel=channel, words=words, tags=(tag,)))


def _onboarding(name: str, values: Values, words: tuple[Words, ...]) -> Journey:
    welcome = _mail(words, "onboarding")
    return Journey(
        name=name, entry=Entry(event=_step(values["event"])), again="never", goal=("Order Completed",),
        steps=(Node(wait=Wait(span=values["wait"])), welcome),
    )  # fmt: skip


def _install(name: str, values: Values, words: tuple[Words, ...]) -> LiveRule:
    when = f'performed("{values["event"]}", {values["within"]}) && visitor.orders == 0'
    return LiveRule(name=name, when=when, once="ever", show=Show(kind="popup", words=words, ttl="1d"))


def _sign_up(name: str, values: Values, words: tuple[Words, ...]) -> LiveRule:
    when = f"session.pages >= {values['pages']} && visitor.sessions == 1 && session.portal && session.paid && !visitor.known"
    return LiveRule(name=name, when=when, once="visitor", show=Show(kind="popup", words=words))


def _shipping(name: str, values: Values, words: tuple[Words, ...]) -> LiveRule:
    when = f"basket.value >= {values['least']} && basket.value < {values['free']}"
    return LiveRule(name=name, when=when, once="session", show=Show(kind="banner", words=words, ttl="30m"))


def _basket(name: str, values: Values, words: tuple[Words, ...]) -> Journey:
    left = Branch(when="basket.lines >= 1", then=(_told(values, words, "basket"),))
    return Journey(
        name=name, entry=Entry(event="Product Added"), goal=("Order Completed",),
        steps=(Node(wait=Wait(span=values["wait"])), Node(branch=left)),
    )  # fmt: skip


def _price(name: str, values: Values, words: tuple[Words, ...]) -> Journey:
    entry = Entry(event=_step(values["event"]), when=f'performed("Product Viewed", {values["within"]})')
    return Journey(
        name=name, entry=entry, again="7d", goal=("Order Completed",),
        steps=(_told(values, words, "price"),),
    )  # fmt: skip


def _win_back(name: str, values: Values, words: tuple[Words, ...]) -> Journey:
    return Journey(
        name=name, entry=Entry(when=f"since(visitor.last_order_at) > {values['quiet']}"), again="90d",
        goal=("Order Completed",), steps=(Node(wait=Wait(until="10:00")), _mail(words, "win-back")),
    )  # fmt: skip


def _review(name: str, values: Values, words: tuple[Words, ...]) -> Journey:
    return Journey(
        name=name, entry=Entry(event="Order Completed"), again="30d", leave=("Product Reviewed", "Order Refunded"),
        goal=("Product Reviewed",), steps=(Node(wait=Wait(span=values["wait"])), _mail(words, "review")),
    )  # fmt: skip


def _renewal(name: str, values: Values, words: tuple[Words, ...]) -> Journey:
    when = f'since("{values["event"]}") > {values["after"]}'
    return Journey(
        name=name, entry=Entry(when=when), again="30d", goal=(_step(values["event"]),),
        steps=(Node(wait=Wait(until="10:00")), _mail(words, "renewal")),
    )  # fmt: skip


def _referral(name: str, values: Values, words: tuple[Words, ...]) -> LiveRule:
    when = f"visitor.orders >= {values['orders']}"
    return LiveRule(
        name=name, when=when, on=("Order Completed",), once="ever", show=Show(kind="popup", words=words, ttl="1d")
    )


RECIPES: Final[Mapping[str, Recipe]] = {
    recipe.name: recipe
    for recipe in (
        Recipe("sign_up", _sign_up, (Field("pages", "number", "4"), Field("code", "text", "WELCOME10"),
                                     Field("url", "text", "")),
               ("let_guests_buy", "test_landing_page")),
        Recipe("shipping", _shipping, (Field("least", "amount", "0"), Field("free", "amount", "1")),
               ("show_shipping_early",)),
        Recipe("basket", _basket, (Field("wait", "span", "3h"), Field("channel", "channel", "push"),
                                   Field("url", "text", "/cart")),
               ("offer_more_ways_to_pay", "simplify_step", "answer_on_page")),
        Recipe("install", _install, (Field("event", "event", "Application Installed"), Field("within", "span", "1d"),
                                     Field("code", "text", "HELLO10"), Field("url", "text", "")),
               ("check_discount_field",)),
        Recipe("onboarding", _onboarding, (Field("event", "event", "Signed Up"), Field("wait", "span", "1d"))),
        Recipe("price", _price, (Field("event", "event", "Price Dropped"), Field("within", "span", "30d"),
                                 Field("channel", "channel", "push")),
               ("restock_or_remind",)),
        Recipe("win_back", _win_back, (Field("quiet", "span", "60d"), Field("code", "text", "COMEBACK10"))),
        Recipe("review", _review, (Field("wait", "span", "7d"), Field("url", "text", "/reviews"))),
        Recipe("renewal", _renewal, (Field("event", "event", "Subscription Started"), Field("after", "span", "335d"))),
        Recipe("referral", _referral, (Field("orders", "number", "2"), Field("url", "text", "/invite"))),
    )
}  # fmt: skip
"""In the order in which they are offered."""


def fitting(recommended: str) -> str:
    """The recipe that carries out a recommendation for a barrier; empty where nothing can be done by itself."""
    return next((recipe.name for recipe in RECIPES.values() if recommended in recipe.fits), "")
