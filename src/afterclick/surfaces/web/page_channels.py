"""The Channels page: where visits come from, what they bring, what they cost."""

from __future__ import annotations

from afterclick.analyse.channels import Channels
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import channels
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped


def _media(spec: Spec) -> Spec:
    return scoped(Channels, spec, by="media")


PAGE = Page(
    name="channels",
    path="/channels",
    group="understand",
    kind=Channels,
    looks={"columns": tuple(channels.SETS)},
    controls=SCOPE,
    sheets=("chart", "figures", "lists", "changes", "wide"),
    cards={
        "media": Card(plain(channels.media), ask=_media, title="channels.by_media"),
        "channels": Card(plain(channels.channels), title="channels.title"),
        "unmatched_costs": Card(
            plain(channels.unmatched_costs), table="unmatched_costs", title="channels.unmatched_costs", half=True
        ),
        "unmatched_traffic": Card(
            plain(channels.unmatched_traffic), table="unmatched_traffic", title="channels.unmatched_traffic", half=True
        ),
    },
)
