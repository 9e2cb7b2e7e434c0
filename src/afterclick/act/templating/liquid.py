"""Liquid with limits: a template costs at most so many steps, characters and seconds, and reaches nothing but its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from io import StringIO
from typing import Any, Final

from liquid import BoundTemplate, Environment, Mode, RenderContext, TokenStream
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.tags import assign_tag, capture_tag, case_tag, comment_tag, for_tag, if_tag, unless_tag
from liquid.exceptions import LiquidError, LoopIterationLimitError, ResourceLimitError
from liquid.output import LimitedStringIO
from liquid.utils import ReadOnlyChainMap

from afterclick.act.outbound.patience import Deadline
from afterclick.act.templating.filters import FILTERS, bounded
from afterclick.act.templating.marks import check

SOURCE: Final = 32 * 1024
"""Characters of a template."""
OUTPUT: Final = 64 * 1024
"""Bytes that a template may write."""
ROUNDS: Final = 10_000
"""Rounds of all loops together."""
_WORK: Final = 500_000
_LOCALS: Final = 1 << 20
_SECONDS: Final = 2.0


class _Loop(LoopExpression):
    """What a loop goes over: never so much that turning it round takes all memory before anybody counts."""

    __slots__ = ()

    def _to_iter(self, obj: object, context: RenderContext) -> tuple[Iterator[Any], int]:
        found, length = super()._to_iter(obj, context)
        if length > ROUNDS:
            raise LoopIterationLimitError("too many rounds", token=self.token)
        return found, length


class _For(for_tag.ForTag):
    def parse(self, stream: TokenStream) -> Node:
        """The library's loop over a bounded range."""
        node = super().parse(stream)
        assert isinstance(node, for_tag.ForNode)
        loop = node.expression
        node.expression = _Loop(
            loop.token, loop.identifier, loop.iterable,
            limit=loop.limit, offset=loop.offset, reversed_=loop.reversed, cols=loop.cols,
        )  # fmt: skip
        return node


_TAGS: Final = (
    content.Literal, output.Output, illegal.Illegal, if_tag.IfTag, unless_tag.UnlessTag, case_tag.CaseTag,
    _For, for_tag.BreakTag, for_tag.ContinueTag, assign_tag.AssignTag, capture_tag.CaptureTag,
    comment_tag.CommentTag,
)  # fmt: skip


class TooSlow(ResourceLimitError):
    """A template took longer than it may."""


class _Context(RenderContext):
    def __init__(self, template: BoundTemplate, **given: Any) -> None:
        super().__init__(template, **given)
        # Without the library's own names: its `now` is the machine's clock.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self._deadline = Deadline(_SECONDS)
        self._rounds = 0
        self._weight = template.matter["marks"]

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Every loop pays its rounds when it begins, an inner one each time, and long templates pay more for each."""
        self._rounds += length
        if self._rounds > ROUNDS or self._rounds * int(str(self._weight)) > _WORK:
            raise LoopIterationLimitError("too many rounds", token=None)
        self.in_time()

    def filter(self, name: str, token: Any) -> Callable[..., object]:
        """The filter, which is not begun too late and whose result is looked at."""
        self.in_time()
        return partial(_filtered, super().filter(name, token))

    def in_time(self) -> None:
        if self._deadline.over:
            raise TooSlow("too slow", token=None)

    def get_buffer(self, buf: Any = None) -> StringIO:
        """Where a captured part is written: it may be as long as a whole message."""
        self.in_time()
        return super().get_buffer(buf)


def _filtered(function: Callable[..., object], value: object, *given: object, **named: object) -> object:
    return bounded(function(value, *given, **named))


class _Template(BoundTemplate):
    context_class = _Context


class _Limited(Environment):
    template_class = _Template
    output_stream_limit = OUTPUT
    local_namespace_limit = _LOCALS
    block_nesting_limit = 16
    context_depth_limit = 24

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:  # noqa: ARG002 - the library's signature
        """None of the library's filters, and of its tags those that neither load nor include anything."""
        for tag in _TAGS:
            self.add_tag(tag)
        self.filters.update(FILTERS)


_TEXT: Final = _Limited(tolerance=Mode.STRICT, strict_filters=True)
_HTML: Final = _Limited(tolerance=Mode.STRICT, strict_filters=True, autoescape=True)


@lru_cache(maxsize=512)
def parsed(source: str, *, html: bool = False) -> BoundTemplate:
    """A template, ready to be rendered many times. Raises LiquidError."""
    if len(source) > SOURCE:
        raise ResourceLimitError("too long", token=None)
    marks = check(source)
    return (_HTML if html else _TEXT).from_string(source, matter={"marks": max(marks, 1)})


def rendered(source: str, values: Mapping[str, Any], *, html: bool = False) -> str:
    """The text of a template. `html` escapes every value. Raises LiquidError, also for what a bug of the library raises.

    `values` must be plain (see `values.plain`); what they hold is never read as a template again.
    """
    template = parsed(source, html=html)
    context = _Context(template, globals=values)
    buffer = LimitedStringIO(limit=OUTPUT)
    try:
        template.render_with_context(context, buffer)
    except LiquidError:
        raise
    except (ArithmeticError, RecursionError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise LiquidError(f"{type(error).__name__}: {error}"[:200], token=None) from error
    return buffer.getvalue()
