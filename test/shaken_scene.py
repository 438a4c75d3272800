# SPDX-License-Identifier: Apache-2.0
"""What a shaken pair of cameras sees: motion in common, and little else."""
from __future__ import annotations

import numpy as np


def shaken(time: float, rng: np.random.Generator, thermal: bool) -> np.ndarray:
    """Return a 96 x 72 image of a pattern; thermal has another look and 16 bits."""
    x = np.arange(96) + 9 * np.sin(2.1 * time) * np.cos(0.73 * time) + 4 * np.sin(5.3 * time)
    y = np.arange(72)[:, None] + 3 * np.cos(1.7 * time) * np.sin(0.41 * time)
    pattern = np.sin(x / (7 if thermal else 11)) * np.cos(y / 9) + np.sin((x + y) / 23)
    seen = 120 + 45 * pattern + rng.normal(0, 2, (72, 96))
    return (7000 + 8 * seen).astype(np.uint16) if thermal else np.uint8(seen)
