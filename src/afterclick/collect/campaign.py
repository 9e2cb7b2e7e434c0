"""Campaign columns joined to the address of the page, where everything else looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells

_OWN: Final = r"[?&](utm_source|utm_medium|utm_campaign)="


def joined(url: pa.Array, parts: Mapping[str, pa.Array]) -> pa.Array:
    """Addresses (text or null) with `utm_*` columns as query parameters, where the address has none of its own.

    A row without an address gets the parameters alone (`?utm_source=…`), so that its channel is not lost.
    """
    names = list(parts)
    coded = [pc.dictionary_encode(cells.trimmed(parts[name])) for name in names]
    combination = np.zeros(len(url), np.int64)
    for column in coded:
        codes = np.asarray(pc.fill_null(column.indices, -1)).astype(np.int64) + 1
        combination = combination * (len(column.dictionary) + 1) + codes
        # Renumbered at once, so that products of sizes cannot overflow.
        combination = np.unique(combination, return_inverse=True)[1]
    _, first, inverse = np.unique(combination, return_index=True, return_inverse=True)
    rows = pa.array(first)
    texts = [column.take(rows).dictionary_decode().to_pylist() for column in coded]
    queries = [
        urlencode([(name, text) for name, text in zip(names, values, strict=True) if text]) or None
        for values in zip(*texts, strict=True)
    ]
    return _appended(url, pa.array(queries, pa.string()).take(pa.array(inverse)))


def _appended(url: pa.Array, query: pa.Array) -> pa.Array:
    address = pc.fill_null(url, "")
    wanted = cells.present(query) & ~cells.flags(pc.match_substring_regex(address, _OWN))
    if not wanted.any():
        return url
    fragment = pc.if_else(
        pc.match_substring(address, "#"), pc.replace_substring_regex(address, "^[^#]*", ""), pa.scalar("")
    )
    base = pc.replace_substring_regex(address, "#.*$", "")
    joint = pc.if_else(pc.match_substring(base, "?"), pa.scalar("&"), pa.scalar("?"))
    whole = pc.binary_join_element_wise(base, joint, query, fragment, "")
    return pc.if_else(pa.array(wanted), whole, url)
