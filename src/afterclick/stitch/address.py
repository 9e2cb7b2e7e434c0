"""Takes apart what browsers, apps and exports send as a URL or a referrer, without ever refusing it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(//)?")
_PORT: Final = re.compile(r"[^:]*:\d{1,5}(?:/|$)")
_BARE_HOST: Final = re.compile(
    r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.([a-z]{2,24}|xn--[a-z0-9-]+)\.?(?::\d{1,5})?(?:/|$)", re.I
)
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_IPV6: Final = re.compile(r"\[[0-9a-f:.]{2,64}(?:%[a-z0-9._-]+)?\]")
_NO_HOST: Final = re.compile(r"[\s<>\"'`{}|^%]")
_IPV4: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
# Controls, line separators and halves of surrogate pairs: no address needs them, every later step would mind them.
_UNWANTED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LONGEST_HOST: Final = 253


def words(text: str) -> frozenset[str]:
    """The blank-separated words of a table kept as text."""
    return frozenset(text.split())


_FILE_ENDINGS: Final = words("html htm php asp aspx jsp do cgi shtml xhtml js css json xml txt pdf png jpg")

# Registrable domains end after one label except below these. Second-level words that countries share are a rule,
# the rest is listed: a short list of our own, enough to tell shops apart, and not the public suffix list.
_SHARED_WORDS: Final = words("ac co com edu go gob gouv gov mil ne net or org")
_TWO_LEVEL: Final = words("""
    re.kr pe.kr hs.kr ms.kr es.kr sc.kr kg.kr seoul.kr busan.kr me.uk ltd.uk plc.uk nhs.uk sch.uk ad.jp ed.jp
    gr.jp lg.jp id.au asn.au geek.nz gen.nz school.nz idv.tw idv.hk web.id my.id in.th firm.in gen.in ind.in
""")
# Hosts under which every label belongs to another shop: two shops there are strangers to each other.
_HOSTED: Final = words("""
    smartstore.naver.com brand.naver.com shopping.naver.com cafe24.com cafe24shop.com myshopify.com imweb.me
    godomall.com makeshop.co.kr sixshop.com tistory.com blogspot.com wordpress.com wixsite.com github.io gitlab.io
    netlify.app vercel.app pages.dev web.app firebaseapp.com herokuapp.com squarespace.com bigcartel.com
""")


class Head(NamedTuple):
    """What stands before the query of an address. `opaque` marks schemes without a place (javascript:, data:)."""

    scheme: str = ""
    host: str = ""
    path: str = ""
    opaque: bool = False


def halves(text: str | None) -> tuple[str, str]:
    """The part before `?` and the query behind it; fragment, controls and outer blanks are gone."""
    if not text:
        return "", ""
    if not text.isprintable():
        text = _UNWANTED.sub("", text)
    before, _, query = text.strip().partition("#")[0].partition("?")
    return before, query


def read_head(before: str) -> Head:
    """Scheme, host and raw path of the first of the `halves`.

    The host is lower-case, in its ASCII form and without port and log-in; a host that cannot be one is "". A
    bare `shop.example/cart`, as exports write it, has a host; `/cart` and `cart` have a path only.
    """
    scheme = _SCHEME.match(before)
    if scheme and scheme[2]:
        return _with_place(scheme[1].lower(), before[scheme.end() :])
    if before.startswith("//"):
        return _with_place("", before[2:])
    if before.startswith("/") or not before:
        return Head(path=before)
    if _looks_like_host(before) or (scheme and _PORT.match(before)):
        return _with_place("", before)
    if scheme:
        return Head(scheme=scheme[1].lower(), opaque=True)
    return Head(path="/" + before)


def _looks_like_host(text: str) -> bool:
    found = _BARE_HOST.match(text)
    return found is not None and found[1].lower() not in _FILE_ENDINGS


def _with_place(scheme: str, text: str) -> Head:
    place, slash, path = text.replace("\\", "/").partition("/")
    return Head(scheme, clean_host(place), slash + path)


def clean_host(place: str) -> str:
    """`User:pw@WWW.Shop.Example.:8080` as `www.shop.example`; "" where no host can be read."""
    host = place.rpartition("@")[2].strip().lower()
    if host.startswith("["):
        found = _IPV6.match(host)
        return found[0] if found else ""
    host = host.partition(":")[0].rstrip(".")
    if not host or len(host) > _LONGEST_HOST:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:  # the codec is stricter than registries are: such a host is still one and the same name
            return "" if _NO_HOST.search(host) else host
    return host if _HOST.fullmatch(host) else ""


@lru_cache(maxsize=65_536)
def domain_parts(host: str) -> tuple[str, str]:
    """(name with everything before it, public suffix): `www.google.co.kr` gives (`www.google`, `co.kr`).

    Addresses of machines and single labels have no suffix.
    """
    labels = host.split(".")
    if len(labels) < 2 or host.startswith("[") or _IPV4.fullmatch(host):
        return host, ""
    wide = len(labels) > 2 and (
        (len(labels[-1]) == 2 and labels[-2] in _SHARED_WORDS) or ".".join(labels[-2:]) in _TWO_LEVEL
    )
    cut = len(labels) - (2 if wide else 1)
    return ".".join(labels[:cut]), ".".join(labels[cut:])


@lru_cache(maxsize=65_536)
def site_of(host: str) -> str:
    """The registrable domain: `m.shop.co.kr` gives `shop.co.kr`; a shop on a shared platform keeps its label."""
    labels = host.split(".")
    for cut in range(len(labels) - 1):
        if ".".join(labels[cut:]) in _HOSTED:
            return ".".join(labels[max(cut - 1, 0) :])
    name, suffix = domain_parts(host)
    return f"{name.rpartition('.')[2]}.{suffix}" if suffix else host


def decode(text: str) -> str:
    """Percent-decoding that never fails: UTF-8, else the Korean code page of older portals, else marked losses."""
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text)
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def clean_value(text: str) -> str:
    """A query value as it is compared: decoded, composed, without controls, trimmed, lower-case."""
    if text.isascii() and "%" not in text and "+" not in text and text.isprintable():
        return text.strip().lower()
    return clean_case(text).lower()


def clean_case(text: str) -> str:
    """`clean_value` that keeps upper and lower case, for ids that are case-sensitive where they came from."""
    decoded = decode(text.replace("+", " "))
    if not decoded.isprintable():
        decoded = _UNWANTED.sub(" ", decoded)
    if not decoded.isascii():
        decoded = unicodedata.normalize("NFC", decoded)
    return decoded.strip()
