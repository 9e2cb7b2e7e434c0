"""What a page says when it asks for decisions or tells what became of one, and the events that this makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from afterclick.collect.wire.credentials import key_of
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.unpack import unpack
from afterclick.core import names

MOST_PLACEMENTS: Final = 32
LONGEST_ID: Final = 512
_LANGUAGES: Final = 8
_STATES: Final = {
    "displayed": names.MESSAGE_DELIVERED, "clicked": names.MESSAGE_CLICKED, "closed": names.MESSAGE_DISMISSED,
    "failed": names.MESSAGE_FAILED,
}  # fmt: skip
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_BATCH: Final = "/v1/batch"
_NOTHING: Final = msgspec.Raw(b"")
_S = TypeVar("_S")

Id = Annotated[str, Meta(max_length=LONGEST_ID)]
Name = Annotated[str, Meta(max_length=256)]


class _Sender(msgspec.Struct, rename="camel", kw_only=True):
    write_key: str | None = None
    anonymous_id: Id | None = None
    user_id: Id | None = None
    user_token: str | None = None


class Question(_Sender, rename="camel", kw_only=True):
    """The body of /v1/decide. `event` is one of Segment's calls, with what stands around it as its defaults; `form` "tree"
    gives HTML as nodes."""

    event: msgspec.Raw = _NOTHING
    placements: Annotated[list[Name], Meta(max_length=MOST_PLACEMENTS)] = []
    languages: Annotated[list[Name], Meta(max_length=64)] = []
    page: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    sent_at: Any = None
    form: Literal["html", "tree"] = "html"


class Exposure(msgspec.Struct):
    """Which version of an experiment was shown."""

    id: Name
    arm: Name


class Acknowledgement(_Sender, rename="camel", kw_only=True):
    """The body of /v1/ack; `action_id` and `state` suffice for a decision that this server has handed out lately."""

    action_id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_.:-]{1,128}$")] = msgspec.field(name="action_id")
    state: Literal["displayed", "clicked", "closed", "failed"]
    rule: Name | None = None
    journey: Name | None = None
    experiment: Exposure | None = None
    reason: Name | None = None


_QUESTION: Final = msgspec.json.Decoder(Question)
_ACKNOWLEDGEMENT: Final = msgspec.json.Decoder(Acknowledgement)


def question(request: WireRequest) -> Question:
    """What /v1/decide was asked. Raises WireError."""
    return _read(_QUESTION, request)


def acknowledgement(request: WireRequest) -> Acknowledgement:
    """What /v1/ack was told. Raises WireError."""
    return _read(_ACKNOWLEDGEMENT, request)


def languages(given: Sequence[str], headers: Mapping[str, str]) -> tuple[str, ...]:
    """What a visitor speaks, best first: what the page says, else the browser's own word."""
    return _spoken(tuple(given), headers.get("accept-language", "")[:1024])


@lru_cache(maxsize=1024)
def _spoken(given: tuple[str, ...], accepted: str) -> tuple[str, ...]:
    found = given or [part.partition(";")[0].strip() for part in accepted.split(",")]
    return tuple(text for text in found[:_LANGUAGES] if _LANGUAGE.fullmatch(text))


def key(request: WireRequest, said: _Sender) -> str:
    """The write key of the head, else of the body, "" where there is none."""
    return key_of(request) or (said.write_key or "").partition(":")[0].strip()


def with_event(request: WireRequest, said: Question) -> WireRequest:
    """The request that a batch of the event alone would have been. The event itself goes before what stands around it."""
    event = bytes(said.event)
    if event.startswith(b"{"):
        # Of two fields of one name the later counts.
        inner = event[1:].lstrip()
        event = _defaults(said) + (inner if inner.startswith(b"}") else b"," + inner)
        if said.page is None and not said.context and said.sent_at is None:
            return _plain(request, event, key(request, said))
    context = dict(said.context or {})
    if said.page is not None:
        context.setdefault("page", said.page)
    return _batch(request, key(request, said), event, {"context": context, "sentAt": said.sent_at})


def _defaults(said: Question) -> bytes:
    """The beginning of an event: what it is where it does not say so itself."""
    found = b'{"type":"track"'
    if said.anonymous_id:
        found += b',"anonymousId":' + msgspec.json.encode(said.anonymous_id)
    if said.user_id:
        found += b',"userId":' + msgspec.json.encode(said.user_id)
    return found


def with_acknowledgement(request: WireRequest, said: Acknowledgement) -> WireRequest:
    """The request with the events that an acknowledgement becomes. Their ids are made of the action, so that it counts once
    however often it is told."""
    arm = said.experiment.arm if said.experiment is not None else None
    what = {"action_id": said.action_id, "channel": "onsite"}
    known = {"rule": said.rule, "journey": said.journey, "arm": arm, "reason": said.reason}
    events = [_event(said, said.state, _STATES[said.state], what | {name: text for name, text in known.items() if text})]
    if said.experiment is not None and said.state == "displayed":
        shown = {"experiment": said.experiment.id, "variant": said.experiment.arm, "action_id": said.action_id}
        events.append(_event(said, "viewed", names.EXPERIMENT_VIEWED, shown))
    return _batch(request, key(request, said), b",".join(map(msgspec.json.encode, events)), {})


def _event(said: Acknowledgement, state: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    # A visitor of a page is its anonymous id: with the user beside it, the same told after a log-in would be another event.
    whose = {"anonymousId": said.anonymous_id} if said.anonymous_id else {"userId": said.user_id}
    return {
        "type": "track", "event": name, "messageId": f"{said.action_id}-{state}", "properties": properties, **whose
    }  # fmt: skip


def _batch(request: WireRequest, write_key: str, events: bytes, around: dict[str, Any]) -> WireRequest:
    outer = msgspec.json.encode({"writeKey": write_key, **{name: value for name, value in around.items() if value}})
    body = outer[:-1] + b',"batch":[' + events + b"]}"
    return _plain(request, body, write_key)


def _plain(request: WireRequest, body: bytes, write_key: str) -> WireRequest:
    headers = request.headers
    if "content-encoding" in headers:
        headers = {name: value for name, value in headers.items() if name != "content-encoding"}
    return WireRequest(request.method, _BATCH, "", headers, body, request.received_at, request.address, write_key)


def _read(decoder: msgspec.json.Decoder[_S], request: WireRequest) -> _S:
    try:
        return decoder.decode(unpack(request))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(400, "bad_request", str(error) or "the body is nested too deep") from None
