"""Everything as data: a page's JSON and CSV, every question as an API, the people behind a number, the schema."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib import metadata
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from afterclick.core import i18n
from afterclick.core.errors import AfterclickError, SpecError, nearest_or_known
from afterclick.core.result import People, Result
from afterclick.core.said import Said
from afterclick.core.spec import Spec, kind, kinds
from afterclick.surfaces.viz.drawer import PAGE
from afterclick.surfaces.web import answers, forms
from afterclick.surfaces.web.address import LOOKS
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.page import Card, Page
from afterclick.surfaces.web.work import Work

Handler = Callable[[Request], Awaitable[Response]]

_BESIDE = frozenset({*LOOKS, "card", "wait", "page", "people", "question", "token"})
_JSON = msgspec.json.Encoder(decimal_format="number")
_KEPT = {"cache-control": "private, no-cache"}


class DataRoutes:
    """The handlers of data addresses; unlike a page, data refuses a bad value (422) instead of showing a default."""

    def __init__(self, asker: Asker, work: Work, version: str) -> None:
        self._asker = asker
        self._work = work
        self._version = version

    def routes(self) -> list[Route]:
        """The addresses that belong to no page."""
        return [
            Route("/api/{question}.json", self._api),
            Route("/api/{question}.csv", self._api_csv),
            Route("/people.json", self._people_json),
            Route("/people.csv", self._people_csv),
            Route("/schema.json", self._schema),
        ]

    def page_json(self, page: Page) -> Handler:
        """One card as JSON, else the Result of the page with its cards of other questions under `cards`."""

        async def handle(request: Request) -> Response:
            spec, looks = _spec(request, page.kind, page.looks), page.looked(dict(request.query_params))
            name = request.query_params.get("card", "")
            if name in page.cards:
                return await self._result_json(request, _asked_by(page.cards[name], spec, looks))
            if name:
                raise _no_card(name, page.cards)
            return await self._result_json(request, spec, _others(page, spec, looks))

        return handle

    def page_csv(self, page: Page) -> Handler:
        """A card of the page as CSV, or the visitors behind one of its cells."""

        async def handle(request: Request) -> Response:
            spec, looks = _spec(request, page.kind, page.looks), page.looked(dict(request.query_params))
            name = request.query_params.get("card", "")
            card = page.cards.get(name)
            asked = _asked_by(card, spec, looks) if card else spec
            result = await self._asked(asked)
            cell = request.query_params.get("people", "")
            if cell:
                people = await run_in_threadpool(result.people, cell)
                return _csv(forms.csv_lines(forms.people_tables(people)), f"afterclick-{asked.key_word}-visitors")
            wanted = card.table if card else "" if name in ("", page.name, *_FRAMES) else name
            if wanted and wanted not in result.parts:
                raise _no_card(name, [*page.cards, *result.parts])
            table = result.parts[wanted] if wanted else result.frame
            return _csv(forms.csv_lines([table]), f"afterclick-{page.name}" + (f"-{name}" if name else ""))

        return handle

    async def refused(self, request: Request, problem: Exception) -> Response:
        """An error of the tree as JSON, with its own status, in the language that the address asks for."""
        if not isinstance(problem, AfterclickError):
            raise problem
        return JSONResponse({"error": problem.to_dict(_lang(request))}, problem.status, headers={"cache-control": "no-store"})

    async def _api(self, request: Request) -> Response:
        return await self._result_json(request, _spec(request, kind(request.path_params["question"])))

    async def _api_csv(self, request: Request) -> Response:
        """The frame of an answer as CSV, or the part that `card` names."""
        word, name = request.path_params["question"], request.query_params.get("card", "")
        result = await self._asked(_spec(request, kind(word)))
        if name and name not in result.parts:
            raise _no_card(name, result.parts)
        table = result.parts[name] if name else result.frame
        return _csv(forms.csv_lines([table]), f"afterclick-{word}" + (f"-{name}" if name else ""))

    async def _result_json(self, request: Request, spec: Spec, others: Mapping[str, Spec] | None = None) -> Response:
        lang, others = _lang(request), others or {}
        info = await run_in_threadpool(self._asker.info)
        keys = [spec.key, *(other.key for other in others.values())]
        tag = answers.etag("json", keys, lang, info.get("fingerprint"), self._version)
        headers = {**_KEPT, "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        results = await asyncio.gather(*(self._asked(each) for each in (spec, *others.values())))
        if not others:
            body = await run_in_threadpool(results[0].to_json, lang)
            return Response(body, media_type="application/json", headers=headers)
        cards = {name: result.to_dict(lang) for name, result in zip(others, results[1:], strict=True)}
        return Response(
            _encoded({**results[0].to_dict(lang), "cards": cards}), media_type="application/json", headers=headers
        )

    async def _asked(self, spec: Spec) -> Result:
        info = await run_in_threadpool(self._asker.info)
        outcome = await answers.ask(self._work, spec, str(info.get("fingerprint", "")), answers.LIMIT)
        if outcome.problem is not None:
            raise outcome.problem
        if outcome.result is None:
            raise AfterclickError(
                Said("refusals.no_answer", request=outcome.request or Said("refusals.too_slow")),
                hint=Said("refusals.see_log"),
            )
        return outcome.result

    async def _behind(self, request: Request) -> tuple[Spec, People, str]:
        spec = _spec(request, kind(request.query_params.get("question", "map")))
        cell = request.query_params.get("people", "")
        if not cell:
            raise SpecError(Said("refusals.people_names_cell"), hint=Said("refusals.people_example"), path="people")
        result = await self._asked(spec)
        return spec, await run_in_threadpool(result.people, cell), cell

    async def _people_json(self, request: Request) -> Response:
        given = request.query_params.get("page", "1")
        if not given.isdecimal() or len(given) > 9 or int(given) < 1:
            raise SpecError(
                Said("refusals.page_cannot", given=given[:40]),
                hint=Said("refusals.whole_from_one"),
                path="page",
            )
        number = int(given)
        spec, people, cell = await self._behind(request)
        table = await run_in_threadpool(people.table, (number - 1) * PAGE, PAGE)
        lang = _lang(request)
        body: dict[str, Any] = {
            "spec": spec.to_dict(),
            "cell": cell,
            "sentence": people.text.say(lang),
            "count": len(people),
            "page": number,
            "page_size": PAGE,
            "next_page": number + 1 if number * PAGE < len(people) else None,
            "data": table.to_pylist(),
        }
        return Response(_encoded(body), media_type="application/json", headers=_KEPT)

    async def _people_csv(self, request: Request) -> Response:
        spec, people, _ = await self._behind(request)
        return _csv(forms.csv_lines(forms.people_tables(people)), f"afterclick-{spec.key_word}-visitors")

    async def _schema(self, _: Request) -> Response:
        body = {
            "version": metadata.version("afterclick"),
            "questions": {word: {"title": found.title(), "schema": found.schema()} for word, found in kinds().items()},
        }
        return Response(_encoded(body), media_type="application/json", headers=_KEPT)


_FRAMES = ("stages", "events", "store")


def _asked_by(card: Card, spec: Spec, looks: Mapping[str, str]) -> Spec:
    asked = card.question(spec, looks)
    if asked is None:
        raise SpecError(Said("refusals.no_card_so"), path="card")
    return asked


def _others(page: Page, spec: Spec, looks: Mapping[str, str]) -> dict[str, Spec]:
    """The questions of cards beside the page's own, each once, under the card that is listed for CSV where one is.

    A card that is not listed and asks a question of the page's own kind shows less of the page's answer, and is left out.
    """
    found: dict[str, Spec] = {}
    for name, card in sorted(page.cards.items(), key=lambda item: not item[1].title):
        other = card.question(spec, looks) if card.ask or card.choose else None
        if other is None or other in found.values() or (not card.title and type(other) is page.kind):
            continue
        found[name] = other
    return found


def _no_card(name: str, known: Iterable[str]) -> SpecError:
    hint = nearest_or_known(name, known, "refusals.known_cards")
    return SpecError(Said("refusals.no_card", name=name[:80]), hint=hint, path="card")


def _spec(request: Request, of: type[Spec], looks: Iterable[str] = ()) -> Spec:
    """The question of the address; anything that is neither a field nor a look is refused."""
    beside = (_BESIDE | set(looks)) - {field.name for field in of.fields()}
    return of.from_texts([(name, value) for name, value in request.query_params.multi_items() if name not in beside])


def _lang(request: Request) -> str:
    given = request.query_params.get("lang", "en")
    return given if given in i18n.languages() else "en"


def _encoded(body: dict[str, Any]) -> bytes:
    return _JSON.encode(body)


def _csv(lines: Iterable[str], name: str) -> Response:
    headers = {**_KEPT, "content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
