"""The Attribution page: every model's credit side by side on one scale, the rule as a sentence, what it cost and returned."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from afterclick.core.condition_tree import quoted
from afterclick.core.result import Result
from afterclick.core.spec import Field
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, path
from afterclick.surfaces.viz.markup import said as stranger
from afterclick.surfaces.viz.metrics import lacking, shown, title
from afterclick.surfaces.viz.scales import round_up
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

UNATTRIBUTED: Final = "(unattributed)"
SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "main": ("first", "last", "linear", "markov", "shapley"),
    "rules": (
        "first", "last", "last_non_direct", "prioritise", "linear", "time_decay", "position", "j", "inverse_j", "custom",
        "any",
    ),
    "data": ("markov", "shapley"),
}  # fmt: skip
"""Which models are drawn beside the one that leads; the first is the default."""
_SHOWN: Final = 25
_MARK: Final = "\ue000"


def credit(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The rule as a sentence, and a row per value with each model's share on one scale."""
    rows = result.frame.to_pylist()
    by = str(result.about["by"])
    body: Child = el("p", {"class": "caption"}, voice.text("attribution.none"))
    if result.figures["conversions"]:
        body = _table(result, rows, by, voice) if view == "table" else _plot(result, rows, by, voice)
    return join(
        [
            el("p", {"class": "finding"}, result.sentence(voice.lang)),
            el(
                "section",
                {"class": "panel card"},
                el("h2", None, voice.text("attribution.title")),
                _rule(result, voice),
                _chosen(voice) if view != "table" else None,
                body,
                _costs(result.figures, voice),
                foot(result, voice),
            ),
        ]
    )


def _rule(result: Result, voice: Voice) -> Html:
    """The question in one sentence; where there is an address, what may be changed in it is chosen in place."""
    spec = result.spec
    fields = {field.name: field for field in type(spec).fields()}
    said = voice.text("attribution.rule", **{name: f"{_MARK}{name}{_MARK}" for name in fields}).split(_MARK)
    if voice.go is None:
        plain = [_words(part, fields, spec, voice) if i % 2 else part for i, part in enumerate(said)]
        return el("p", {"class": "rule-line"}, plain)
    parts = [_choice(fields[part], spec, voice) if i % 2 else part for i, part in enumerate(said)]
    address = urlsplit(voice.go(dict.fromkeys(said[1::2])))
    hidden = [el("input", {"type": "hidden", "name": name, "value": value})
              for name, value in parse_qsl(address.query, keep_blank_values=True)]  # fmt: skip
    button = el("button", {"class": "button", "type": "submit"}, voice.text("attribution.apply"))
    return el("form", {"class": "rule-line", "method": "get", "action": address.path}, hidden, parts, " ", button)


def _words(name: str, fields: Mapping[str, Field], spec: Any, voice: Voice) -> Html:
    value = getattr(spec, name)
    some = value if isinstance(value, tuple) else (value,)
    return el("strong", None, ", ".join(_option(fields[name], str(each), voice) for each in some))


def _option(field: Field, value: str, voice: Voice) -> str:
    known = voice.known(f"ask.{field.name}_{value}") or voice.known(f"attribution.{field.name}_{value}")
    return known or (voice.within(value) if re.fullmatch(r"\d+[a-z]+", value) else value)


def _choice(field: Field, spec: Any, voice: Voice) -> Html:
    """A select, or a box per value where several may hold."""
    value, label = getattr(spec, field.name), voice.known(f"ask.{field.name}") or field.name
    values = list(field.choices or field.examples)
    if field.many:
        boxes = [
            el("label", None, el("input", {"type": "checkbox", "name": field.name, "value": each, "checked": each in value}),
               _option(field, each, voice))
            for each in values
        ]  # fmt: skip
        return el("span", {"class": "boxes", "role": "group", "aria-label": label}, boxes)
    values += [] if str(value) in values else [str(value)]
    options = [
        el("option", {"value": each, "selected": each == str(value)}, _option(field, each, voice)) for each in values
    ]
    return el("select", {"name": field.name, "aria-label": label}, options)


def _chosen(voice: Voice) -> Html | None:
    """Links that choose the models."""
    if voice.go is None:
        return None
    now = voice.looks.get("models", "main")
    links = [
        el("a", {"class": "tag", "href": voice.go({"models": name}), "aria-current": "true" if name == now else None},
           voice.text(f"attribution.models_{name}"))
        for name in SETS
    ]  # fmt: skip
    return el("p", {"class": "caption chosen"}, voice.text("attribution.models"), links)


class _Scale:
    """The shares of a result: of the revenue, or of the conversions where there is no money, from 0 to a round end."""

    def __init__(self, result: Result, voice: Voice) -> None:
        figures, spec = result.figures, result.spec
        self.lead = str(result.about["attribution_touch"])
        listed = [self.lead, *(name for name in SETS[voice.looks.get("models", "main")] if name != self.lead)]
        self.models = [name for name in listed if name in result.about["models"]]
        self.money = bool(figures["revenue"] and figures["revenue"] > 0)
        self.unit = "revenue" if self.money else "conversions"
        self.whole = float(figures[self.unit] or 0)
        self.said = {(row["value"], row["model"]): row for row in result.parts["models"].to_pylist()}
        self.spec = spec
        most = max([0.0, *(self.share(row, name) for row in result.frame.to_pylist() for name in self.models)])
        self.most = min(round_up(most), 1.0) if most <= 1 else most

    def share(self, row: Row, model: str) -> float:
        value = row.get(f"{model}_{self.unit}")
        return float(value) / self.whole if value is not None and self.whole else 0.0

    def interval(self, value: str, model: str) -> tuple[float, float] | None:
        """The share's interval, None where the model estimates nothing or its interval is not known."""
        row = self.said.get((value, model))
        if row is None or row["share_low_rate"] is None:
            return None
        if not self.money:
            return float(row["share_low_rate"]), float(row["share_high_rate"])
        if row["revenue_low"] is None:
            return None
        return float(row["revenue_low"]) / self.whole, float(row["revenue_high"]) / self.whole


def _plot(result: Result, rows: Sequence[Row], by: str, voice: Voice) -> Html:
    scale = _Scale(result, voice)
    what = voice.text(f"attribution.of_{scale.unit}")
    caption = voice.text("attribution.caption", what=what, most=scale.most, n=result.figures["conversions"])
    columns = [Column(voice.text("attribution.value"), lambda row: _name(row, by, voice))]
    columns += [
        Column(_model(model, voice), lambda row, model=model: _dot(row, model, by, scale, voice))  # type: ignore[misc]
        for model in scale.models
    ]
    columns += _figures(scale.lead, scale.money, by, rows, voice)
    named = [row for row in rows if row[by] != UNATTRIBUTED]
    rest = rows[-1:] if rows and rows[-1][by] == UNATTRIBUTED else []
    made = table(columns, [*named[:_SHOWN], *rest, _total(result, rows, by, scale)], label=caption, css="wide plot")
    more = None
    if named[_SHOWN:]:
        head = voice.text("channels.rest", n=len(named) - _SHOWN)
        more = el("details", {"class": "more"}, el("summary", None, head), table(columns, named[_SHOWN:], label=head))
    over = None
    if scale.lead == "any":
        share = sum(scale.share(row, "any") for row in named)
        over = el("p", {"class": "caption"}, el("strong", None, voice.text("attribution.over", share=share, what=what)))
    return join([el("p", {"class": "caption"}, caption), over, made, more])


def _model(model: str, voice: Voice) -> str:
    said = voice.known(f"model.{model}") or model
    return said[:1].upper() + said[1:]


def _name(row: Row, by: str, voice: Voice) -> Child:
    value = str(row[by])
    if value == UNATTRIBUTED:
        tip = voice.text("attribution.unattributed_tip")
        return voice.mark(voice.text("attribution.unattributed"), "unattributed" if row["buyers"] else None, tip=tip,
                          css="label rest")  # fmt: skip
    if value == "":
        return el("strong", None, voice.text("attribution.total"))
    known = value not in ("(none)",)
    where = f"{by} == {quoted(value)}" if known and by in ("channel", "source", "campaign") else ""
    words = voice.name(by, value) if known else voice.known(f"channels.none_{by}") or voice.name(by, value)
    tip = voice.text("attribution.touched", n=row["visitors"] or 0)
    cell = f"{by}={value}" if row["visitors"] else None
    media = str(row.get("media") or "")
    tag = el("span", {"class": f"tag media-{media}"}, voice.name("media", media)) if media else None
    return [voice.mark(stranger(words), cell, tip=tip, css="label", where=where), tag]


def _dot(row: Row, model: str, by: str, scale: _Scale, voice: Voice) -> Child:
    """A dot at the model's share, with its interval where it estimates; the number is beneath it."""
    value = str(row[by])
    if value == "":
        return el("span", {"class": "point"}, voice.rate(sum(row["shares"][model]) if model == "any" else 1.0, whole=True))
    share, interval = scale.share(row, model), scale.interval(value, model)
    edge = 100 / scale.most if scale.most else 0.0
    place = min(max(share * edge, 0.0), 100.0)
    low, high = (min(max(side * edge, 0.0), 100.0) for side in interval or (0.0, share))
    drawn = el(
        "svg",
        {"class": "dots", "viewBox": "-3 0 106 12", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("path", {"class": "rule", "d": path("M", 0, 6, "H", 100)}),
        el("path", {"d": path("M", low, 6, "H", max(high, low + 0.5))}) if interval else None,
        el("path", {"class": "dot", "d": path("M", place, 6, "h", 0.01)}),
    )
    params = {"value": voice.name(by, value), "model": _model(model, voice), "share": share}
    tip = voice.text("attribution.dot", **params)
    if interval:
        tip = voice.text("attribution.dot_interval", low=interval[0], high=interval[1], **params)
    known = scale.said.get((value, model))
    cell = f"{by}={value};model={model}" if known and known["buyers"] else None
    if value == UNATTRIBUTED:
        cell = "unattributed" if row["buyers"] else None
    said = voice.rate(share)
    return voice.mark([drawn, el("span", None, said)], cell, tip=tip, css="num point")


def _total(result: Result, rows: Sequence[Row], by: str, scale: _Scale) -> Row:
    figures = result.figures
    shares = {model: [scale.share(row, model) for row in rows] for model in scale.models}
    return {
        by: "", "shares": shares, "revenue": figures["revenue"], "conversions": figures["conversions"],
        "cost": figures["cost"], "roas": figures["roas"], "cac": figures["cac"], "visitors": figures["visitors"],
    }  # fmt: skip


def _figures(lead: str, money: bool, by: str, rows: Sequence[Row], voice: Voice) -> list[Column]:
    """Revenue (or conversions) by the model that leads, and what it cost."""

    def fill(name: str, unit: str, part: str) -> Callable[[Row], Child]:
        def cell(row: Row) -> Child:
            value = row.get(name)
            if value is None:
                return "–"
            text = shown(value, unit, voice)
            full = shown(value, unit, voice, full=True)
            if row[by] == "" or not part or not value:
                return el("span", {"title": full}, text)
            where = "unattributed" if row[by] == UNATTRIBUTED else f"{by}={row[by]};model={lead}"
            return voice.mark(text, where if row["buyers"] else None, tip=full)

        return cell

    name = "revenue" if money else "conversions"
    word = "attribution.credit" if money else "attribution.credit_count"
    unit = "money" if money else "number"
    columns = [Column(voice.text(word, touch=_model(lead, voice)), _counted(fill, name, unit), True)]
    for each, kind in (("cost", "money"), ("roas", "number"), ("cac", "money")):
        if any(row.get(each) is not None for row in rows):
            columns.append(Column(title(each, voice), fill(each, kind, ""), True))
    return columns


def _counted(fill: Callable[..., Callable[[Row], Child]], name: str, unit: str) -> Callable[[Row], Child]:
    if unit == "money":
        return fill(name, unit, "buyers")
    made = fill(name, "count", "buyers")
    return lambda row: made({**row, name: round(float(row[name]), 2) if row.get(name) is not None else None})


def _table(result: Result, rows: Sequence[Row], by: str, voice: Voice) -> Html:
    """Every model's figures in full."""
    unit = "revenue" if result.figures["revenue"] is not None else "conversions"
    columns = [Column(voice.text("attribution.value"), lambda row: _name(row, by, voice))]
    for model in result.about["models"]:
        columns.append(
            Column(_model(model, voice), lambda row, model=model: _full(row, model, unit, by, voice), True)  # type: ignore[misc]
        )
    columns += [
        Column(title(name, voice), lambda row, name=name, kind=kind: shown(row.get(name), kind, voice, full=True), True)  # type: ignore[misc]
        for name, kind in (("cost", "money"), ("roas", "number"), ("cac", "money"))
        if any(row.get(name) is not None for row in rows)
    ]
    return table(columns, rows, label=voice.text("attribution.title"), css="wide")


def _full(row: Row, model: str, unit: str, by: str, voice: Voice) -> Child:
    value = row[f"{model}_{unit}"]
    text = voice.money_full(value) if unit == "revenue" else voice.number(value)
    if not value:
        return text
    cell = "unattributed" if row[by] == UNATTRIBUTED else f"{by}={row[by]};model={model}"
    return voice.mark(text, cell if row[by] != UNATTRIBUTED or row["buyers"] else None)


def _costs(figures: Mapping[str, Any], voice: Voice) -> Html | None:
    """What the missing ad cost would add."""
    if figures.get("cost") is not None:
        return None
    head = el("h3", {"class": "sub"}, voice.text("channels.no_costs"))
    return el("div", {"class": "need"}, head, lacking("roas", figures, voice))
