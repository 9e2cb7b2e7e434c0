"""What `POST /automation` does: documents made, changed, tried on history, switched on and off, deleted, taken back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from afterclick.act.channels.trial import Tested
from afterclick.app import automation_recipes, journey_steps
from afterclick.app.automation_preview import try_send
from afterclick.app.automations import Automations
from afterclick.core.errors import SpecError, UsageError
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.store.automations import Arm, Entry, Journey, LiveRule, Node, Show, Words
from afterclick.surfaces.viz.automation_steps import anchor
from afterclick.surfaces.viz.entries import Posting
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import automation_reading as reading
from afterclick.surfaces.web.shelf import form_of

PATH: Final = "/automations"
FORM: Final = "/automation"
_KEPT: Final = 32
_MOST_ARMS: Final = 4


class Next(NamedTuple):
    """Where a form leads: the page of a document (none = the list), and what of it stands open."""

    kind: str = ""
    name: str = ""
    place: str = ""
    more: str = ""


def page_of(kind: str, name: str) -> str:
    """The address of a rule or journey."""
    return f"{PATH}/{kind}/{quote(name, safe='')}"


def drafting(keeper: Any, token: str) -> Callable[[Voice, str], Html | None] | None:
    """Gives for a recommended action the button that drafts the ready-made automation of it; None where nobody keeps any."""
    if not hasattr(keeper, "automations"):
        return None

    def button(voice: Voice, recommended: str) -> Html | None:
        name = automation_recipes.fitting(recommended)
        if not name:
            return None
        label = voice.text("ready.automate", name=automation_recipes.RECIPES[name].title(voice.lang))
        post = Posting(FORM, (("csrf", token), ("lang", voice.lang)))
        return post.button([("what", "recipe"), ("recipe", name)], label)

    return button


class AutomationForms:
    """The handler. `keeper` is a Workspace."""

    def __init__(self, keeper: Any, token: str) -> None:
        self._keeper = keeper
        self._token = token
        self._tried: tuple[str, str, Tested] | None = None
        self._tests: OrderedDict[tuple[str, str], tuple[str, Result]] = OrderedDict()

    async def change(self, request: Request) -> Response:
        """Do what the form says and lead to the page that shows it. Raises UsageError for what cannot be meant."""
        given = await form_of(request, self._token)
        does = _DOES.get(given.get("what", ""))
        if does is None:
            raise SpecError(Said("refusals.form_says_nothing"), path="what")
        found: Next = await run_in_threadpool(does, self, given)
        path = page_of(found.kind, found.name) if found.name else PATH
        lang = given.get("lang", "")
        query = [f"lang={lang}"] if lang in ("en", "ko") else []
        query += [f"open={quote(found.place)}"] if found.place else []
        mark = f"#{anchor(found.place)}" if found.place else f"#{found.more}" if found.more else ""
        return RedirectResponse(path + ("?" + "&".join(query) if query else "") + mark, 303, {"cache-control": "no-store"})

    def tested(self, kind: str, name: str, print_of: str) -> Result | None:
        """What the last run over history showed, where the document is still the same."""
        found = self._tests.get((kind, name))
        return found[1] if found is not None and found[0] == print_of else None

    @property
    def _desk(self) -> Automations:
        desk: Automations = self._keeper.automations
        return desk

    def recipe(self, given: Mapping[str, str]) -> Next:
        """A draft of a ready-made automation, in the language of the page and that of the shop."""
        lang = given.get("lang", "") if given.get("lang", "") in ("en", "ko") else "en"
        info = self._keeper.info()
        first = str(info.get("language") or lang)
        languages = tuple(dict.fromkeys((first, "en", "ko")))
        values = {name[2:]: value for name, value in given.items() if name.startswith("v_")}
        made = automation_recipes.draft(
            given.get("recipe", ""), values, lang=lang, languages=languages, currency=str(info.get("currency") or ""),
            home=self._desk.home,
        )  # fmt: skip
        kind = "rule" if isinstance(made, LiveRule) else "journey"
        kept = self._desk.put(replace(made, name=self._desk.free_name(kind, made.name)))
        return Next(kind, kept.name)

    def new(self, given: Mapping[str, str]) -> Next:
        """An empty rule or journey."""
        kind, name = given.get("kind", ""), " ".join(given.get("name", "").split())
        if name in (self._desk.rules if kind == "rule" else self._desk.journeys):
            raise SpecError(
                Said(f"refusals.taken_{kind}", name=name),
                hint=Said("refusals.other_name"),
                path="name",
            )
        if kind == "rule":
            words = (Words(title=name),)
            self._desk.put(LiveRule(name=name, when="session.pages >= 3", show=Show(words=words)))
        elif kind == "journey":
            self._desk.put(Journey(name=name, entry=Entry(event="Product Added"), goal=("Order Completed",)))
        else:
            raise SpecError(
                Said("refusals.no_automation", kind=kind[:40]),
                hint=Said("refusals.rule_or_journey"),
                path="kind",
            )
        return Next(kind, name)

    def save(self, given: Mapping[str, str]) -> Next:
        """The fields of a rule, or of a journey's entry and ends."""
        kind, was = given.get("kind", ""), given.get("was", "")
        before = self._desk.get(kind, was)
        made = reading.rule(given, before) if isinstance(before, LiveRule) else reading.journey(given, before)
        return Next(kind, self._desk.put(made, was=was).name)

    def arms(self, given: Mapping[str, str]) -> Next:
        """One message more, or one less, to compare."""
        rule = self._desk.get("rule", given.get("name", ""))
        assert isinstance(rule, LiveRule)
        shows = [arm.show or Show() for arm in rule.arms] or [rule.show or Show()]
        shows = [*shows, shows[-1]] if given.get("do") == "add" else shows[:-1]
        if len(shows) > _MOST_ARMS:
            raise SpecError(Said("refusals.most_versions", most_arms=_MOST_ARMS), path="arms")
        if len(shows) < 2:
            kept: LiveRule = replace(rule, arms=(), show=shows[0] if shows else rule.show)
        else:
            weights = [round(1 / len(shows), 4)] * (len(shows) - 1)
            weights.append(round(1 - sum(weights), 4))
            arms = tuple(
                Arm(name=chr(ord("a") + i), weight=weight, show=show)
                for i, (show, weight) in enumerate(zip(shows, weights, strict=True))
            )
            kept = replace(rule, arms=arms, show=None)
        return Next("rule", self._desk.put(kept, was=rule.name).name)

    def step(self, given: Mapping[str, str]) -> Next:
        """A step of a journey changed, moved, added or taken away."""
        journey = self._desk.get("journey", given.get("name", ""))
        assert isinstance(journey, Journey)
        do, place = given.get("do", ""), given.get("place", "")
        steps = journey.steps
        shown = place
        if do == "add":
            steps = journey_steps.added(steps, place, journey_steps.fresh(given.get("step", "")))
            shown = _last(steps, place)
        elif do == "save":
            def written(node: Node) -> tuple[Node, ...]:
                return (reading.step(given, node),)

            steps = journey_steps.changed(steps, place, written)
        elif do == "drop":
            steps, shown = journey_steps.changed(steps, place, lambda _: ()), ""
        elif do in ("up", "down"):
            steps, shown = journey_steps.moved(steps, place, -1 if do == "up" else 1), ""
        else:
            raise SpecError(Said("refusals.form_says_nothing"), path="do")
        self._desk.put(replace(journey, steps=steps), was=journey.name)
        return Next("journey", journey.name, shown)

    def test(self, given: Mapping[str, str]) -> Next:
        """A run over history, whose answer the page shows then."""
        from afterclick.app.automation_print import fingerprint  # noqa: PLC0415 - forms alone need it

        kind, name = given.get("kind", ""), given.get("name", "")
        document = self._desk.get(kind, name)
        fields = {"range": given["range"]} if given.get("range") else {}
        result = self._desk.backtest(kind, name, **fields)
        self._tests[kind, name] = fingerprint(document), result
        while len(self._tests) > _KEPT:
            self._tests.popitem(last=False)
        return Next(kind, name, more="backtest")

    def trial(self, given: Mapping[str, str]) -> Next:
        """One message sent to one's own address."""
        name, lang = given.get("name", ""), given.get("lang", "")
        address = given.get("address", "").strip()
        if not address:
            raise SpecError(Said("refusals.send_to_whom"), hint=Said("refusals.write_own_address"), path="address")
        done = try_send(
            self._keeper, name, address, lang, place=given.get("place", ""), visitor=given.get("visitor", "").strip()
        )
        self._tried = (name, given.get("place", ""), done)
        return Next("journey", name, more="preview")

    def tried(self, name: str) -> tuple[str, Tested] | None:
        """The place and the outcome of the last message tried, where it was one of this journey."""
        return self._tried[1:] if self._tried is not None and self._tried[0] == name else None

    def on(self, given: Mapping[str, str]) -> Next:
        """Switched on."""
        kind, name = given.get("kind", ""), given.get("name", "")
        self._desk.switch_on(kind, name)
        return Next(kind, name)

    def pause(self, given: Mapping[str, str]) -> Next:
        """Paused."""
        kind, name = given.get("kind", ""), given.get("name", "")
        self._desk.pause(kind, name)
        return Next(kind, name)

    def remove(self, given: Mapping[str, str]) -> Next:
        """Deleted."""
        self._desk.remove(given.get("kind", ""), given.get("name", ""))
        return Next()

    def undo(self, _given: Mapping[str, str]) -> Next:
        """The last change taken back."""
        last = self._desk.undo()
        old = last.rule or last.journey
        return Next(last.kind, old.name) if old is not None else Next()

    def resend(self, given: Mapping[str, str]) -> Next:
        """A message that did not arrive goes again."""
        self._desk.resend(given.get("action_id", ""), given.get("channel", ""))
        return Next(more="outbox")

    def delivery(self, given: Mapping[str, str]) -> Next:
        """How messages leave."""
        self._desk.put_delivery(reading.delivery(given, self._desk.delivery))
        return Next(more="delivery")


def _last(steps: tuple[Node, ...], place: str) -> str:
    """The place of the last step of a list."""
    n = 0
    while True:
        at = f"{place}.{n}" if place else str(n)
        try:
            journey_steps.step_at(steps, at)
        except UsageError:
            return f"{place}.{n - 1}" if place else str(n - 1)
        n += 1


_DOES: Final[Mapping[str, Callable[[AutomationForms, Mapping[str, str]], Next]]] = {
    "recipe": AutomationForms.recipe, "new": AutomationForms.new, "save": AutomationForms.save,
    "arms": AutomationForms.arms, "step": AutomationForms.step, "test": AutomationForms.test, "trial": AutomationForms.trial,
    "on": AutomationForms.on,
    "pause": AutomationForms.pause, "remove": AutomationForms.remove, "undo": AutomationForms.undo,
    "delivery": AutomationForms.delivery, "resend": AutomationForms.resend,
}  # fmt: skip
