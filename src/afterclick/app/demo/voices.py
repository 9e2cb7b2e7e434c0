"""What the people of the example shop say of it, whom they invite and who joins its reward programme: files beside the export.

All of it follows from what happens in the export and changes none of it: draws of its own, events of its own. Planted truths:
people whose code was refused or who were charged a fee score lower and say why; members join for what they had bought and buy
no more for being members; promoters invite more than others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from afterclick.app.demo.draws import Counters, bell, bits, quarters
from afterclick.app.demo.outline import outline
from afterclick.app.demo.plan import DAY, HOUR, MINUTE, Visits
from afterclick.app.demo.population import BLOCK, plan_population
from afterclick.app.demo.shop import Shop
from afterclick.app.demo.sources import DEVICES

ANSWER_RATE, LEAVER_RATE, BROWSER_RATE = 0.45, 0.40, 0.01
"""Share of orders, of checkouts left and of other visits that are followed by an answer."""
USUAL, DENIED, CHARGED, LEFT = 8.7, -2.6, -1.4, -1.2
"""The mean score of ten after an order, and what a refused code, a fee and leaving without an order take off it."""
WORDS_RATE: Final = 0.6
JOIN_RATE, JOIN_ORDERED_RATE = 0.015, 0.30
"""Chance of joining the programme in a visit, and in one with an order."""
INVITE_RATE, INVITE_PROMOTER_RATE = 0.05, 0.40
REFERRED_RATE: Final = 0.008
"""Share of first visits made by invitation, as far as one was sent."""

_DENIED: Final = (
    "할인코드가 적용이 안 돼요", "쿠폰 번호를 넣어도 오류만 나요", "휴대폰에서 할인코드가 계속 거절됐어요",
    "the discount code does not work on my phone",
)  # fmt: skip
_CHARGED: Final = (
    "배송비가 마지막에 추가돼서 당황했어요", "배송비 안내가 너무 늦어요", "배송비를 미리 알려 주세요",
    "shipping fee shows up too late",
)  # fmt: skip
_LOW: Final = ("배송이 늦어요", "사이즈가 작아요", "색상이 사진과 달라요", "결제 과정이 복잡해요", "too many steps to pay")
_HIGH: Final = (
    "배송이 빨라요", "옷이 예쁘고 배송도 빨라요", "재질이 좋아요 친구에게 추천할게요", "사이즈가 잘 맞아요", "포장이 깔끔해요",
    "great quality, fast delivery",
)  # fmt: skip
_TEXTS: Final = (_DENIED, _CHARGED, _LOW, _HIGH)


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Visits of people, in order of time: counter, person, device, instant of the start, and what happened in them."""

    counter: Counters
    visitor: NDArray[np.int64]
    device: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    at: NDArray[np.int64]
    ordered: NDArray[np.bool_]
    left: NDArray[np.bool_]
    denied: NDArray[np.bool_]
    charged: NDArray[np.bool_]


def write_voices(shop: Shop, path: Path) -> tuple[Path, Path]:
    """Write `feedback.parquet` (an import of the kind feedback) and `programme.parquet` (events) into the folder `path`."""
    seen = _moments(shop, plan_population(shop))
    answers, promoters = _answers(shop, seen)
    feedback, programme = path / "feedback.parquet", path / "programme.parquet"
    pq.write_table(answers, feedback, store_schema=False)
    pq.write_table(pa.concat_tables([_joins(shop, seen), *_invitations(shop, seen, promoters)]), programme, store_schema=False)
    return feedback, programme


def _moments(shop: Shop, visits: Visits) -> _Moments:
    parts = list(_blocks(shop, visits))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _Moments(**joined)


def _blocks(shop: Shop, visits: Visits) -> Iterator[dict[str, NDArray[np.generic]]]:
    for start in range(0, len(visits), BLOCK):
        some = visits.take(slice(start, start + BLOCK))
        # Whoever only opened an e-mail was never here: there is no device to know them by.
        some = some.take(~some.opens_only)
        bought = outline(shop, some).bought
        flags = {name: np.zeros(len(some), bool) for name in ("ordered", "left", "denied", "charged")}
        flags["ordered"][bought.visit] = bought.ordered
        flags["left"][bought.visit] = bought.started & ~bought.ordered
        flags["denied"][bought.visit] = bought.denied & ~bought.applied
        flags["charged"][bought.visit] = bought.fee
        yield {
            "counter": some.counter, "visitor": some.visitor.astype(np.int64), "ordinal": some.ordinal.astype(np.int64),
            "device": some.visitor.astype(np.int64) * DEVICES + some.device, "at": some.starts_at, **flags,
        }  # fmt: skip


def _answers(shop: Shop, seen: _Moments) -> tuple[pa.Table, NDArray[np.bool_]]:
    """The answers as a table, and per visit whether a promoter's answer followed it."""
    answers, waits, writes, which = quarters(shop.seed, "answer", seen.counter)
    asked = seen.ordered | seen.left
    rate = np.where(seen.ordered, ANSWER_RATE, np.where(seen.left, LEAVER_RATE, BROWSER_RATE))
    wait = np.where(seen.ordered, 1 * DAY, np.where(seen.left, 2 * HOUR, 40 * MINUTE))
    at = seen.at + wait + (waits.astype(np.float64) * np.where(asked, DAY, HOUR)).astype(np.int64)
    told = np.flatnonzero((answers < rate) & (at < shop.days * DAY))
    luck = bell(shop.seed, "score", seen.counter)
    mean = USUAL + DENIED * seen.denied + CHARGED * seen.charged + LEFT * seen.left
    stars = np.clip(np.rint(3.7 + 0.9 * luck), 1, 5)
    score = np.where(asked, np.clip(np.rint(mean + 1.3 * luck), 0, 10), stars).astype(np.int64)
    pleased = np.where(asked, score >= 8, score >= 4)
    kind = np.where(pleased, 3, np.where(seen.denied, 0, np.where(seen.charged, 1, 2)))
    words = [
        _TEXTS[kind[one]][int(which[one] * len(_TEXTS[kind[one]]))] if writes[one] < WORDS_RATE else None
        for one in told.tolist()
    ]
    table = pa.table(
        {
            "response_id": _names(shop, "answer id", seen.counter[told]),
            "submitted_at": _instants(shop, at[told]),
            "anonymous_id": _people(shop, seen.device[told]),
            "score": pa.array(score[told]),
            "scale": pa.array(np.where(asked[told], 10, 5)),
            "survey": pa.array(np.where(asked[told], "NPS", "만족도").tolist(), pa.string()),
            "comment": pa.array(words, pa.string()),
        }
    )
    promoters = np.zeros(len(score), bool)
    promoters[told] = asked[told] & (score[told] >= 9)
    return table, promoters


def _joins(shop: Shop, seen: _Moments) -> pa.Table:
    joins, wait, _, _ = quarters(shop.seed, "joins", seen.counter)
    chosen = np.flatnonzero(joins < np.where(seen.ordered, JOIN_ORDERED_RATE, JOIN_RATE))
    chosen = chosen[np.unique(seen.visitor[chosen], return_index=True)[1]]
    soon = MINUTE + (wait[chosen].astype(np.float64) * 4 * MINUTE).astype(np.int64)
    at = np.minimum(seen.at[chosen] + soon, shop.days * DAY - 1)
    return _events(shop, "Rewards Joined", seen.counter[chosen], at, seen.device[chosen], [None] * len(chosen))


def _invitations(shop: Shop, seen: _Moments, promoters: NDArray[np.bool_]) -> tuple[pa.Table, pa.Table]:
    """Invitations, two to three days after an order, and the first visits that follow one."""
    sends, wait, comes, whose = quarters(shop.seed, "invites", seen.counter)
    at = seen.at + 3 * DAY + (wait.astype(np.float64) * DAY).astype(np.int64)
    sent = seen.ordered & (sends < np.where(promoters, INVITE_PROMOTER_RATE, INVITE_RATE)) & (at < shop.days * DAY)
    invites = np.flatnonzero(sent)
    invites = invites[np.argsort(at[invites], kind="stable")]
    codes = [f"HB{number:016x}"[:10] for number in bits(shop.seed, "invite code", seen.visitor.astype(np.uint64)).tolist()]
    came = np.flatnonzero((seen.ordinal == 0) & (comes < REFERRED_RATE))
    before = np.searchsorted(at[invites], seen.at[came])
    came, before = came[before > 0], before[before > 0]
    by = invites[(whose[came] * before).astype(np.int64)]
    other = seen.visitor[by] != seen.visitor[came]
    came, by = came[other], by[other]
    return (
        _events(
            shop, "Invite Sent", seen.counter[invites], at[invites], seen.device[invites], [codes[i] for i in invites.tolist()]
        ),
        _events(
            shop, "Referral Link Opened", seen.counter[came], seen.at[came], seen.device[came], [codes[i] for i in by.tolist()]
        ),
    )


def _events(
    shop: Shop, name: str, counter: Counters, at: NDArray[np.int64], device: NDArray[np.int64], codes: list[str | None]
) -> pa.Table:
    return pa.table(
        {
            "message_id": _names(shop, name, counter),
            "type": pa.array(["track"] * len(at), pa.string()),
            "event": pa.array([name] * len(at), pa.string()),
            "timestamp": _instants(shop, at),
            "anonymous_id": _people(shop, device),
            "referral_code": pa.array(codes, pa.string()),
        }
    )


def _names(shop: Shop, purpose: str, counter: Counters) -> pa.Array:
    return pa.array([f"{number:016x}" for number in bits(shop.seed, purpose, counter).tolist()], pa.string())


def _people(shop: Shop, device: NDArray[np.int64]) -> pa.Array:
    """Anonymous ids, as the export has them."""
    return _names(shop, "anonymous id", device.astype(np.uint64))


def _instants(shop: Shop, at: NDArray[np.int64]) -> pa.Array:
    return pa.array(at + shop.starts_at).view(pa.timestamp("us", tz="UTC"))
