"""Referrals as a relation: who came by whose invitation, and who sent invitations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.fields import touch_field
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import sessions_of
from afterclick.core.names import INVITE_SENT
from afterclick.core.spans import micros
from afterclick.store.columns import Flag

CODES: Final = ("referral_code", "invite_code", "referrer_code", "ref_code", "share_code")
"""Properties that hold the code of an invitation: of the one who sends it on an invitation, of the one who follows it else."""
BY: Final = ("referred_by", "referrer_id", "invited_by", "inviter_id")
"""Properties that name whoever brought somebody, by an id."""
INVITED: Final = ("invitee_email", "invited_email")
_LINKS: Final = re.compile(
    r"(refer[-_ ]?a[-_ ]?friend|referral[-_ ]?(program(me)?|link|code)|friend[-_ ]?(invite|referral)|invite[ds]?|invitation"
    r"|친구[-_ ]?(초대|추천)|초대[-_ ]?링크|추천인)"
)
"""Campaign parameters of links that visitors share; `referral` alone is a link from another site."""
_FIELDS: Final = ("medium", "source", "campaign")
NOBODY: Final = -1


@dataclass(frozen=True)
class Referrals:
    """One row per referred visitor, by visitor: visitor int64, at int64 µs (the first evidence), referrer int64 (NOBODY
    where it is not known who), new bool (in the visitor's first visit).

    `inviter` and `invited_at` int64 are the invitations sent, in no order.
    """

    visitor: np.ndarray
    at: np.ndarray
    referrer: np.ndarray
    new: np.ndarray
    inviter: np.ndarray
    invited_at: np.ndarray


def referrals_of(scope: Scope) -> Referrals:
    """All referrals and invitations of the scope's visitors up to `as_of`, kept in the context."""
    asked = scope.question
    key = ("referrals", asked.identity, asked.bots, scope.as_of, asked.where, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _Finder(scope).find())


class _Finder:
    def __init__(self, scope: Scope) -> None:
        self.scope, self.context = scope, scope.context
        self.sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)

    def find(self) -> Referrals:
        """Everything that says so, the earliest of each visitor."""
        invites = self._rows_of_invites()
        inviter, invited_at = self._who(invites)
        owners = self._owners(invites, inviter)
        parts = [*self._by_property(owners), self._by_link(owners), self._by_address(invites, inviter, invited_at)]
        visitor, at, referrer = (np.concatenate([part[i] for part in parts]) for i in range(3))
        # Nobody brings themselves; and of equal instants whoever is known comes first.
        kept = (visitor >= 0) & (visitor != referrer)
        visitor, at, referrer = visitor[kept], at[kept], referrer[kept]
        order = np.lexsort((referrer, referrer < 0, at, visitor))
        visitor, at, referrer = visitor[order], at[order], referrer[order]
        first = np.ones(len(visitor), bool)
        first[1:] = visitor[1:] != visitor[:-1]
        visitor, at, referrer = visitor[first], at[first], referrer[first]
        known = inviter >= 0
        return Referrals(visitor, at, referrer, self._new(visitor, at), inviter[known], invited_at[known])

    def _who(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Visitors (NOBODY for none) and instants of rows."""
        device, at = self.context.snapshot.take("device", rows), self.context.snapshot.take("at", rows)
        visitor = np.full(len(rows), NOBODY, np.int64)
        visitor[device >= 0] = self.scope.labels.of(device[device >= 0], at[device >= 0])
        return visitor, at.astype(np.int64)

    def _counted(self, rows: np.ndarray) -> np.ndarray:
        """Those of these rows that count in the scope."""
        kept = self.context.snapshot.take("at", rows) <= self.scope.as_of
        if self.scope.question.bots == "out":
            kept &= (self.context.snapshot.take("flags", rows) & int(Flag.BOT)) == 0
        rows = rows[kept]
        result: np.ndarray = rows[self.scope.mask_rows(rows)]
        return result

    def _rows_of_invites(self) -> np.ndarray:
        wanted = self.context.name_codes(INVITE_SENT)
        found = [
            chunk.start + np.flatnonzero(np.isin(chunk.columns["name"], wanted))
            for chunk in (self.context.snapshot.chunks(("name",), None) if len(wanted) else ())
        ]
        rows = self._counted(np.concatenate(found) if found else np.zeros(0, np.int64))
        at, tie = self.context.snapshot.take("at", rows), self.context.snapshot.take("tie", rows)
        ordered: np.ndarray = rows[np.lexsort((tie, at))]
        return ordered

    def _texts(self, name: str, rows: np.ndarray) -> list[str]:
        """A text property of rows, "" where there is none."""
        column = f"p.{name}"
        if self.context.snapshot.column_kind(column) != "coded":
            return [""] * len(rows)
        texts = self.context.texts(column)
        return [texts[code].strip() if code >= 0 else "" for code in self.context.snapshot.take(column, rows).tolist()]

    def _owners(self, invites: np.ndarray, inviter: np.ndarray) -> Mapping[str, int]:
        """Whose code is which: of invitations, the first that used it. Case does not matter, since links lose it."""
        owners: dict[str, int] = {}
        for name in CODES:
            for code, visitor in zip(self._texts(name, invites), inviter.tolist(), strict=True):
                if code and visitor >= 0:
                    owners.setdefault(code.casefold(), visitor)
        return owners

    def _referrer(self, texts: list[str], owners: Mapping[str, int]) -> np.ndarray:
        """The visitors whom codes or ids name, NOBODY for unknown ones; int64."""
        distinct = sorted(set(texts) - {""})
        names = [f"{space}{text}" for text in distinct for space in ("u:", "a:")]
        names += [f"e:{text.lower()}" for text in distinct]
        codes = self.context.snapshot.book("id").codes(pa.array(names, pa.string())) if names else np.zeros(0, np.int64)
        label = self.scope.labels.label
        found: dict[str, int] = {"": NOBODY}
        for number, text in enumerate(distinct):
            ids = (codes[2 * number], codes[2 * number + 1], codes[2 * len(distinct) + number])
            by_id = next((int(label[code]) for code in ids if code >= 0 and label[code] >= 0), NOBODY)
            found[text] = owners.get(text.casefold(), by_id)
        return np.array([found[text] for text in texts], np.int64)

    def _by_property(self, owners: Mapping[str, int]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """What events say of who brought their visitor; what an invitation says is its own code."""
        invitation = self.context.name_codes(INVITE_SENT)
        for name in (*BY, *CODES):
            column = f"p.{name}"
            if self.context.snapshot.column_kind(column) != "coded":
                continue
            rows = self._counted(np.flatnonzero(self.context.column(column) >= 0))
            rows = rows[~np.isin(self.context.snapshot.take("name", rows), invitation)]
            visitor, at = self._who(rows)
            yield visitor, at, self._referrer(self._texts(name, rows), owners)

    def _by_link(self, owners: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Visits by a link that was shared: its campaign parameters say so, and `utm_content` or `utm_term` by whom."""
        size = len(self.context.texts("touch"))
        shared = np.zeros(max(1, size), bool)
        for field in _FIELDS:
            lookup, texts = touch_field(self.context, field)
            says = np.array([bool(_LINKS.fullmatch(text.strip())) for text in texts] or [False], bool)
            if size:
                shared[:size] |= (lookup >= 0) & says[np.maximum(lookup, 0)]
        touch = self.sessions.touch
        here = np.flatnonzero((touch >= 0) & shared[np.maximum(touch, 0)])
        begun = self.sessions.first[here]
        rows = self.sessions.rows.rows_at(begun)
        # A later visit that goes on with the channel of an earlier one was not brought anew.
        own = (self.context.snapshot.take("touch", rows) == touch[here]) & self.scope.mask_rows(rows)
        here, begun = here[own], begun[own]
        referrer = np.full(len(here), NOBODY, np.int64)
        for field in ("content", "term"):
            lookup, texts = touch_field(self.context, field)
            code = lookup[touch[here]] if len(lookup) else np.full(len(here), -1)
            said = self._referrer([texts[one] if one >= 0 else "" for one in code.tolist()], owners)
            referrer = np.where(referrer < 0, said, referrer)
        return self.sessions.visitor[here].astype(np.int64), self.sessions.start_at[here], referrer

    def _by_address(
        self, invites: np.ndarray, inviter: np.ndarray, invited_at: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Visitors known by the address that an invitation was sent to, first seen after it."""
        parts = [(np.zeros(0, np.int64),) * 3]
        rows = self.sessions.rows
        for name in INVITED:
            texts = self._texts(name, invites)
            known = np.array([bool(text) for text in texts], bool)
            visitor = self._referrer([text if "@" in text else "" for text in texts], {})
            known &= visitor >= 0
            begin = rows.offsets[np.maximum(visitor, 0)]
            seen = np.zeros(len(visitor), np.int64)
            there = begin < rows.offsets[np.maximum(visitor, 0) + 1]
            seen[there] = rows.at[begin[there]]
            known &= there & (seen >= invited_at)
            parts.append((visitor[known], seen[known], inviter[known]))
        return tuple(np.concatenate([part[i] for part in parts]) for i in range(3))  # type: ignore[return-value]

    def _new(self, visitor: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Was the evidence within the visitor's first visit (or before any)?"""
        first = np.searchsorted(self.sessions.visitor, visitor)
        there = first < len(self.sessions)
        there[there] = self.sessions.visitor[first[there]] == visitor[there]
        late = np.zeros(len(visitor), bool)
        late[there] = at[there] > self.sessions.end_at[first[there]] + micros(self.scope.sessions_like.timeout)
        return ~late
