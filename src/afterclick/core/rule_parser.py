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
from afterclick.core.errors import SpecError, nearest
from afterclick.core.rule_terms import Kind, Term
from afterclick.core.rule_types import Span
from afterclick.core.step import Step

_UNITS: Final = ("ms", "s", "m", "h", "d", "w")
_WORDS: Final = frozenset({"then", "within", "same", "not"})
_MOST_STEPS: Final = 50
_EVENT: Final = 'expected an event in quotes: "Product Viewed"'
_AS_EVENT: Final = frozenset({"event", "path", "page_group", "host", "revenue", "amount", "value", "device_type", "browser"})


def read(text: str, place: Place) -> tuple[Node, dict[str, Term]]:
    """The tree of a rule and its terms by their text. Raises SpecError for everything that is not one."""
    if len(text) > LENGTH_LIMIT:
        raise place.error(f"a rule of {len(text):,} characters ends too late,", LENGTH_LIMIT, "expected less")
    reader = _RuleReader(text, place)
    node = reader.whole()
    if len(tree.node_text(node, str)) > LENGTH_LIMIT:
        raise place.error("a rule too long to be written back ends", len(text), "expected a shorter one")
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
            self.need("(", "expected (")
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
                    raise self.unexpected(method, "expected a search such as .contains(...)")
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
                f"unknown function {token.text[:80]!r}",
                token,
                nearest(token.text, known) or "expected one of " + ", ".join(known),
            )
        self.need("(", "expected (")
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
                f"{field} is not available yet",
                hint="scores come with `learn`, arms with experiments; until then use what visitors did",
                path=self.path,
                code="not_available_yet",
            )
        hint = nearest(field, terms.STATE)
        if not hint and field.removeprefix("properties.") in (*_AS_EVENT, *terms.TOUCH) or root == "properties":
            hint = f'that is of an event: count("*"[{tree.field_text(field)} == ...]) >= 1'
            hint += f", or session.{field}" if field in terms.TOUCH else ""
        raise self.error(
            f"unknown field {field[:80]!r}", token, hint or "expected one of " + ", ".join(list(terms.STATE)[:12])
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
            raise self.error(f"{field[:80]} stands alone", token, f"expected a comparison: {written}")
        return super()._bare(field, token)

    def _searched(self, field: str, token: Token) -> None:
        kind = self._kind(field)
        if not self._of_event and kind not in ("text", "any"):
            hint = f"expected a comparison such as {rule_types.EXAMPLES[kind]}"
            raise self.error(f"{field[:80]} is no text", token, hint)

    def _kind(self, field: str) -> Kind:
        return self.terms[field].kind if field in self.terms else "any"

    def _check(self, field: str, value: Value, op: str, sign: Token) -> None:
        kind = self._kind(field)
        if not rule_types.fits(kind, value, op):
            message = f"{op} {value.text()[:40]} beside {field[:80]}, which is {rule_types.KINDS[kind]},"
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
        self.need(",", f"expected the field to take: {token.text}({terms.step_text(step)}, revenue)")
        which = next(one for one in terms.WHICH if one == token.text)
        return terms.Figure(which, step, self._event_field(), self._closing_span(token))

    def _since(self, _token: Token) -> Term:
        start = self.peek()
        after = self.peek_after()
        if start.kind == "name" and after.text == "." and after.kind == "sign":
            field = super()._path()
            if terms.STATE.get(field) != "instant":
                instants = [name for name, kind in terms.STATE.items() if kind == "instant"]
                hint = nearest(field, instants) or "expected an event in quotes, or one of " + ", ".join(instants)
                raise self.error(f"{field[:80]!r} is no instant", start, hint)
            self.need(")", "expected )")
            return terms.SinceInstant(field)
        step = self._step()
        self.need(")", "expected )")
        return terms.Since(step)

    def _sequence(self, token: Token) -> Term:
        steps, absent, within, same = self._chain()
        if absent and not within:
            raise self.error("a step that must not follow, without a span", token, "write: then not ... within 7d")
        if absent and len(steps) > 2:
            raise self.error(
                "a step that must not follow behind more than one", token,
                'write two parts: sequence("A" then "B") && sequence("B" then not "C" within 7d)',
            )  # fmt: skip
        return terms.Sequence(steps, within, absent, same, self._closing_span(token))

    def _reached(self, token: Token) -> Term:
        steps, absent, within, same = self._chain()
        if absent:
            raise self.error("a step that must not follow, in a funnel", token, "write sequence(... then not ...)")
        self.need(")", "expected )")
        return terms.Reached(steps, within, same)

    def _chain(self) -> tuple[tuple[Step, ...], bool, int, str]:
        steps, absent = [self._step()], False
        while self.took("then"):
            if absent:
                raise self.error("a step behind one that must not follow", self.before(), "expected it to be the last")
            absent = self.took("not")
            steps.append(self._step())
        if len(steps) < 2 or len(steps) > _MOST_STEPS:
            raise self.unexpected(self.peek(), f'expected 2 to {_MOST_STEPS} events: "A" then "B" within 7d')
        within = self._span() if self.took("within") else 0
        return tuple(steps), absent, within, self._same()

    def _was(self, token: Token) -> Term:
        start = self.peek()
        leaf = self._leaf()
        asked = self.terms.get(leaf.field) if isinstance(leaf, tree.Compare | tree.In | tree.Search | tree.Has) else None
        if not isinstance(asked, terms.Trait) or not isinstance(leaf, tree.Compare | tree.In | tree.Search | tree.Has):
            raise self.error("no condition of a trait", start, 'expected was(trait.plan == "gold", 30d)')
        within = self._closing_span(token)
        if not within:
            raise self.error("was(...) without a span", token, 'expected was(trait.plan == "gold", 30d)')
        return terms.Was(asked.name, leaf, within)

    def _member(self, _token: Token) -> Term:
        name = self.take()
        if name.kind != "text" or not name.text:
            raise self.unexpected(name, 'expected the name of a list in quotes: member("VIPs 2026-09-30")')
        self.need(")", "expected )")
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
            self.need("]", "expected ] behind the condition of the event")
        try:
            return Step(event=name, condition=condition)
        except SpecError as error:
            raise self.error(error.message, start, error.hint) from None

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
        self.need(")", f"expected ) behind what {token.text}(...) takes, or a span such as 7d before it")
        return span

    def _span(self) -> int:
        token = self.peek()
        value = self._value()
        if not isinstance(value, Span):
            raise self.error("no span", token, "expected one with its unit: 30m, 12h, 7d, 2w")
        return int(value.value)

    def _number(self, token: Token, text: str) -> Number:
        unit = self.peek()
        glued = unit.kind == "name" and unit.at == token.at + len(token.text) and unit.text in _UNITS
        if self._of_event or not glued:
            return super()._number(token, text)
        self.take()
        if not text.isdigit() or len(text) > 6 or not int(text):
            raise self.error("a span of no whole number", token, "expected such as 30m, 12h, 7d, 2w; write 36h for 1.5d")
        return Span(Decimal(spans.micros(text + unit.text)))
