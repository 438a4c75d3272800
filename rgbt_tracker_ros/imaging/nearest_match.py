# SPDX-License-Identifier: Apache-2.0
"""Decides which frames of two cameras match, as soon as it can be known."""
from __future__ import annotations

from enum import Enum
from itertools import count
import math
from typing import Any

from rgbt_tracker_ros.imaging.frame_stream import FrameStream

_SAME_MOMENT = 0.001
"""Distance at which no nearer partner is looked for, seconds."""


class Verdict(Enum):
    """What to do with the oldest frame."""

    PAIR = 'it matches the oldest frame of the other camera'
    ALONE = 'it has no partner'
    WAIT = 'a frame that may still come decides'


def judge(streams: tuple[FrameStream[Any], FrameStream[Any]], nexts: tuple[float, float],
          slop: float, *, foresee: bool) -> Verdict:
    """Decide on the oldest frame of all, the head of the first stream.

    On the common time line, neighbours of different cameras match when neither is nearer to its
    other neighbour. So walk from the head, neighbour to neighbour, while they get nearer to each
    other: where that ends is a match, and going back from there every second distance is one too.

    Parameters
    ----------
    streams
        The stream of the head, and the other one; the first must not be empty.
    nexts
        Stamp before which each is not expected to have a further frame, seconds; infinite when
        none is.
    slop
        Largest distance in a match, seconds.
    foresee
        Whether the expectation also suffices to say that the head has no partner; if not, that is
        said when a later frame proves it.

    """
    index = [0, -1]
    # Distances must fall below this, so the first one may be as large as the slop.
    shortest = math.nextafter(slop, math.inf)
    for step in count():
        own, other = step % 2, 1 - step % 2
        index[other] += 1
        stamp = streams[own].frames[index[own]].stamp
        partner = _stamp_at(streams[other], index[other])
        follower = _stamp_at(streams[own], index[own] + 1)
        distance = (max(nexts[other], stamp) if partner is None else partner) - stamp
        if step == 0 and partner is None and distance < math.inf and not foresee:
            return Verdict.WAIT
        if distance >= shortest or (
                partner is not None and follower is not None and follower <= partner):
            return Verdict.PAIR if own == 1 else Verdict.ALONE
        if partner is None:
            return Verdict.WAIT
        if distance <= _SAME_MOMENT:
            return Verdict.PAIR if own == 0 else Verdict.ALONE
        shortest = distance
    raise AssertionError('the walk ends where the frames do')


def _stamp_at(stream: FrameStream[Any], index: int) -> float | None:
    return stream.frames[index].stamp if index < len(stream.frames) else None
