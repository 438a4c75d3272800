# SPDX-License-Identifier: Apache-2.0
"""One moment on two clocks: the node's, which may be simulated, and one that never stops."""
from __future__ import annotations

from typing import NamedTuple


class Moment(NamedTuple):
    """A moment.

    Attributes
    ----------
    node
        Seconds of the node's clock; simulated time may stand still, jump and start at 0.
    steady
        Seconds of a clock that only goes on.

    """

    node: float
    steady: float

    def since(self, earlier: Moment) -> float:
        """Return the seconds that have certainly passed.

        The lesser of both clocks: a pause of the simulation is no silence, and neither is the
        jump from 0 to the first simulated time.
        """
        return max(min(self.node - earlier.node, self.steady - earlier.steady), 0.0)

    def span(self, earlier: Moment) -> float:
        """Return the seconds to divide a count by: the node's, the steady ones while it stands."""
        return self.node - earlier.node if self.node > earlier.node \
            else self.steady - earlier.steady
