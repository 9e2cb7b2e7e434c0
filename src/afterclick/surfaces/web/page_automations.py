"""The Automations page: rules and journeys in one list, each with an editor of sentences, and how messages leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from afterclick.analyse import opening
from afterclick.app.automation_checks import Problem, say
from afterclick.app.automation_places import Document
from afterclick.app.automations import Automations, kind_of
from afterclick.core.errors import AfterclickError, SpecError
from afterclick.observe.automations.outcomes import Outcome, Outcomes
from afterclick.store.automations import LiveRule
from afterclick.surfaces.viz import automation_editor, automations
from afterclick.surfaces.viz.automation_editor import Known
from afterclick.surfaces.viz.automations import Line
from afterclick.surfaces.viz.entries import Posting
from afterclick.surfaces.viz.markup import Child, Html, el
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import automation_cards as cards
from afterclick.surfaces.web.address import LOOKS, Address
from afterclick.surfaces.web.automation_forms import FORM, PATH, AutomationForms, page_of
from afterclick.surfaces.web.frame import badge, navigation
from afterclick.surfaces.web.taste import Taste

SHEETS: Final = ("ask", "lists", "wide", "segments", "automations")
_FLEETING: Final = {"cache-control": "no-store", "vary": "Cookie, Accept-Language"}
_LONGEST: Final = 200


class AutomationRoutes:
    """The handlers of the page. `keeper` is a Workspace; of one that keeps no automations the page says so."""

    def __init__(self, keeper: Any, templates: Environment, version: str, token: str, forms: AutomationForms) -> None:
        self._keeper = keeper
        self._templates = templates
        self._version = version
        self._token = token
        self._forms = forms

    def routes(self) -> list[Route]:
        """The addresses of the page; the form's own is among those that change something."""
        return [
            Route(PATH, self._list),
            Route(f"{PATH}.json", self._json),
            Route(f"{PATH}/rule/{{inner:path}}", self._one("rule")),
            Route(f"{PATH}/journey/{{inner:path}}", self._one("journey")),
        ]

    @property
    def _desk(self) -> Automations:
        desk: Automations = self._keeper.automations
        return desk

    async def _list(self, request: Request) -> Response:
        # Where the address of a dry run leads: the document it was about.
        for kind in ("rule", "journey"):
            name = request.query_params.get(kind, "")
            if name and self._keeps and name in getattr(self._desk, f"{kind}s"):
                return RedirectResponse(page_of(kind, name), 302, _FLEETING)
        return await self._answer(request, PATH, self._listed, "")

    def _one(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            name = request.path_params["inner"]
            if not self._keeps:
                raise HTTPException(404)
            opened, visitor = (request.query_params.get(one, "").strip()[:_LONGEST] for one in ("open", "visitor"))

            def body(post: Posting, voice: Voice) -> Html:
                return self._edited(kind, name, (opened, visitor), post, voice)

            return await self._answer(request, page_of(kind, name), body, name)

        return handle

    async def _answer(self, request: Request, path: str, body: Any, title: str) -> Response:
        looks = {name: value for name in LOOKS if (value := request.query_params.get(name, "")) in LOOKS[name]}
        address = Address(path=path, spec=opening.visitor(), looks=looks)
        taste = Taste.of(request, address)
        try:
            shown = await run_in_threadpool(self._whole, path, looks, taste, address, body, title)
        except SpecError as problem:
            raise HTTPException(404) if problem.path == "name" else problem from None
        answer = HTMLResponse(shown, headers=_FLEETING)
        taste.keep(answer, address)
        return answer

    async def _json(self, _: Request) -> Response:
        found = await run_in_threadpool(self._data)
        body = msgspec.json.encode(found)
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    @property
    def _keeps(self) -> bool:
        return hasattr(self._keeper, "automations")

    def _data(self) -> dict[str, Any]:
        if not self._keeps:
            return {"automations": [], "delivery": None, "troubles": []}
        outcomes, problems = self._outcomes(), self._desk.problems()
        return {
            "automations": [
                {
                    "kind": kind_of(each), **msgspec.to_builtins(each), "outcome": _plain(_of(outcomes, each)),
                    "problems": [{"level": one.level, "path": one.path, "message": say(one, "en")}
                                 for one in problems.get((kind_of(each), each.name), ())],
                }
                for each in self._documents()
            ],
            "delivery": msgspec.to_builtins(self._desk.delivery),
            "troubles": [each._asdict() for each in outcomes.troubles],
        }  # fmt: skip

    def _whole(
        self, path: str, looks: Mapping[str, str], taste: Taste, address: Address, body: Any, title: str
    ) -> str:
        info = self._keeper.info()
        voice = Voice(lang=taste.lang, currency=str(info.get("currency") or ""), zone=str(info.get("timezone") or "UTC"))
        post = Posting(FORM, (("csrf", self._token), ("lang", taste.lang)))
        return self._templates.get_template("automations.html").render(
            t=voice.text, lang=taste.lang, theme=taste.theme, version=self._version, sheets=SHEETS,
            nav=navigation(None, address, voice, here="automations"), badge=badge(info, voice),
            example=bool(info.get("example")), title=title or voice.text("automations.title"),
            menus=_menus(path, looks, taste, voice), back=f"{PATH}?lang={taste.lang}" if title else "", body=body(post, voice),
        )  # fmt: skip

    def _documents(self) -> list[Document]:
        return [*self._desk.rules.values(), *self._desk.journeys.values()]

    def _outcomes(self) -> Outcomes:
        try:
            return self._desk.outcomes()
        except AfterclickError:
            # A store without events has no outcome yet; a broken one says so on every page of figures.
            return Outcomes({}, ())

    # The list.

    def _listed(self, post: Posting, voice: Voice) -> Html:
        if not self._keeps:
            return el("p", {"class": "finding"}, voice.text("automations.nowhere"))
        documents, outcomes, problems = self._documents(), self._outcomes(), self._desk.problems()
        lines = [
            Line(each, _of(outcomes, each), _errors(problems.get((kind_of(each), each.name), ())),
                 page_of(kind_of(each), each.name))
            for each in documents
        ]  # fmt: skip
        parts: list[Child] = [automations.troubles(outcomes.troubles, voice), cards.undo(self._desk, post, voice)]
        parts += [automations.listed(lines, voice)] if lines else []
        parts += [
            cards.outbox(self._desk, post, voice),
            automations.recipes(post, voice.currency, voice, first=not lines),
            automations.fresh(post, voice),
            cards.delivery(self._desk, post, voice),
        ]
        return el("div", {"class": "cards"}, [el("div", None, part) for part in parts if part])

    # One document.

    def _edited(self, kind: str, name: str, asked: tuple[str, str], post: Posting, voice: Voice) -> Html:
        """The editor; `asked` is the place of the step that stands open, and the visitor whose values fill messages."""
        opened, visitor = asked
        document = self._desk.get(kind, name)
        found = self._desk.problems().get((kind, name), ())
        wrong = automations.by_path([(one.path, say(one, voice.lang)) for one in found if one.level == "error"])
        known = Known(tuple(self._desk.journeys), self._keeper.events(), tuple(self._keeper.info().get("segments", ())))
        outcomes = self._outcomes()
        line = Line(document, _of(outcomes, document), _errors(found), page_of(kind, name))
        if isinstance(document, LiveRule):
            flow = automation_editor.rule(document, post, wrong, known, voice)
        else:
            flow = automation_editor.journey(document, post, wrong, known, opened, voice)
        parts: list[Child] = [
            automations.troubles(outcomes.troubles, voice),
            cards.head(document, _errors(found), self._desk, post, voice),
            cards.hints(found, voice),
            flow,
            cards.standing(document, self._desk, voice),
            cards.backtest(document, self._forms, post, voice),
            cards.read(document, self._keeper, visitor, self._forms, post, voice),
            automations.listed([line], voice, "automations.outcome") if line.outcome != Outcome() else None,
            cards.delivery(self._desk, post, voice),
        ]
        return el("div", {"class": "cards"}, [el("div", None, part) for part in parts if part])


def _of(outcomes: Outcomes, document: Document) -> Outcome:
    return outcomes.found.get((kind_of(document), document.name), Outcome())


def _errors(problems: Sequence[Problem]) -> int:
    return sum(problem.level == "error" for problem in problems)


def _plain(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(outcome)
    return found


def _menus(path: str, looks: Mapping[str, str], taste: Taste, voice: Voice) -> list[dict[str, Any]]:
    """Theme and language, each a list of links."""
    now = {"theme": taste.theme, "lang": taste.lang}
    texts = {"en": "English", "ko": "한국어"}
    return [
        {
            "name": name,
            "text": voice.text(f"frame.{name}"),
            "items": [
                {
                    "text": texts.get(value) if name == "lang" else voice.text(f"frame.{name}_{value}"),
                    "href": f"{path}?{urlencode({**looks, name: value})}",
                    "here": now[name] == value,
                    "lang": value if name == "lang" else "",
                }
                for value in LOOKS[name]
            ],
        }
        for name in ("theme", "lang")
    ]
