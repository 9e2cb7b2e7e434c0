"""The forms of the Segments page: a rule saved under a name, renamed, deleted, taken as a list; visitors of any cell kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from afterclick.core import spec as specs
from afterclick.core.errors import AfterclickError, SpecError
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.surfaces.viz.drawer import Keeping
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import forms as tables
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.page import Page
from afterclick.surfaces.web.shelf import form_of

NAME: Final = "segments"
PATH: Final = "/segment"
AUDIENCE: Final = "/audience.csv"


def forms(page: Page, address: Address, keeper: Any, token: str, voice: Voice) -> dict[str, Any] | None:
    """What the forms need; None on any other page, and where nobody keeps segments."""
    if page.name != NAME or not hasattr(keeper, "segments"):
        return None
    shelf = keeper.segments
    try:
        saved, lists = shelf.saved(), [one.name for one in shelf.lists()]
    except AfterclickError as error:
        return {"template": "segments.html", "can": False, "problem": error.say(voice.lang)}
    asked = next((text for name, text in address.spec.changed().items() if name == "rule"), "")
    rule = "" if address.missing else str(asked).strip()
    return {
        "template": "segments.html",
        "can": True,
        "problem": "",
        "csrf": token,
        "rule": rule,
        "name": rule if rule in saved else "",
        "kept": rule in saved or rule in lists,
        "saved": list(saved),
        "lists": lists,
        "undo": shelf.undoable,
        "audience": f"{AUDIENCE}?{urlencode({'segment': rule})}" if rule else "",
        "lang": voice.lang,
    }


def keeping(spec: Spec, cell: str, keeper: Any, token: str) -> Keeping | None:
    """What the drawer's form sends to keep the visitors of a cell as a list; None where nobody keeps segments."""
    if not hasattr(keeper, "segments"):
        return None
    return Keeping(PATH, (("csrf", token), ("what", "people"), ("question", spec.to_json()), ("cell", cell)))


class SegmentForms:
    """The handler of `POST /segment` and of the CSV for retargeting."""

    def __init__(self, keeper: Any, token: str) -> None:
        self._keeper = keeper
        self._token = token

    async def change(self, request: Request) -> Response:
        """Do what the form says and lead to the segment. Raises UsageError for what cannot be meant."""
        given = await form_of(request, self._token)
        shown = await run_in_threadpool(self._do, given)
        query = {name: value for name, value in (("rule", shown), ("lang", given.get("lang", ""))) if value}
        path = f"/{NAME}?{urlencode(query)}" if query else f"/{NAME}"
        return RedirectResponse(path, 303, headers={"cache-control": "no-store"})

    def _do(self, given: Mapping[str, str]) -> str:
        """The name or rule of the segment to show then."""
        shelf, what, name = self._keeper.segments, given.get("what", ""), given.get("name", "").strip()
        rule = given.get("rule", "")
        if what == "save":
            shelf.save(name, self._keeper.segments.saved().get(rule, rule))
            return name
        if what == "rename":
            shelf.rename(rule, name)
            return name
        if what == "take":
            return str(shelf.take(rule, name).name)
        if what == "people":
            return str(shelf.keep(specs.from_json(given.get("question", "")), given.get("cell", ""), name).name)
        if what == "delete":
            shelf.drop(name) if name in {one.name for one in shelf.lists()} else shelf.delete(name)
        elif what == "undo":
            shelf.undo()
        else:
            raise SpecError(Said("refusals.form_says_nothing"), path="what")
        return ""

    async def audience(self, request: Request) -> Response:
        """The members of `?segment=` with their ids, e-mails as digests, for a file to hand over."""
        table = await run_in_threadpool(self._keeper.segments.audience, request.query_params.get("segment", ""))
        head = {"content-disposition": 'attachment; filename="afterclick-audience.csv"', "cache-control": "no-store"}
        body = "".join(tables.csv_lines([table]))
        return Response(body, media_type="text/csv; charset=utf-8", headers=head)
