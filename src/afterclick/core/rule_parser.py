"""Rule text read into a condition over terms; a complaint names the character and what was expected there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from afterclick.core import condition_tree as tree
from afterclick.core import rule_terms as terms
from afterclick.core import rule_types, spans
from afterclick.core.condition import Condition
from afterclick.core.condition_lexer import Place, Token
from afterclick.core.condition_parser import LENGTH_LIMIT, Reader
from afterclick.core.condition_tree import Node, Number, Value
from afterclick.core.errors import SpecError, nearest, nearest_or_known
from afterclick.core.rule_terms import Kind, Term
from afterclick.core.rule_types import Span
from afterclick.core.said import Said
from afterclick.core.step import Step

_UNITS: Final = ("ms", "s", "m", "h", "d", "w")
_WORDS: Final = frozenset({"then", "within", "same", "not"})
_MOST_STEPS: Final = 50
_EVENT: Final = Said("refusals.want_event")
_AS_EVENT: Final = frozenset({"event", "path", "page_group", "host", "revenue", "amount", "value", "device_type", "browser"})


def read(text: str, place: Place) -> tuple[Node, dict[str, Term]]:
    """The tree of a rule and its terms by their text. Raises SpecError for everything that is not one."""
    if len(text) > LENGTH_LIMIT:
        raise place.error(Said("refusals.rule_too_long", n=len(text)), LENGTH_LIMIT, Said("refusals.want_less"))
    reader = _RuleReader(text, place)
    node = reader.whole()
    if len(tree.node_text(node, str)) > LENGTH_LIMIT:
        raise place.error(Said("refusals.rule_too_long_kept"), len(text), Said("refusals.want_shorter_rule"))
    used = {leaf.field for leaf in tree.leaves(node)}
    return node, {name: term for name, term in reader.terms.items() if name in used}


class _RuleReader(Reader):
    """A condition whose fields are terms; inside the brackets of an event it reads conditions of events."""

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text, place, None)
        self.terms: dict[str, Term] = {}
        self._of_event = False
        self._functions: dict[str, Callable[[Token], Term]] = {
            "count": self._count, "since": self._since, "sequence": self._sequence, "reached": self._reached,
            "was": self._was, "member": self._member,
            **dict.fromkeys(terms.WHICH, self._figure),
        }  # fmt: skip

    # -- leaves

    def _field_first(self, alone: bool) -> Node:
        if not self._of_event and self.peek().text == "performed" and self._calls():
            self.take()
            self.need("(", Said("refusals.want_open"))
            term = self._counted(self.before())
            self._keep(term)
            return tree.Compare(term.text(), ">=", Number(Decimal(1)))
        return super()._field_first(alone)

    def _path(self) -> str:
        token = self.peek()
        if self._of_event or token.kind != "name":
            return super()._path()
        if self._calls() and token.text not in tree.METHODS:
            self.take()
            made = self._function(token)
            path = self._keep(made)
            if self.took("."):
                method = self.take()
                if method.kind != "name":
                    raise self.unexpected(method, Said("refusals.want_search"))
                return f"{path}.{method.text}"
            return path
        return super()._path()

    def _calls(self) -> bool:
        """Whether the next name is that of a function."""
        after = self.peek_after()
        return after.kind == "sign" and after.text == "("

    def _function(self, token: Token) -> Term:
        make = self._functions.get(token.text)
        if make is None:
            known = [*self._functions, "performed", "has"]
            raise self.error(
                Said("refusals.unknown_term", text=token.text[:80]),
                token,
                nearest_or_known(token.text, known, "refusals.want_one_of"),
            )
        self.need("(", Said("refusals.want_open"))
        return make(token)

    def _keep(self, term: Term) -> str:
        text = term.text()
        self.terms[text] = term
        return text

    def _known(self, field: str, token: Token) -> str:
        if self._of_event or field in self.terms:
            return field
        root, _, rest = field.partition(".")
        if field in terms.STATE:
            return self._keep(terms.State(field))
        if root == terms.TRAIT and rest:
            return self._keep(terms.Trait(rest))
        if root in terms.LATER:
            raise SpecError(
                Said("refusals.not_yet", field=field),
                hint=Said("refusals.not_yet_hint"),
                path=self.path,
                code="not_available_yet",
            )
        hint = nearest(field, terms.STATE)
        if not hint and field.removeprefix("properties.") in (*_AS_EVENT, *terms.TOUCH) or root == "properties":
            written = tree.field_text(field)
            hint = Said("refusals.of_event", written=written)
            if field in terms.TOUCH:
                hint = Said("refusals.of_event_or_session", field=field, written=written)
        raise self.error(
            Said("refusals.unknown_field", field=field[:80]),
            token,
            hint or Said("refusals.want_one_of", names=", ".join(list(terms.STATE)[:12])),
        )

    def _compared(self, field: str, op: tree.Op, value: Value | None, sign: Token) -> Node:
        if not self._of_event and value is not None:
            self._check(field, value, op, sign)
        return super()._compared(field, op, value, sign)

    def _list_of(self, field: str) -> tuple[Value, ...]:
        sign = self.before()
        found = super()._list_of(field)
        if not self._of_event:
            for value in found:
                self._check(field, value, "==", sign)
        return found

    def _bare(self, field: str, token: Token) -> Node:
        kind = self._kind(field)
        if not self._of_event and kind not in ("flag", "any"):
            written = f"{field[:80]} {rule_types.EXAMPLES[kind]}"
            hint = Said("refusals.want_written", written=written)
            raise self.error(Said("refusals.stands_alone", field=field[:80]), token, hint)
        return super()._bare(field, token)

    def _searched(self, field: str, token: Token) -> None:
        kind = self._kind(field)
        if not self._of_event and kind not in ("text", "any"):
            hint = Said("refusals.want_comparison_such", examples=rule_types.EXAMPLES[kind])
            raise self.error(Said("refusals.no_text", field=field[:80]), token, hint)

    def _kind(self, field: str) -> Kind:
        return self.terms[field].kind if field in self.terms else "any"

    def _check(self, field: str, value: Value, op: str, sign: Token) -> None:
        kind = self._kind(field)
        if not rule_types.fits(kind, value, op):
            written, said_kind = value.text()[:40], rule_types.KINDS[kind]
            message = Said("refusals.beside", op=op, value=written, field=field[:80], kind=said_kind)
            raise self.error(message, sign, rule_types.example(kind, field[:80]))

    # -- functions, behind their opening bracket

    def _count(self, token: Token) -> Term:
        return self._counted(token)

    def _counted(self, token: Token) -> terms.Count:
        step = self._step()
        same = self._same()
        return terms.Count(step, self._closing_span(token), same)

    def _figure(self, token: Token) -> Term:
        step = self._step()
        self.need(",", Said("refusals.want_field_to_take", text=token.text, step=terms.step_text(step)))
        which = next(one for one in terms.WHICH if one == token.text)
        return terms.Figure(which, step, self._event_field(), self._closing_span(token))

    def _since(self, _token: Token) -> Term:
        start = self.peek()
        after = self.peek_after()
        if start.kind == "name" and after.text == "." and after.kind == "sign":
            field = super()._path()
            if terms.STATE.get(field) != "instant":
                instants = [name for name, kind in terms.STATE.items() if kind == "instant"]
                hint = nearest_or_known(field, instants, "refusals.want_event_or")
                raise self.error(Said("refusals.no_instant", field=field[:80]), start, hint)
            self.need(")", Said("refusals.want_close"))
            return terms.SinceInstant(field)
        step = self._step()
        self.need(")", Said("refusals.want_close"))
        return terms.Since(step)

    def _sequence(self, token: Token) -> Term:
        steps, absent, within, same = self._chain()
        if absent and not within:
            raise self.error(Said("refusals.absent_without_span"), token, Said("refusals.write_absent_span"))
        if absent and len(steps) > 2:
            raise self.error(Said("refusals.absent_behind_many"), token, Said("refusals.write_two_parts"))
        return terms.Sequence(steps, within, absent, same, self._closing_span(token))

    def _reached(self, token: Token) -> Term:
        steps, absent, within, same = self._chain()
        if absent:
            raise self.error(Said("refusals.absent_in_funnel"), token, Said("refusals.write_sequence"))
        self.need(")", Said("refusals.want_close"))
        return terms.Reached(steps, within, same)

    def _chain(self) -> tuple[tuple[Step, ...], bool, int, str]:
        steps, absent = [self._step()], False
        while self.took("then"):
            if absent:
                raise self.error(Said("refusals.behind_absent"), self.before(), Said("refusals.want_last"))
            absent = self.took("not")
            steps.append(self._step())
        if len(steps) < 2 or len(steps) > _MOST_STEPS:
            raise self.unexpected(self.peek(), Said("refusals.want_events", most_steps=_MOST_STEPS))
        within = self._span() if self.took("within") else 0
        return tuple(steps), absent, within, self._same()

    def _was(self, token: Token) -> Term:
        start = self.peek()
        leaf = self._leaf()
        asked = self.terms.get(leaf.field) if isinstance(leaf, tree.Compare | tree.In | tree.Search | tree.Has) else None
        if not isinstance(asked, terms.Trait) or not isinstance(leaf, tree.Compare | tree.In | tree.Search | tree.Has):
            raise self.error(Said("refusals.no_trait_condition"), start, Said("refusals.want_was"))
        within = self._closing_span(token)
        if not within:
            raise self.error(Said("refusals.was_without_span"), token, Said("refusals.want_was"))
        return terms.Was(asked.name, leaf, within)

    def _member(self, _token: Token) -> Term:
        name = self.take()
        if name.kind != "text" or not name.text:
            raise self.unexpected(name, Said("refusals.want_member"))
        self.need(")", Said("refusals.want_close"))
        return terms.Member(name.text)

    # -- parts of functions

    def _step(self) -> Step:
        start = self.peek()
        name = self.take().text if start.kind == "text" else self._bare_name()
        condition = None
        if self.took("["):
            self._of_event = True
            condition = Condition(self._deeper(start, self._or))
            self._of_event = False
            self.need("]", Said("refusals.want_close_event"))
        try:
            return Step(event=name, condition=condition)
        except SpecError as error:
            raise self.error(error.said, start, error.advice) from None

    def _bare_name(self) -> str:
        """An event whose words are plain names may stand without quotes."""
        words = []
        while self.peek().kind == "name" and self.peek().text not in _WORDS:
            words.append(self.take().text)
        if not words:
            raise self.unexpected(self.peek(), _EVENT)
        return " ".join(words)

    def _event_field(self) -> str:
        self._of_event = True
        field = self._field()
        self._of_event = False
        return field

    def _same(self) -> str:
        return self._event_field() if self.took("same") else ""

    def _closing_span(self, token: Token) -> int:
        span = self._span() if self.took(",") else 0
        self.need(")", Said("refusals.want_close_function", text=token.text))
        return span

    def _span(self) -> int:
        token = self.peek()
        value = self._value()
        if not isinstance(value, Span):
            raise self.error(Said("refusals.no_span"), token, Said("refusals.want_span"))
        return int(value.value)

    def _number(self, token: Token, text: str) -> Number:
        unit = self.peek()
        glued = unit.kind == "name" and unit.at == token.at + len(token.text) and unit.text in _UNITS
        if self._of_event or not glued:
            return super()._number(token, text)
        self.take()
        if not text.isdigit() or len(text) > 6 or not int(text):
            raise self.error(Said("refusals.no_whole_span"), token, Said("refusals.want_whole_span"))
        return Span(Decimal(spans.micros(text + unit.text)))
