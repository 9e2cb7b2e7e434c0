"""What a store means by its words, from time zone to stages: its own afterclick.toml, every value with a default."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from afterclick.core.errors import PLACED, SpecError, nearest
from afterclick.core.said import Said, Spoken
from afterclick.store import automation_checks, disk, documents, toml
from afterclick.store.automations import Delivery, Journey, LiveRule
from afterclick.store.documents import Alert, Board
from afterclick.store.privacy import Privacy

FILE = "afterclick.toml"
LANGUAGES = ("en", "ko")
MAX_STAGES = 7
MIN_STAGES = 3

_HEAD = """What this store means by its words. Every value below has a default; delete a line to get it back.
Changing a line changes answers: results carry the fingerprint of this file."""

_COMMENTS = {
    "name": "Shown at the head of every page and report.",
    "timezone": "Days, weeks and months are those of this IANA time zone, for example Asia/Seoul.",
    "currency": "ISO code for amounts that name none, for example KRW; empty = unknown.",
    "language": "Language of sentences and headings: en or ko.",
    "own_domains": 'This site (and all below it): a visit from here goes on, it does not begin. ["shop.example"]',
    "fbclid_is_paid": "Count fbclid and igshid as clicks on ads.",
    "bots": "A user agent that contains one of these (any case) is a bot: kept, and left out unless bots=in.",
    "pages": 'Names for groups of pages, first match counts; * stands for anything. [["/products/*", "Product"]]',
    "passive": "Events, beside the known ones (Scrolled, Idle …), that are no action of a visitor: a bounce stays one.",
    "errors": "Events with a word that begins so report an error to a visitor; they count as friction.",
    "deny_ids": "Ids that belong to nobody, beside the known placeholders (null, guest, 0 …): they link no visitors.",
    "id_cap": "A visitor with more ids than this is a shared device and is not merged further.",
    "example": "The data are made up; every page says so.",
    "stages": """Stages of the journey, in order, 3 to 7 of them; empty = Attract, Convert, Close, Delight.
[{name = "Attract", question = "Who comes?", enter = ["Page Viewed"]}, …]""",
    "rates": 'Rates to the currency above, each from a day on. USD = [["2026-01-01", "1380.5"]]',
    "aims": 'What a channel is for, which decides the figure shown first: awareness, acquisition or loyalty. email = "loyalty"',
    "costs": """Costs named otherwise than the visits they brought; the first that fits counts, "" fits all and keeps its own.
rename = [{source = "naver", campaign = "Brand KR", to_campaign = "brand"}]""",
    "saved": 'Questions saved under a name, as JSON: [["Checkout", "{...}"]]. They change no answer.',
    "privacy": """What may be kept of people from now on; see docs/privacy.md. It changes no answer about what is stored.
scrub = mask e-mails, telephone, card and resident numbers; scrub_imports = in imported files too; patterns = own ones
(RE2); query = further parameters kept in addresses; drop = properties never stored; email, phone, user_id = keep, hash
or drop; consent = opt_out or opt_in; gpc, dnt = heed these signals of browsers.""",
    "segments": 'Groups of visitors by a rule; see docs/segments.md. VIPs = "visitor.orders >= 3"',
    "alerts": """Numbers of reports to hear of; `afterclick alerts check` looks at them. They change no answer.
[[alerts]] name = "Few orders", question = "kpi?range=1d", figure = "orders", below = 10""",
    "boards": """Saved lists of cards, shown under /boards. They change no answer.
[[boards]] name = "Week", cards = [{question = "kpi?range=7d", figure = "revenue", goal = {value = 1000000}}]""",
    "rules": """Things done on the site the moment a condition comes true; see docs/automations.md. They change no answer.""",
    "journeys": """Flows of messages over days; see docs/automations.md. They change no answer.""",
    "delivery": """How messages leave, and what holds them back: sender, SMTP server, quiet hours, caps; see
docs/automations.md. Passwords stand in secrets.toml.""",
    "outbound": """Hosts of your own network that may be called (webhooks), with the port where it is none of 80, 443, 8080,
8443; every other call goes by https to public addresses alone. ["hooks.lan:9000"]""",
    "channels": 'Own rows of the channel table. hosts = [{host = "x.example", channel = "affiliate", source = "x"}]',
}


WRITTEN = frozenset({"saved", "alerts", "boards", "rules", "journeys", "delivery", "outbound", "privacy"})
"""Fields that change no answer."""


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A stage is entered by the first event that meets one of the `enter` steps (`Event[condition]`)."""

    name: str
    question: str = ""
    enter: tuple[str, ...]


class CostRename(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Costs of this source and campaign belong to visits of that source and campaign; case does not matter."""

    source: str = ""
    campaign: str = ""
    to_source: str = ""
    to_campaign: str = ""


class CostRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How costs are joined to visits."""

    rename: tuple[CostRename, ...] = ()


class Definitions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything in a store that changes a number and is in no question. Validated when made and when read.

    `pages` are (wildcard, name) pairs, `rates` per currency (first day, units of `currency` for one) pairs with the
    rate as decimal text, `aims` per channel what it is for, `channels` the section that the channel table reads, empty
    `stages` the built-in ones.
    """

    name: str = ""
    timezone: str = "UTC"
    currency: str = ""
    language: str = "en"
    own_domains: tuple[str, ...] = ()
    fbclid_is_paid: bool = False
    bots: tuple[str, ...] = ("bot", "spider", "crawl", "headless", "externalhit")
    pages: tuple[tuple[str, str], ...] = ()
    passive: tuple[str, ...] = ()
    errors: tuple[str, ...] = (
        "error", "denied", "failed", "declined", "rejected", "invalid", "exception", "timeout", "오류", "에러", "실패",
        "거절",
    )  # fmt: skip
    deny_ids: tuple[str, ...] = ()
    id_cap: int = 50
    example: bool = False
    stages: tuple[Stage, ...] = ()
    rates: dict[str, tuple[tuple[str, str], ...]] = {}
    aims: dict[str, Literal["awareness", "acquisition", "loyalty"]] = {}
    costs: CostRules = CostRules()
    saved: tuple[tuple[str, str], ...] = ()
    alerts: tuple[Alert, ...] = ()
    boards: tuple[Board, ...] = ()
    segments: dict[str, str] = {}
    rules: tuple[LiveRule, ...] = ()
    journeys: tuple[Journey, ...] = ()
    delivery: Delivery = Delivery()
    outbound: tuple[str, ...] = ()
    privacy: Privacy = Privacy()
    channels: dict[str, Any] = {}

    def __post_init__(self) -> None:
        _check(self)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def fingerprint(self, fields: Iterable[str] | None = None, *, beside: tuple[str, ...] = ()) -> str:
        """16 hexadecimal digits over all fields that change an answer but `beside`, or over those named."""
        meaning = [name for name in self.__struct_fields__ if name not in (*WRITTEN, *beside)]
        chosen = meaning if fields is None else sorted(fields)
        values = {name: getattr(self, name) for name in chosen}
        return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()[:16]

    def to_toml(self) -> str:
        """The file's text: every value, each with a comment that says what it does."""
        values = {name: msgspec.to_builtins(getattr(self, name)) for name in self.__struct_fields__}
        try:
            return toml.text(values, _COMMENTS, _HEAD, blocks=("alerts", "boards", "rules", "journeys"))
        except (ValueError, TypeError) as error:
            raise SpecError(Said("refusals.value_unwritable", file=FILE, error=str(error))) from None

    @classmethod
    def from_toml(cls, text: str) -> Definitions:
        """The definitions in a file's text. Raises SpecError whose `path` is the key that is wrong."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SpecError(Said("refusals.file_unreadable", file=FILE, error=str(error)), path=FILE) from None
        for key in values:
            if key not in cls.__struct_fields__:
                known = ", ".join(cls.__struct_fields__)
                hint = nearest(key, cls.__struct_fields__) or Said("refusals.known_keys", known=known)
                raise SpecError(Said("refusals.no_key", file=FILE, key=key), hint=hint, path=key)
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$")
            path = place.rstrip("`").lstrip(".")
            raise SpecError(f"{FILE}: {path or 'a value'}: {message}", path=path) from None


def load(folder: Path) -> Definitions:
    """The definitions of a store; a missing file means all defaults. Raises SpecError naming the key."""
    return read(folder)[0]


def read(folder: Path) -> tuple[Definitions, bytes]:
    """The definitions with the bytes they were read from, so that a change can be noticed."""
    with disk.explained(folder / FILE):
        try:
            content = (folder / FILE).read_bytes()
        except FileNotFoundError:
            return Definitions(), b""
    return parse(content), content


def parse(content: bytes) -> Definitions:
    """The definitions in a file's bytes. Raises SpecError naming the key."""
    try:
        return Definitions.from_toml(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SpecError(Said("refusals.no_utf8", file=FILE), path=FILE) from None


def save(folder: Path, definitions: Definitions) -> None:
    """Write the file, whole or not at all. Comments are written anew, own ones are lost."""
    with disk.explained(folder / FILE):
        disk.write_synced(folder / FILE, definitions.to_toml().encode())


def _check(definitions: Definitions) -> None:
    d = definitions
    try:
        ZoneInfo(d.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _refuse("timezone", Said("refusals.no_timezone", timezone=d.timezone), Said("refusals.write_timezone"))
    if d.currency and not re.fullmatch("[A-Z]{3}", d.currency):
        _refuse("currency", Said("refusals.no_currency", currency=d.currency), Said("refusals.write_currency"))
    if d.language not in LANGUAGES:
        _refuse(
            "language",
            Said("refusals.no_language", language=d.language),
            Said("refusals.write_one", names=" or ".join(LANGUAGES)),
        )
    if d.id_cap < 2:
        _refuse("id_cap", Said("refusals.id_cap_low", id_cap=d.id_cap), Said("refusals.write_two"))
    for name in ("own_domains", "bots", "passive", "errors", "deny_ids", "outbound"):
        if any(not value.strip() for value in getattr(d, name)):
            _refuse(name, Said("refusals.empty_in_list"), Said("refusals.empty_matches"))
    for i, (pattern, name) in enumerate(d.pages):
        if not pattern or not name:
            _refuse(f"pages[{i}]", Said("refusals.page_group_needs"), Said("refusals.write_page_group"))
    for i, rename in enumerate(d.costs.rename):
        if not (rename.source or rename.campaign) or not (rename.to_source or rename.to_campaign):
            _refuse(f"costs.rename[{i}]", Said("refusals.rename_needs"), Said("refusals.write_rename"))
    names = [name for name, _ in d.saved]
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        _refuse("saved", Said("refusals.saved_names_wrong"), Said("refusals.saved_names_own"))
    if not all(name.strip() == name and name and rule.strip() for name, rule in d.segments.items()):
        _refuse("segments", Said("refusals.segments_wrong"), Said("refusals.write_segment"))
    documents.check(d.alerts, d.boards)
    automation_checks.check(d.rules, d.journeys, d.delivery)
    _check_stages(d.stages)
    _check_rates(d.rates)


def _check_stages(stages: tuple[Stage, ...]) -> None:
    if stages and not MIN_STAGES <= len(stages) <= MAX_STAGES:
        _refuse(
            "stages",
            Said("refusals.n_stages", n=len(stages)),
            Said("refusals.stages_between", min_stages=MIN_STAGES, max_stages=MAX_STAGES),
        )
    names: set[str] = set()
    for i, stage in enumerate(stages):
        if not stage.name.strip() or stage.name in names or stage.name == "none":
            _refuse(f"stages[{i}].name", Said("refusals.no_stage_name", name=stage.name), Said("refusals.stage_names"))
        if not stage.enter:
            _refuse(
                f"stages[{i}].enter",
                Said("refusals.nothing_enters", name=stage.name),
                Said("refusals.write_stage_step"),
            )
        names.add(stage.name)


def _check_rates(rates: dict[str, tuple[tuple[str, str], ...]]) -> None:
    for currency, rows in rates.items():
        if not re.fullmatch("[A-Z]{3}", currency):
            _refuse(
                f"rates.{currency}",
                Said("refusals.no_currency", currency=currency),
                Said("refusals.write_currency_such"),
            )
        for i, (day, rate) in enumerate(rows):
            try:
                good = bool(date.fromisoformat(day)) and Decimal(rate).is_finite() and Decimal(rate) > 0
            except (ValueError, InvalidOperation):
                good = False
            if not good:
                _refuse(
                    f"rates.{currency}[{i}]",
                    Said("refusals.no_rate", day=day, rate=rate),
                    Said("refusals.write_rate"),
                )
        if [day for day, _ in rows] != sorted({day for day, _ in rows}):
            _refuse(f"rates.{currency}", Said("refusals.days_unordered"), Said("refusals.sort_days"))


def _refuse(path: str, message: Spoken, hint: Spoken) -> NoReturn:
    raise SpecError(Said(PLACED, place=path, message=message), hint=hint, path=str(path))
