# SPDX-License-Identifier: Apache-2.0
"""Light, smoke and sensors over time: turns the stage's clean images into camera images."""
from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.synthetic.faults import THERMAL_SMOKE, dim, shine, smear, veil
from rgbt_tracker_ros.synthetic.spec import ClipSpec
from rgbt_tracker_ros.synthetic.textures import (
    GRAIN_MEAN,
    GRAIN_SIGMA,
    Field,
    Image,
    add_grain,
    enlarge,
    fractal_noise,
    grain,
    smooth_noise,
)

COUNTS_MAX = 16383
"""Largest count of the 14-bit thermal camera."""

_NOISE_COUNTS = 4.0
_STRIPE_COUNTS = 3.5
_SMOKE_CELLS = (36, 48)


class Weather:
    """What lies between the scene and the stored images of one clip."""

    def __init__(self, spec: ClipSpec, seed: int) -> None:
        """Choose the smoke's billows, the lamp's place and the colour of the night."""
        rng = np.random.default_rng((seed, 11))
        self._spec, self._seed = spec, seed
        self._billows = [fractal_noise(96, 512, cells, 4, rng, 0.55) for cells in (18, 30)]
        self._wind = rng.uniform(4, 9) * rng.choice((-1, 1))
        self._smoke_colour = rng.uniform(150, 205) + rng.uniform(-6, 6, 3)
        self._lamp = (rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.35))
        self._night = 1 + rng.uniform(-0.22, 0.22, 3)

    def rgb(
        self, frame: Image, time: float, speed: tuple[float, float], rng: np.random.Generator,
    ) -> Image:
        """Return what the RGB camera stores; `speed` is the image's motion, pixels/s."""
        spec = self._spec
        night = spec.strength('dark', time)
        exposure = 0.006 + 0.02 * night
        motion = (speed[0] * exposure, speed[1] * exposure)
        frame = smear(frame, float(np.hypot(*motion)), float(np.arctan2(motion[1], motion[0])))
        depth = self._depth(time)
        if depth is not None:
            frame = veil(frame, depth, self._smoke_colour)
        lamp = spec.strength('glare', time)
        if lamp > 0:
            drift = 0.05 * np.sin(1.3 * time)
            frame = shine(frame, lamp, (self._lamp[0] + drift, self._lamp[1]),
                          np.random.default_rng((self._seed, 12)))
        if night > 0:
            frame = dim(frame, night, self._night)
        return add_grain(frame, 1.8 + 5.0 * night, rng)

    def thermal(self, heat: Field, time: float, rng: np.random.Generator) -> NDArray[np.uint16]:
        """Return raw counts of the thermal camera."""
        height, width = heat.shape
        depth = self._depth(time)
        if depth is not None:
            heat = heat * np.exp(-THERMAL_SMOKE * enlarge(depth, height, width))
        soft = cv2.GaussianBlur(heat, (0, 0), max(0.4, width / 900))
        noise = (grain(heat.shape, rng).astype(np.float32) - GRAIN_MEAN) \
            * (_NOISE_COUNTS / GRAIN_SIGMA)
        counts = soft + noise + self._pattern(time, height, width) + self._spec.ambient
        return np.asarray(np.clip(np.rint(counts), 0, COUNTS_MAX), np.uint16)

    def body_share(self, time: float) -> float:
        """Return how much of the bodies' heat stands out at `time` (thermal crossover)."""
        return 1.0 - 0.97 * self._spec.strength('crossover', time)

    def shutter(self, time: float) -> float:
        """Return when the thermal image shown at `time` was taken: a freeze holds it."""
        for event in self._spec.named('freeze'):
            if event.start <= time < event.end:
                return event.start
        return time

    def _depth(self, time: float) -> Field | None:
        """Return the optical depth of the smoke at low resolution, or None without smoke."""
        strength = self._spec.strength('smoke', time)
        if strength <= 0:
            return None
        rows, columns = _SMOKE_CELLS
        total = np.zeros(_SMOKE_CELLS, np.float32)
        for layer, pace in zip(self._billows, (1.0, 1.7), strict=True):
            left = 230 + self._wind * pace * (time % 20)
            move = np.array(((1, 0, -left), (0, 1, -20 - 1.1 * pace * (time % 20))))
            total += 0.5 * np.asarray(cv2.warpAffine(
                layer, move, (columns, rows), flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT), np.float32)
        return strength * (1.3 + 4.6 * total)

    def _pattern(self, time: float, height: int, width: int) -> Field:
        """Return the sensor's fixed pattern; each shutter calibration leaves another one."""
        calibrations = sum(event.end <= time for event in self._spec.named('freeze'))
        rng = np.random.default_rng((self._seed, 13, calibrations))
        columns = rng.normal(0, _STRIPE_COUNTS, (1, width))
        shading = enlarge(smooth_noise(6, 8, 2, rng), height, width) - 0.5
        return np.asarray(columns + 24 * shading, np.float32)
