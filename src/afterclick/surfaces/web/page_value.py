"""Value: what buyers will still bring, recency by frequency, who buys again, what winning a buyer costs."""

from __future__ import annotations

from afterclick.core.spec import Spec
from afterclick.learn.value.repeat import Repeat
from afterclick.learn.value.rfm import Rfm
from afterclick.learn.value.value import Value
from afterclick.surfaces.viz import repeat, rfm, value, value_foreseen
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped


def _rfm(spec: Spec) -> Spec:
    return scoped(Rfm, spec)


def _repeat(spec: Spec) -> Spec:
    return scoped(Repeat, spec)


PAGE = Page(
    name="value",
    path="/value",
    group="understand",
    kind=Value,
    controls=SCOPE - {"compare"},
    cards={
        "headlines": Card(plain(value.headlines), title="value.headlines"),
        "rfm": Card(rfm.rfm, ask=_rfm, title="rfm.title", bare=True),
        "names": Card(plain(rfm.names), ask=_rfm, table="names", title="rfm.names", bare=True, half=True),
        "distribution": Card(
            plain(value.distribution), table="distribution", title="value.distribution", bare=True, half=True
        ),
        "winning": Card(plain(value.winning), title="value.winning", bare=True),
        "repeat": Card(repeat.repeat, ask=_repeat, title="repeat.title", bare=True),
        "alive": Card(plain(value.aliveness), table="alive", title="value.alive_bins", bare=True, half=True),
        "months": Card(plain(value.months), table="months", title="value.months", bare=True, half=True),
        "calibration": Card(
            plain(value_foreseen.calibration), table="calibration", title="value.calibration", bare=True
        ),
    },
    exports={"parameters": "value.parameters", "fit": "value.fit", "rules": "value.rules"},
    asks=True,
    sheets=("chart", "figures", "heat", "value"),
)
