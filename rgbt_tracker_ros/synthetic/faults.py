# SPDX-License-Identifier: Apache-2.0
"""Image faults: what smoke, darkness, cameras and optics do to an RGB or a thermal image.

One signature, `fault(image, strength, rng) -> image`, one meaning of `strength`: 0 leaves the
image as it is (noise-free up to rounding), 1 is as bad as it gets in the field. Images are uint8,
H x W x 3 (RGB) or H x W (thermal); shape and type are kept and the input is never written to.
Faults of the *scene* (smoke, darkness, glare) treat the two kinds of image as the physics does:
smoke hardly dims thermal and darkness not at all. A generator with the same seed gives the same
texture, so a film can be given steady smoke by seeding anew for each frame.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, pi, sin
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.synthetic.textures import (
    Field,
    Image,
    add_grain,
    as_image,
    enlarge,
    fractal_noise,
    smooth_noise,
)

Fault = Callable[[Image, float, np.random.Generator], Image]

THERMAL_SMOKE = 0.12
"""Share of the smoke's optical depth that long-wave infrared still meets."""

_COARSE = 48
_LEVELS = np.arange(256, dtype=np.float32)


def veil(image: Image, depth: Field, airlight: NDArray[np.float64]) -> Image:
    """Blend the image towards `airlight` through a medium of the given optical depth.

    Parameters
    ----------
    image
        H x W or H x W x 3.
    depth
        Optical depth per pixel, any resolution; transmission is exp(-depth).
    airlight
        Grey levels of the medium itself, one per channel.

    """
    height, width = image.shape[:2]
    through = enlarge(np.exp(-depth), height, width)
    medium = np.empty_like(image)
    medium[:] = np.clip(np.rint(airlight), 0, 255)
    return as_image(cv2.blendLinear(image, medium, through, 1.0 - through))


def smoke(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Lay drifting grey smoke over the view; at 1 RGB sees almost nothing, thermal nearly all."""
    field = fractal_noise(_COARSE, _COARSE, 3, 3, rng, 0.55)
    depth = strength * (1.2 + 4.3 * field)
    grey = rng.uniform(120, 225)
    tint = rng.uniform(-8, 8, 3)
    if image.ndim == 2:
        return veil(image, THERMAL_SMOKE * depth, np.array([float(image.mean())]))
    return veil(image, np.asarray(depth, np.float32), grey + tint)


def darkness(image: Image, strength: float, rng: np.random.Generator,
             noise: np.random.Generator | None = None) -> Image:
    """Take the light away: low gain, sensor noise, a colour cast; thermal does not notice.

    `noise`, when given, draws the noise: in a film it is another one in each frame.
    """
    cast = 1.0 + 0.25 * rng.uniform(-1, 1, 3)
    sigma = strength * rng.uniform(2.0, 9.0)
    if image.ndim == 2:
        return image
    return add_grain(dim(image, strength, cast), sigma, noise or rng)


def dim(image: Image, strength: float, cast: NDArray[np.float64]) -> Image:
    """Lower the light of an RGB image, without noise; `cast` is the gain per channel at night."""
    gain = (1.0 - strength) ** 2 + 0.03 * strength
    table = _LEVELS[:, None] * gain * cast**strength + 4.0 * strength
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return as_image(cv2.LUT(image, table.reshape(256, 1, 3)))


def glare(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Add a blinding lamp or sun with a streak; in thermal it is a small warm spot."""
    centre = (rng.uniform(), rng.uniform())
    return shine(image, strength, centre, rng)


def shine(
    image: Image, strength: float, centre: tuple[float, float], rng: np.random.Generator,
) -> Image:
    """Add the glare of a lamp at `centre`, given as (x, y) fractions of the image."""
    rows, columns = np.mgrid[0:_COARSE, 0:_COARSE].astype(np.float32) / _COARSE
    x, y = columns - centre[0], rows - centre[1]
    angle = rng.uniform(0, pi)
    along, across = x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle)
    radius = rng.uniform(0.08, 0.3) * (0.4 + strength)
    blob = np.exp(-(x * x + y * y) / (2 * radius**2))
    streak = np.exp(-np.abs(along) / 0.5 - (across / rng.uniform(0.02, 0.06)) ** 2)
    tint = rng.uniform(0.8, 1.0, 3)
    if image.ndim == 2:
        light = 90.0 * strength * blob**4
    else:
        light = (330.0 * strength * (blob + 0.6 * streak + 0.1))[..., None] * tint
    height, width = image.shape[:2]
    spread = cv2.resize(np.clip(light, 0, 255).astype(np.uint8), (width, height))
    return as_image(cv2.add(image, spread))


def motion_blur(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Smear along a random direction, by up to a tenth of the shorter side."""
    angle = rng.uniform(0, pi)
    return smear(image, 0.1 * strength * min(image.shape[:2]), angle)


def smear(image: Image, length: float, angle: float) -> Image:
    """Blur along a line of `length` pixels at `angle` (radians)."""
    if length < 1:
        return image
    # OpenCV goes over to a Fourier transform, ten times slower, when a kernel has more than
    # 11 x 11 cells; a long smear is made on a smaller image instead, where nobody sees it.
    height, width = image.shape[:2]
    scale = min(1.0, 10.0 / length)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    reach = length * scale / 2 * 16
    kernel = np.zeros((11, 11), np.uint8)
    ends = [(round(80 + sign * reach * cos(angle)), round(80 + sign * reach * sin(angle)))
            for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    weights = kernel.astype(np.float32) / float(kernel.sum())
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    smeared = cv2.filter2D(small, -1, weights, borderType=cv2.BORDER_REPLICATE)
    return as_image(cv2.resize(smeared, (width, height)))


def defocus(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Blur as a lens out of focus does, by up to 3 % of the shorter side."""
    sigma = strength * rng.uniform(0.01, 0.03) * min(image.shape[:2])
    return image if sigma < 0.3 else as_image(cv2.GaussianBlur(image, (0, 0), sigma))


def gaussian_noise(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Add white noise of up to 30 grey levels deviation."""
    return add_grain(image, 30.0 * strength, rng)


def gain_drift(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Change gain, offset and gamma as automatic gain control does."""
    gain = 2.0 ** (strength * rng.uniform(-1.3, 1.0))
    offset = 60.0 * strength * rng.uniform(-1, 1)
    gamma = 2.0 ** (0.8 * strength * rng.uniform(-1, 1))
    pivot = float(image[::4, ::4].mean())
    curve = (_LEVELS / 255.0) ** gamma * 255.0
    table = (curve - pivot) * gain + pivot + offset
    return as_image(cv2.LUT(image, np.clip(np.rint(table), 0, 255).astype(np.uint8)))


def low_contrast(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Press the grey levels together (fog; thermal crossover), then add a little noise."""
    gain = 1.0 - 0.95 * strength
    pivot = float(image[::4, ::4].mean()) + 15.0 * strength * rng.uniform(-1, 1)
    table = np.clip(np.rint((_LEVELS - pivot) * gain + pivot), 0, 255).astype(np.uint8)
    return add_grain(as_image(cv2.LUT(image, table)), 3.0 * strength, rng)


def misalignment(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Shift, turn, scale and tilt the image a little, as a bad calibration does."""
    height, width = image.shape[:2]
    return warp(image, random_homography(width, height, strength, rng))


def warp(image: Image, matrix: NDArray[np.float64]) -> Image:
    """Move each pixel to where the 3 x 3 homography takes it; the border is repeated outside."""
    return as_image(cv2.warpPerspective(
        image, matrix, image.shape[1::-1], flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE))


def random_homography(
    width: int, height: int, strength: float, rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return a 3 x 3 homography near the identity; at strength 1 it moves pixels by about 5 %."""
    side = min(width, height)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    shift = rng.normal(0, 0.03 * side * strength, 2)
    bend = rng.normal(0, 0.015 * side * strength, (4, 2))
    limit = 0.1 * side
    moved = corners + np.clip(shift + bend, -limit, limit).astype(np.float32)
    return np.asarray(
        cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), np.float64)


def occluder(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Put a textured patch somewhere before the scene, up to half the image long."""
    if strength <= 0:
        return image
    height, width = image.shape[:2]
    channels = image.shape[2:]
    half = 0.25 * strength * np.array([width, height]) * rng.uniform(0.3, 1.0, 2)
    centre = rng.uniform(0, 1, 2) * (width, height)
    colour = rng.uniform(20, 230, channels)
    contrast = rng.uniform(10, 80)
    fill = smooth_noise(height // 4 + 2, width // 4 + 2, rng.uniform(4, 24), rng)
    texture = enlarge(fill, height, width)
    points = cv2.boxPoints((tuple(centre), tuple(2 * half), rng.uniform(-30, 30)))
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + 1
    window = (slice(top, bottom), slice(left, right))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(points).astype(np.int32), 1)
    result: Image = image.copy()
    inside = mask[window] > 0
    shade = contrast * (texture[window][inside] - 0.5)
    paint = shade[:, None] + colour if channels else shade + colour
    result[window][inside] = np.clip(paint, 0, 255).astype(np.uint8)
    return result


def fixed_pattern(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Add the fixed pattern of an uncooled sensor: columns, rows, vignette, dead pixels."""
    height, width = image.shape[:2]
    columns = rng.normal(0, 7.0 * strength, (1, width)).astype(np.float32)
    rows = rng.normal(0, 2.5 * strength, (height, 1)).astype(np.float32)
    shading = enlarge(smooth_noise(8, 8, 2, rng), height, width)
    pattern = columns + rows + 30.0 * strength * (shading - 0.5)
    result = image + (pattern[..., None] if image.ndim == 3 else pattern)
    np.clip(result, 0, 255, out=result)
    marred = result.astype(np.uint8)
    dead = round(0.0005 * strength * height * width)
    at = rng.integers(0, (height, width), (dead, 2))
    marred[at[:, 0], at[:, 1]] = 255 * (rng.random() < 0.5)
    return marred


RGB_FAULTS: Mapping[str, Fault] = MappingProxyType({
    'smoke': smoke, 'darkness': darkness, 'glare': glare, 'motion_blur': motion_blur,
    'defocus': defocus, 'gaussian_noise': gaussian_noise, 'gain_drift': gain_drift,
    'low_contrast': low_contrast, 'misalignment': misalignment, 'occluder': occluder})
"""Faults that befall an RGB camera, by name."""

THERMAL_FAULTS: Mapping[str, Fault] = MappingProxyType({
    'smoke': smoke, 'glare': glare, 'motion_blur': motion_blur, 'defocus': defocus,
    'gaussian_noise': gaussian_noise, 'gain_drift': gain_drift, 'low_contrast': low_contrast,
    'misalignment': misalignment, 'occluder': occluder, 'fixed_pattern': fixed_pattern})
"""Faults that befall a thermal camera, by name."""
