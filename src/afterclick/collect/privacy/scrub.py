"""Hides what texts say of people before anything is written: e-mails, telephone, card and resident numbers, own patterns."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from afterclick.collect.privacy.addresses import Addresses, shortened
from afterclick.core import masking
from afterclick.store.privacy import Keep, Privacy

OWN: Final = "[hidden]"
"""What stands for a match of one of the store's own patterns, and for what a name alone says is secret."""

_ENCODE: Final = msgspec.json.Encoder().encode
_BETWEEN: Final = b" -.()+"
_LOOK: Final = bytes.maketrans(b"123456789%\xd9\xdb\xe0\xef", b"000000000@@@@@")
"""Brings every digit to one sign and whatever asks for a closer look to another: signs of addresses, and first bytes of
full-width signs and of scripts with digits of their own."""
_LOOK_ADDRESSES: Final = bytes.maketrans(b"123456789%\xd9\xdb\xe0\xef?#", b"000000000@@@@@@@")
_RUN: Final = b"0" * 9
"""The shortest number that is hidden has nine digits, whatever stands between them."""
_MOST: Final = 16_384
_DEPTH: Final = 64

_SECRET: Final = {
    **dict.fromkeys(("password", "passwd", "pwd", "secret", "cvc", "cvv", "비밀번호"), OWN),
    **dict.fromkeys(("cardnumber", "cardno", "creditcard", "creditcardnumber", "카드번호"), masking.CARD),
    **dict.fromkeys(
        ("ssn", "rrn", "residentnumber", "residentid", "socialsecuritynumber", "주민등록번호", "주민번호"), masking.RESIDENT
    ),
    **dict.fromkeys(
        ("phone", "phonenumber", "mobile", "mobilephone", "tel", "telephone", "cellphone", "전화번호", "휴대폰", "휴대폰번호"),
        masking.PHONE,
    ),
    **dict.fromkeys(("email", "emailaddress", "mail", "이메일"), masking.EMAIL),
}
"""Names that say by themselves what their value is, without separators and case, and what stands for it."""
_PLACES: Final = frozenset(("ip", "$ip", "ipaddress", "clientip", "remoteaddr", "userip", "ipaddr"))
"""Names of properties that hold internet addresses."""
_STRUCTURAL: Final = re.compile(
    r".*(?:id|ids|no|sku|code|barcode|gtin|ean|isbn|price|revenue|total|value|amount|quantity|time|timestamp|at|date|ts)"
)
"""Names of keys, amounts and instants, whose digits are nobody's telephone: only e-mails are hidden there."""
_DECLARED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("email",), "email"),
    **dict.fromkeys(("phone",), "phone"),
    **dict.fromkeys(("userid", "previousid", "distinctid", "uid"), "user_id"),
}


class Scrub:
    """The rules of one store. Not thread-safe: answers for texts that come again are kept, in `texts` those of `known`, in
    `addresses` those of `address`."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._own = privacy.compiled()
        self._drop = frozenset(privacy.drop)
        self._addresses = Addresses(self.text, privacy.query)
        self.texts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._harmless: set[str] = set()
        self.address: Callable[[str], str] = self._addresses.clean
        self.addresses = self._addresses.known

    def text(self, text: str) -> str:
        """The text with everything personal replaced by what it was; the text itself where there is nothing."""
        if not self._own and not _suspicious(text.encode("utf-8", "surrogatepass")):
            return text
        found = self._masked(text)
        # Digits of other scripts, full-width signs and percent-encoded ones read the same to people.
        for other in (unicodedata.normalize("NFKC", text), unquote(text, errors="replace") if "%" in text else text):
            if other != text and self._masked(other) != other:
                found = self._masked(other)
        return found

    def known(self, text: str) -> str:
        """`text` for what comes again and again: names of events, user agents."""
        found = self.texts.get(text)
        if found is None:
            if len(self.texts) >= _MOST:
                self.texts.clear()
            found = self.texts[text] = self.text(text)
        return found

    def properties(self, given: dict[str, Any]) -> dict[str, Any]:
        """Properties of an event, the same object where nothing is to be hidden."""
        if given.keys() <= self._harmless or self._all_harmless(given):
            seen = _ENCODE(given).translate(_LOOK_ADDRESSES, _BETWEEN)
            if not (b"@" in seen or _RUN in seen or self._own):
                return given
        return self._object(given, 0)

    def declared(self, field: str, value: str) -> str | None:
        """A declared id (`email`, `phone`, `user_id`) as the store keeps it: itself, its SHA-256, or None."""
        keep: Keep = getattr(self._privacy, field)
        if keep == "keep":
            return value
        return hashed(field, value) if keep == "hash" else None

    def raw(self, original: bytes) -> bytes:
        """A piece of input that could not become an event, so that it can be kept: ids stay as the settings say."""
        try:
            return _ENCODE(self._value("", msgspec.json.decode(original), 0, declared=True))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.text(original.decode("utf-8", "replace")).encode()

    def _all_harmless(self, given: Mapping[str, Any]) -> bool:
        """Is every property one that is kept, and whose name does not say by itself that its value is personal?"""
        if len(self._harmless) >= _MOST:
            self._harmless.clear()
        for name in given:
            if name in self._drop or self._told(name):
                return False
            self._harmless.add(name)
        return True

    def _told(self, name: str) -> str:
        """How a name was read before: what stands for its value, `ip`, `key` where digits are none, or nothing."""
        found = self._names.get(name)
        if found is None:
            if len(self._names) >= _MOST:
                self._names.clear()
            plain = re.sub(r"[\s_.\-]+", "", name).lower()
            found = self._names[name] = _SECRET.get(plain, "ip" if plain in _PLACES else "")
        return found

    def _object(self, given: Mapping[Any, Any], depth: int, *, declared: bool = False) -> dict[str, Any]:
        out = {
            self.text(str(name)): self._value(str(name), value, depth + 1, declared=declared)
            for name, value in given.items()
            if name not in self._drop
        }
        if "endpoint" in out and _is_push(given):
            out["endpoint"] = given["endpoint"]
        return out

    def _value(self, name: str, value: Any, depth: int, *, declared: bool = False) -> Any:
        if isinstance(value, dict):
            return self._object(value, depth, declared=declared) if depth < _DEPTH else {}
        if isinstance(value, list):
            return [self._value(name, one, depth + 1, declared=declared) for one in value] if depth < _DEPTH else []
        if value is None or isinstance(value, bool):
            return value
        if declared and (field := _DECLARED.get(re.sub(r"[\s_.\-$]+", "", name).lower())):
            return self.declared(field, str(value))
        told = self._told(name)
        if told == "ip":
            return shortened(str(value)) or OWN
        if told:
            return told
        return self._scalar(name, value)

    def _scalar(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            if _STRUCTURAL.fullmatch(name.lower()):
                return masking.without_emails(value)
            if "://" in value[:16] or (value[:1] == "/" and "?" in value):
                return self._addresses.clean(value)
            return shortened(value) or self.text(value) if value[:1].isdigit() or ":" in value else self.text(value)
        if isinstance(value, int) and not _STRUCTURAL.fullmatch(name.lower()):
            shown = str(value)
            masked = self.text(shown)
            return value if masked == shown else masked
        return value

    def _masked(self, text: str) -> str:
        text = masking.masked(text)
        for pattern in self._own:
            text = pattern.sub(OWN, text)
        return text


def _is_push(given: Mapping[Any, Any]) -> bool:
    """Is it a push subscription (W3C Push API), whose address leads nowhere without its query?"""
    endpoint, keys = given["endpoint"], given.get("keys")
    whole = isinstance(keys, Mapping) and {"p256dh", "auth"} <= keys.keys() <= {"p256dh", "auth"}
    return whole and isinstance(endpoint, str) and endpoint.startswith("https://") and "@" not in endpoint


def hashed(field: str, value: str) -> str:
    """SHA-256 in hexadecimal digits, as customer lists are exchanged: of an e-mail in lower case, of a telephone number's
    digits, of a user id as it is."""
    plain = value.strip()
    if field == "email":
        plain = plain.lower()
        if re.fullmatch(r"[0-9a-f]{64}", plain):
            return plain
    elif field == "phone":
        plain = re.sub(r"[^0-9+]", "", plain)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _suspicious(raw: bytes) -> bool:
    """May anything in these bytes be personal? A few searches, of which hardly any finds something."""
    seen = raw.translate(_LOOK, _BETWEEN)
    return b"@" in seen or _RUN in seen
