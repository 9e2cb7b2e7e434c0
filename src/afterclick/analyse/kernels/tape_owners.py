"""Whose memory each event of visitors with several ids is folded into: `decide.people.People` over many visitors at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.holding import uncounted
from afterclick.analyse.kernels.tape_state import KNOWN, PRESENT
from afterclick.core.arrays import frozen

DEVICE, USER, EMAIL, DENIED = range(4)
"""Kinds of ids; a denied one is nobody's."""

NUMBER, ROOT, SIZE, OWNED, USER_OF, HEAD, SLOT = range(7)
"""What is kept of an id: the how manieth it is (0 = not met), what it belongs to, of a root how many ids (-1 = itself alone)
and whether one is a user, the user it was first seen with, its latest log-in, its memory; -1 for none."""
KEPT: Final = 7

LOGGED_AT, LOGGED, OLDER = range(3)
"""Columns of log-ins."""

ALIVE, TOP, SPARE = range(3)
"""Memories there are, those that there ever were at once, places of those that are not any more."""

OPENS: Final = 60
BITS: Final = 20
MASK: Final = (1 << BITS) - 1
"""A word of a row: the place of its memory (from 1; 0 = nobody's) in the lowest bits, above it those of up to two memories
that become part of it before the event, at `OPENS` whether it is a new one."""

SURE, UNSURE, CROWDED = range(3)
"""What became of the visitors of a label; `UNSURE` where the log must say which of two rows named an e-mail first, `CROWDED`
where there is no room for their memories."""


def _root(ids: Any, one: int) -> int:
    while ids[one, ROOT] != one:
        ids[one, ROOT] = ids[ids[one, ROOT], ROOT]
        one = ids[one, ROOT]
    return one


def _meet(ids: Any, kinds: Any, one: int, known: int) -> int:
    """`_known`; how many ids are known then."""
    if one < 0 or ids[one, NUMBER] > 0:
        return known
    ids[one, NUMBER], ids[one, ROOT], ids[one, SIZE], ids[one, USER_OF], ids[one, HEAD] = known, one, -1, -1, -1
    ids[one, OWNED] = 1 if kinds[one] == USER else 0
    ids[one, SLOT] = -1
    return known + 1


def _active(ids: Any, logins: Any, one: int, t: int) -> int:
    """The user who was logged in on a shared device, else the id itself."""
    place = ids[one, HEAD]
    if place < 0:
        return one
    while logins[place, LOGGED_AT] > t and logins[place, OLDER] >= 0:
        place = logins[place, OLDER]
    return int(logins[place, LOGGED])


def _log_in(ids: Any, logins: Any, used: int, device: int, user: int, t: int) -> int:
    """A device that several users share belongs to the one logged in; how many log-ins are noted then."""
    if ids[device, HEAD] < 0:
        logins[used, LOGGED_AT], logins[used, LOGGED], logins[used, OLDER] = 0, ids[device, USER_OF], -1
        ids[device, HEAD] = used
        used += 1
        root = _root(ids, device)
        if ids[root, SIZE] >= 0:
            ids[root, SIZE] -= 1
    if _active(ids, logins, device, t) == user:
        return used
    later, place = -1, ids[device, HEAD]
    while place >= 0 and (
        logins[place, LOGGED_AT] > t
        or (logins[place, LOGGED_AT] == t and ids[logins[place, LOGGED], NUMBER] > ids[user, NUMBER])
    ):
        later, place = place, logins[place, OLDER]
    logins[used, LOGGED_AT], logins[used, LOGGED], logins[used, OLDER] = t, user, place
    if later >= 0:
        logins[later, OLDER] = used
    else:
        ids[device, HEAD] = used
    return used + 1


def _join(ids: Any, kinds: Any, one: int, other: int, cap: int) -> int:
    """The id that is no visitor of its own any more, -1 for none."""
    one, other = _root(ids, one), _root(ids, other)
    if one == other or (ids[one, OWNED] and ids[other, OWNED]):
        return -1
    size = (ids[one, SIZE] if ids[one, SIZE] >= 0 else 1) + (ids[other, SIZE] if ids[other, SIZE] >= 0 else 1)
    if size > cap:
        return -1
    behind = (kinds[one] == EMAIL) > (kinds[other] == EMAIL)
    if behind or ((kinds[one] == EMAIL) == (kinds[other] == EMAIL) and ids[one, NUMBER] > ids[other, NUMBER]):
        one, other = other, one
    ids[other, ROOT], ids[one, SIZE], ids[other, SIZE] = one, size, -1
    ids[one, OWNED] = max(ids[one, OWNED], ids[other, OWNED])
    ids[other, OWNED] = 0
    return other


def _beside(key: Any, at: Any, first: int, last: int, i: int, device: Any, mail_at: Any, t: int, met: bool) -> bool:
    """Whether another row of this instant may have named the same e-mail first. `met` says that it was met before."""
    for step in (-1, 1):
        j = i + step
        while first <= j < last and at[j] == at[i]:
            if key[j] & KNOWN:
                whose = device[key[j] >> 16]
                if met or (whose != device[key[i] >> 16] and mail_at[whose] == t):
                    return True
            j += step
    return False


def _word(ids: Any, owner: int, gone: int, more: int, slots: Any) -> int:
    """The word of a row with the memories it changes; `slots` counts them, those let go of behind the counts."""
    word, shift = 0, BITS
    if ids[owner, SLOT] < 0:
        word = 1 << OPENS
        slots[ALIVE] += 1
        if slots[SPARE]:
            slots[SPARE] -= 1
            ids[owner, SLOT] = slots[3 + slots[SPARE]]
        else:
            ids[owner, SLOT] = slots[TOP]
            slots[TOP] += 1
    for turn in range(2):
        one = gone if turn == 0 else more
        if one >= 0:
            word |= (int(ids[one, SLOT]) + 1) << shift
            shift += BITS
            slots[ALIVE] -= 1
            if 3 + slots[SPARE] < len(slots):
                slots[3 + slots[SPARE]] = ids[one, SLOT]
                slots[SPARE] += 1
            ids[one, SLOT] = -1
    return int(word | (int(ids[owner, SLOT]) + 1))


HELPERS: Final = (_root, _meet, _active, _log_in, _join, _beside, _word)


def _note(device: Any, at: Any, since: int, met: Any) -> None:
    met[device[at >= since] if len(at) else device] = True


def _example_note() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64)), 0, np.zeros(2, np.bool_)


@kernel(example=_example_note, vector=_note)
def note_ids(device: Any, at: Any, since: int, met: Any) -> None:
    """Set `met` (by id, and one place more for rows of nobody, -1) of the ids that rows `since` an instant are of.

    Where `at` is empty, of all rows.
    """
    dated = len(at) > 0
    for i in range(len(device)):
        if not dated or at[i] >= since:
            met[device[i]] = True


def _example() -> tuple[Any, ...]:
    long, narrow = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32))
    rows = frozen(np.array([0, 0])), long, long, long, 0, narrow, narrow
    about = frozen(np.zeros(1, np.uint8)), narrow, narrow, long, narrow, 50, 4
    outs = np.zeros((1, KEPT), np.int32), np.zeros(1, np.int64), np.zeros(1, np.int32), np.zeros((1, 3), np.int32)
    return *rows, *about, narrow, 0, 1, long, *outs


@kernel(*HELPERS, example=_example, inlined=True)
def own_rows(
    offsets: Any, at: Any, key: Any, happened: Any, live: int, device: Any, user: Any,
    kinds: Any, members: Any, mail: Any, mail_at: Any, email: Any, cap: int, room: int,
    chosen: Any, first: int, last: int, base: Any,
    ids: Any, words: Any, keys: Any, found: Any,
) -> None:  # fmt: skip
    """Write the word of each row of `chosen[first:last]`, and in `keys` the id by which a new memory is known.

    Rows are gathered by label, `base[label]` is where those of a label begin in `words`, `keys` and `email`. `device` and
    `user` are by global row, `kinds` by id, `members` how many ids a label has. The e-mail of a row is `email` where that is
    told, else the one its id was first seen with, if that was at its instant (`mail`, `mail_at` by id). `room` is how many
    log-ins of a label can be noted. `found[label]` = (SURE or why not, memories in use at once, memories in the end). `ids`
    is zeros to work in.
    """
    ids, kinds, at, key = uncounted(ids), uncounted(kinds), uncounted(at), uncounted(key)
    device, mail_at = uncounted(device), uncounted(mail_at)
    logins, slots = np.empty((room, 3), np.int64), np.empty(1 << 10, np.int64)
    for choice in range(first, last):
        label = chosen[choice]
        low, high, where = offsets[label], offsets[label + 1], base[label]
        known, used, state = 1, 0, SURE
        slots[:3] = 0
        for i in range(low, high):
            row, place = key[i] >> 16, where + i - low
            mine, one = device[row], user[row]
            anonymous, mail_of = mine, -1
            t = happened[row] if live else at[i]
            if len(email) > 1:
                mail_of = email[place]
                if mail_of >= 0 and kinds[mail_of] == DENIED:
                    mail_of = -1
            elif mail_at[mine] == t and key[i] & KNOWN:
                mail_of = mail[mine]
                if _beside(key, at, low, high, i, device, mail_at, t, ids[mail_of, NUMBER] > 0):
                    state = UNSURE
                    break
            if kinds[mine] == USER or kinds[mine] == DENIED:
                anonymous = -1
            if one >= 0 and kinds[one] == DENIED:
                one = -1
            words[place] = 0
            known = _meet(ids, kinds, anonymous, known)
            known = _meet(ids, kinds, mail_of, known)
            known = _meet(ids, kinds, one, known)
            whose = one if anonymous < 0 else anonymous
            if whose < 0:
                continue
            if used + 4 > room or slots[TOP] + 1 >= MASK:
                state = CROWDED
                break
            gone, more = -1, -1
            if anonymous >= 0 and mail_of >= 0:
                gone = _join(ids, kinds, _active(ids, logins, anonymous, t), _active(ids, logins, mail_of, t), cap)
            for turn in range(2):
                other = anonymous if turn == 0 else mail_of
                if other < 0 or one < 0:
                    continue
                if ids[other, USER_OF] < 0:
                    ids[other, USER_OF] = one
                if ids[other, HEAD] >= 0 or ids[other, USER_OF] != one:
                    used = _log_in(ids, logins, used, other, one, t)
                else:
                    left = _join(ids, kinds, other, one, cap)
                    gone, more = (left, more) if gone < 0 else (gone, left if left >= 0 else more)
            # An e-mail, or one of whom nothing was heard, has no memory.
            gone = gone if gone >= 0 and ids[gone, SLOT] >= 0 else -1
            more = more if more >= 0 and ids[more, SLOT] >= 0 else -1
            if key[i] & PRESENT or gone >= 0 or more >= 0:
                owner = _root(ids, _active(ids, logins, whose, t))
                if gone < 0 and more < 0 and ids[owner, SLOT] >= 0:
                    words[place] = ids[owner, SLOT] + 1
                else:
                    words[place] = _word(ids, owner, gone, more, slots)
                    keys[place] = owner
                if len(email) == 1 and ids[owner, SIZE] == members[label]:
                    # Where nothing is shared, all that can be joined has been.
                    for j in range(i + 1, high):
                        words[where + j - low] = ids[owner, SLOT] + 1 if key[j] & PRESENT else 0
                    break
        found[label, 0], found[label, 1], found[label, 2] = state, slots[TOP], slots[ALIVE]
