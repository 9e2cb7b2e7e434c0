"""A question is answered from one snapshot, and once more from a newer one where its files were replaced meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from afterclick.analyse.context import Context
from afterclick.app import questions
from afterclick.core.errors import StoreError
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.store import segment


def answer(spec: Spec, newest: Callable[[], Context]) -> Result:
    """The answer under the newest context; what may be kept is kept there."""
    context = newest()
    try:
        return _answer(spec, context)
    except StoreError as error:
        fingerprint = context.snapshot.fingerprint
        newer = newest()
        if error.code != segment.GONE or newer.snapshot.fingerprint == fingerprint:
            raise
        # What the question was reading has been merged or rewritten.
        return _answer(spec, newer)


def _answer(spec: Spec, context: Context) -> Result:
    if spec.kept:
        return context.keep(("result", spec.key), lambda: questions.answer(spec, context))
    return questions.answer(spec, context)
