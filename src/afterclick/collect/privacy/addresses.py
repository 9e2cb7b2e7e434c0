"""Addresses without what they say of people: parameters by an allow-list, no fragment, no log-in, internet addresses cut."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, unquote, unquote_plus


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARRIVAL: Final = _words("""
    ac_message clickid dclid epik fbclid gad_source gbraid gclid igshid irclickid li_fat_id msclkid n_ad n_ad_group
    n_ad_group_type n_campaign_type n_keyword n_keyword_id n_mall_id n_mall_pid n_match n_media n_query n_rank napm
    nt_detail nt_keyword nt_medium nt_source rdt_cid sccid srsltid ttclid twclid utm_campaign utm_content utm_id
    utm_medium utm_source utm_term wbraid yclid
""")
"""Parameters that say where a visit came from: those that channels and campaigns are read from."""

SHOWN: Final = _words("""
    q query keyword keywords search search_query searchword wd p s k kw text word term terms sword eqp _nkw
    product_no product_id productid goods_no goodsno goods_id item_id itemid sku variant cate_no category category_id
    cateno page sort order_by lang variant_id brand brand_id color size
""")
"""Parameters that say which page or what was searched for; what stands in them is masked like any other text."""

_USER: Final = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.\-]*:)?//)[^/?#]*@")
_PLACE: Final = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//[^/?#]*")
_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#]*", re.IGNORECASE)
_MOST: Final = 16_384
_IPV4_KEPT: Final = 24
_IPV6_KEPT: Final = 48


def shortened(text: str) -> str | None:
    """An internet address of which /24 (IPv4) or /48 (IPv6) is kept, the rest zero; None for what is none.

    An IPv4 address written as an IPv6 one is cut as what it is.
    """
    bare = text.strip().strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    kept = _IPV4_KEPT if found.version == 4 else _IPV6_KEPT
    return str(ipaddress.ip_network((found, kept), strict=False).network_address)


class Addresses:
    """Cleans URLs and referrers; `mask` hides what a text says of people, `query` names further parameters that stay.

    Answers are kept in `known`, because the same few addresses come again and again. Not thread-safe.
    """

    def __init__(self, mask: Callable[[str], str], query: Iterable[str] = ()) -> None:
        self._mask = mask
        self._kept = ARRIVAL | SHOWN | {name.strip().lower() for name in query}
        self.known: dict[str, str] = {}

    def clean(self, url: str) -> str:
        """The address with the parameters of the list alone, values and path masked; never refused."""
        found = self.known.get(url)
        if found is None:
            if len(self.known) >= _MOST:
                self.known.clear()
            found = self.known[url] = self._cleaned(url)
        return found

    def _cleaned(self, url: str) -> str:
        before, _, query = url.partition("#")[0].partition("?")
        before = _SESSION.sub("", _USER.sub(r"\1", before))
        place = _PLACE.match(before)
        head = place[0] if place else ""
        path = "/".join(self._segment(part) for part in before[len(head) :].split("/"))
        pairs = [kept for pair in query.replace(";", "&").split("&") if (kept := self._pair(pair))]
        return head + path + ("?" + "&".join(pairs) if pairs else "")

    def _segment(self, text: str) -> str:
        plain = unquote(text, errors="replace") if "%" in text else text
        masked = self._mask(plain)
        return text if masked == plain else quote(masked, safe="[]@:;,!$&'()*+=~ ").replace(" ", "%20")

    def _pair(self, pair: str) -> str:
        name, sign, value = pair.partition("=")
        bare = unquote_plus(name).strip().lower().removeprefix("amp;")
        if bare not in self._kept:
            return ""
        # A plus is a blank, or the beginning of a telephone number.
        for plain in (unquote(value, errors="replace"), unquote_plus(value, errors="replace")):
            masked = self._mask(plain)
            if masked != plain:
                return f"{name}{sign}{quote(masked, safe='[]')}"
        return pair
