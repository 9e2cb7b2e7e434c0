"""The Personas page: groups of visitors found in what they do, what visitors lean to, and stages nobody has named yet."""

from __future__ import annotations

from afterclick.learn.personas.personas import Personas
from afterclick.surfaces.web.cards_personas import AFFINITIES, LOOKS, PERSONAS, SHEETS, STAGES
from afterclick.surfaces.web.page import SCOPE, Page

PAGE = Page(
    name="personas",
    path="/personas",
    group="understand",
    kind=Personas,
    controls=SCOPE - {"compare"},
    looks=LOOKS,
    sheets=SHEETS,
    asks=True,
    cards={"personas": PERSONAS, "affinities": AFFINITIES, "discover": STAGES},
    exports={"behaviours": "personas.behaviours", "tried": "personas.tried"},
)
