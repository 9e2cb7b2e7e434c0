"""Arrays whose holders compiled code need not count: that takes turns between threads, and can cost half of a fold."""

from __future__ import annotations

from typing import Any


def uncounted(array: Any) -> Any:
    """The array itself. Compiled, a view that does not keep its memory: whoever made the array must hold it as long."""
    return array


def register(numba: Any) -> None:
    """Tell the compiler of `uncounted`."""

    @numba.extending.intrinsic  # type: ignore[untyped-decorator]
    def bare(_typing: Any, array: Any) -> Any:
        def code(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            found = context.make_array(array)(context, builder, arguments[0])
            found.meminfo = found.meminfo.type(None)
            return found._getvalue()

        return array(array), code

    @numba.extending.overload(uncounted, strict=False)  # type: ignore[untyped-decorator]
    def _(array: Any) -> Any:
        del array
        return lambda array: bare(array)  # noqa: PLW0108 - the compiler asks for a function of this very shape
