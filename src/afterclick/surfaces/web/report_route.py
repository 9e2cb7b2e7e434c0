"""Export > HTML report: the page as it stands in the address bar, as one file to keep or to send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from afterclick.app import questions
from afterclick.core.errors import AfterclickError, NotEnoughData
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.surfaces.web import answers
from afterclick.surfaces.web.address import LOOKS, Address
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.taste import Taste
from afterclick.surfaces.web.work import Work

PATH: Final = "/report.html"
_OWN: Final = frozenset({*LOOKS, "pages", "title", "people", "page", "card", "wait", "token"})


def href(address: Address, page: str, lang: str) -> str:
    """Where the report of a page in its present scope is made."""
    return address.href({"pages": page, "lang": lang, "theme": None, "view": None}, path=PATH)


class ReportRoute:
    """The handler; it takes what a page takes, and answers with a file to save."""

    def __init__(self, asker: Asker, work: Work) -> None:
        self._asker = asker
        self._work = work

    def routes(self) -> list[Route]:
        """The address."""
        return [Route(PATH, self._report)]

    async def _report(self, request: Request) -> Response:
        # A report is made of pages, so it cannot be imported while they are.
        from afterclick.surfaces.report import outline as outlines  # noqa: PLC0415
        from afterclick.surfaces.report.document import document  # noqa: PLC0415

        given = request.query_params
        pairs = [(name, value) for name, value in given.multi_items() if name not in _OWN]
        names = [name for name in given.get("pages", "").split(",") if name]
        lang = Taste.of(request, _looks(given)).lang
        made = outlines.of_pages(names, pairs, title=given.get("title", "")[:200], lang=lang)
        info = await run_in_threadpool(self._asker.info)
        found = await self._answers(made.specs(), str(info.get("fingerprint", "")))
        text = await run_in_threadpool(document, made, found, info, lang)
        name = re.sub(r"[^a-z0-9-]+", "-", "-".join(["afterclick", *names, str(info.get("last_at") or "")[:10]]).lower())
        headers = {
            "content-disposition": f'attachment; filename="{name.strip("-")[:120]}.html"',
            "cache-control": "private, no-cache",
        }
        return HTMLResponse(text, headers=headers)

    async def _answers(self, specs: Mapping[str, Any], fingerprint: str) -> dict[str, Result | AfterclickError]:
        """Answers by the key of their question. Raises what is wrong with one; none in its range is no such thing."""
        found: dict[str, Result | AfterclickError] = {}
        for key, spec in specs.items():
            outcome = await answers.ask(self._work, spec, fingerprint, answers.LIMIT)
            if outcome.problem is not None and not isinstance(outcome.problem, NotEnoughData):
                raise outcome.problem
            answered = outcome.result if outcome.result is not None else outcome.problem
            if answered is None:
                raise AfterclickError(
                    Said("refusals.no_answer", request=outcome.request or Said("refusals.too_slow")),
                    hint=Said("refusals.see_log"),
                )
            found[key] = answered
        return found


def _looks(given: Mapping[str, str]) -> Address:
    looks = {name: value for name, value in given.items() if value in LOOKS.get(name, ())}
    return Address(path=PATH, spec=questions.ALL[0](), looks=looks)
