# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import weakref

from rgbt_tracker_ros.pipeline.memory import give_back, memory


class Holder:
    """Refers to itself, as a node does through its callbacks."""

    def __init__(self, size: int) -> None:
        self.itself = self
        self.images = [bytearray(100_000) for _ in range(size)]


def test_what_circles_held_is_given_back():
    gc.disable()
    try:
        before = memory().used
        holder = Holder(1000)
        watched = weakref.ref(holder)
        assert memory().used > before + 90
        del holder
        assert watched() is not None
        give_back()
        assert watched() is None
        assert memory().used < before + 20
    finally:
        gc.enable()
