# SPDX-License-Identifier: Apache-2.0
"""Every setting of the tracker and its node: defaults, units, ranges and meaning, in one place.

The ROS parameters, `config/tracker.yaml` and the README's table come from, or are tested against,
these dataclasses. A field `interval` of the group `template` is the parameter `template.interval`.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
import math
from typing import Any

from rgbt_tracker_ros.errors import InputError


@dataclass(frozen=True, slots=True)
class Spec:
    """Description of one setting.

    What is `read_only` is taken when the node is configured, and can only be changed while it is
    not; what is taken `once` was needed when the process started.
    """

    doc: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    length: tuple[int, ...] = ()
    read_only: bool = False
    once: bool = False


def _setting(default: Any, doc: str, **spec: Any) -> Any:
    return field(default=default, metadata={'spec': Spec(doc, **spec)})


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which network runs, and on what."""

    name: str = _setting(
        'unified_nano', 'Name of a shipped model bundle, or a folder holding one.', read_only=True)
    backend: str = _setting(
        'auto', 'Run time of the network; auto takes TensorRT where there is an NVIDIA GPU, else '
        'what is the quickest on this CPU (measured at the first start).',
        choices=('auto', 'onnxruntime', 'openvino', 'tensorrt', 'torch'), read_only=True)
    threads: int = _setting(
        0, 'CPU threads of the network; 0 = one per core, at most 4.', low=0, high=64,
        read_only=True)
    precision: str = _setting(
        'fp32', 'What the network computes in; fp16 is faster: half precision on GPUs (tensorrt) '
        'and on CPUs that have it (openvino, as bfloat16), single precision elsewhere.',
        choices=('fp32', 'fp16'), read_only=True)
    engine_cache: str = _setting(
        '', 'Folder where engines are kept (tensorrt); empty = rgbt_tracker_ros/engines in '
        '$XDG_CACHE_HOME, else in ~/.cache.', read_only=True)


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How RGB and thermal frames are put in pairs."""

    policy: str = _setting(
        'nearest', 'nearest = own synchroniser; the others are those of message_filters.',
        choices=('nearest', 'approximate', 'exact'), read_only=True)
    slop: float = _setting(
        0.04, 'Largest time difference inside a pair.', unit='s', low=0.0, high=2.0)
    thermal_offset: float = _setting(
        0.0, 'Added to each thermal stamp: negative when thermal stamps are late.', unit='s',
        low=-5.0, high=5.0)
    timeout: float = _setting(
        0.25, 'An RGB frame that finds no partner for so long, or whose other camera is silent '
        'for so long, goes on alone (and likewise thermal).', unit='s', low=0.02, high=10.0)
    unpaired: str = _setting(
        'drop', 'RGB frames between two thermal ones (slower thermal camera): drop = all results '
        'use both cameras, at the rate of the slower; alone = they go on without thermal.',
        choices=('drop', 'alone'))
    queue: int = _setting(
        60, 'Frames kept per camera while waiting for a partner.', low=2, high=1000)
    jump: float = _setting(
        1.0, 'A stamp that goes back by more than this (bag loop) resets the queues.', unit='s',
        low=0.05, high=60.0)


@dataclass(frozen=True, slots=True)
class ThermalSettings:
    """How raw thermal counts, or what another second camera gives, become 8 bits."""

    normalization: str = _setting(
        'percentile', 'none (8-bit input as it is), minmax, percentile (smoothed over time), '
        'clahe (percentile, then more local contrast), range (fixed thermal.min .. '
        'thermal.max), depth (millimetres as colours, for a depth camera) or event (colours as '
        'they are, for an event camera); the last two need a model that takes three channels.',
        choices=('none', 'minmax', 'percentile', 'clahe', 'range', 'depth', 'event'))
    min: float = _setting(0.0, 'Shown as black when normalization is range; in thermal.unit.',
                          unit='counts or deg C', low=-1e6, high=1e6)
    max: float = _setting(65535.0, 'Shown as white when normalization is range; in thermal.unit.',
                          unit='counts or deg C', low=-1e6, high=1e6)
    unit: str = _setting(
        'counts', 'Unit of thermal.min and thermal.max: counts, or celsius (deg C = thermal.scale '
        'x count + thermal.offset).', choices=('counts', 'celsius'))
    scale: float = _setting(
        0.01, 'Degrees per count of a radiometric camera; 0.04 for some in low gain.',
        unit='deg C', low=1e-6, high=1000.0)
    offset: float = _setting(
        -273.15, 'Temperature of count 0; -273.15 where counts are kelvins times a factor.',
        unit='deg C', low=-1e6, high=1e6)
    low_percentile: float = _setting(
        1.0, 'Percentile shown as black.', unit='%', low=0.0, high=49.0)
    high_percentile: float = _setting(
        99.0, 'Percentile shown as white.', unit='%', low=51.0, high=100.0)
    smoothing: float = _setting(
        0.9, 'Share of the old range kept from frame to frame (no flicker).', low=0.0, high=0.999)
    clip_limit: float = _setting(
        2.0, 'clahe: most that local contrast is raised, about.', low=1.0, high=40.0)
    tiles: int = _setting(
        8, 'clahe: tiles along each side of the image.', low=1, high=32)

    @property
    def in_color(self) -> bool:
        """Return whether the second camera's frames are wanted in colour."""
        return self.normalization == 'event'


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """How thermal pixels map to RGB pixels."""

    homography: tuple[float, ...] = _setting(
        (), 'Row-major 3 x 3 homography from thermal to RGB pixels; empty = same view, scaled '
        'when the sizes differ.', length=(0, 9))
    source: str = _setting(
        'homography', 'homography (registration.homography), or camera_info: from '
        'rgb/camera_info, thermal/camera_info and registration.depth, .translation, .rotation.',
        choices=('homography', 'camera_info'))
    depth: float = _setting(
        10.0, 'camera_info: distance from the thermal camera at which the views shall fit.',
        unit='m', low=0.05, high=1e5)
    translation: tuple[float, ...] = _setting(
        (0.0, 0.0, 0.0), 'camera_info: x, y, z of the thermal camera in the optical frame of the '
        'RGB camera (x right, y down, z forward).', unit='m', length=(3,))
    rotation: tuple[float, ...] = _setting(
        (0.0, 0.0, 0.0), 'camera_info: roll, pitch, yaw of the thermal optical frame in that of '
        'RGB, about fixed axes.', unit='rad', length=(3,))


@dataclass(frozen=True, slots=True)
class TemplateSettings:
    """Template memory; the initial template is always kept."""

    update: str = _setting(
        'nearest_reliable', 'off, interval (the newest frame every template.interval) or '
        'nearest_reliable (the newest frame whose score passes template.threshold; TPF).',
        choices=('off', 'interval', 'nearest_reliable'))
    interval: int = _setting(
        15, 'Frames between two looks at the template memory.', unit='frames', low=1, high=10000)
    threshold: float = _setting(
        0.8, 'Score a frame needs to become a dynamic template.', low=0.0, high=1.0)
    memory: int = _setting(
        5, 'Candidate templates kept.', low=1, high=100)


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """When the target counts as lost and how it is found again."""

    lost_threshold: float = _setting(
        0.5, 'The target is LOST after target.lost_frames frames with a score under this; 0.5: '
        'when its box is more likely wrong than right.',
        low=0.0, high=1.0)
    found_threshold: float = _setting(
        0.5, 'A LOST target is found again at this score or more.', low=0.0, high=1.0)
    lost_frames: int = _setting(
        5, 'Low-score frames in a row that make the target LOST.', unit='frames', low=1, high=1000)
    redetect: bool = _setting(
        True, 'While LOST, look over a growing region and then the whole image.')
    window: float = _setting(
        0.5, 'How much the place where motion leads to decides between peaks: 0 = looks alone, '
        'towards 1 = place alone.', low=0.0, high=1.0)
    rivals: bool = _setting(
        True, 'Follow look-alikes beside the target, so that people who cross do not swap.')
    coast: bool = _setting(
        True, 'A LOST target is looked for, and shown, where its motion leads to; otherwise where '
        'it was seen last.')
    smoothing: float = _setting(
        0.3, 'Share of the old box size kept from frame to frame.', low=0.0, high=0.99)
    predict_to_now: bool = _setting(
        False, 'While TRACKING, also publish where the target is by now, as a second detection '
        'with its own stamp.')


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When a camera counts as unusable."""

    stale: float = _setting(
        0.5, 'A camera silent for so long, and for longer than its rate explains, is missing.',
        unit='s', low=0.05, high=60.0)
    frozen: int = _setting(
        3, 'Identical frames in a row that make a camera frozen (thermal shutter).',
        unit='frames', low=2, high=1000)
    blank: float = _setting(
        1.0, 'An image whose standard deviation is under this is blank; sensor noise in the dark '
        'is more.', unit='grey levels', low=0.0, high=50.0)
    recover: int = _setting(
        3, 'Good frames in a row after which a camera is trusted again.', unit='frames', low=1,
        high=1000)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; see the groups."""

    model: ModelSettings = ModelSettings()
    sync: SyncSettings = SyncSettings()
    thermal: ThermalSettings = ThermalSettings()
    registration: RegistrationSettings = RegistrationSettings()
    template: TemplateSettings = TemplateSettings()
    target: TargetSettings = TargetSettings()
    health: HealthSettings = HealthSettings()
    initial_box: tuple[float, ...] = _setting(
        (), 'x, y, w, h in RGB pixels: starts on the first usable pair; empty = wait for '
        '~/init_box.', unit='px', length=(0, 4))
    image_transport: str = _setting(
        'raw', 'raw, or compressed (subscribes <topic>/compressed).',
        choices=('raw', 'compressed'), read_only=True)
    autostart: bool = _setting(
        True, 'Configure and activate the lifecycle node at once.', read_only=True,
        once=True)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Settings:
        """Make settings from dotted names; what is not named keeps its default."""
        return cls().updated(values)

    def flat(self) -> dict[str, Any]:
        """Return every setting by its dotted name."""
        return {name: value for name, value, _ in self.items()}

    def items(self) -> Iterator[tuple[str, Any, Spec]]:
        """Yield (dotted name, value, spec) in order of definition."""
        for group in fields(self):
            value = getattr(self, group.name)
            if is_dataclass(value):
                for item in fields(value):
                    yield f'{group.name}.{item.name}', getattr(value, item.name), \
                        item.metadata['spec']
            else:
                yield group.name, value, group.metadata['spec']

    def updated(self, values: Mapping[str, Any]) -> Settings:
        """Return settings with some values replaced, all of them or none.

        Raises
        ------
        InputError
            If a name is unknown, or a value has the wrong type or is out of range, or two values
            contradict each other; the message names the setting, the value and what is accepted.

        """
        known = {name: (value, spec) for name, value, spec in self.items()}
        result = self
        for name, value in values.items():
            if name not in known:
                raise InputError(f'unknown parameter {name!r}: known are {", ".join(known)}')
            checked = _checked(name, value, *known[name])
            group, _, item = name.rpartition('.')
            if group:
                checked, item = replace(getattr(result, group), **{item: checked}), group
            result = replace(result, **{item: checked})
        result._check_pairs()
        return result

    def _check_pairs(self) -> None:
        ordered = (('thermal.min', self.thermal.min, 'thermal.max', self.thermal.max, False),
                   ('target.lost_threshold', self.target.lost_threshold,
                    'target.found_threshold', self.target.found_threshold, True))
        for low_name, low, high_name, high, may_equal in ordered:
            if low > high or (low == high and not may_equal):
                relation = 'not be over' if may_equal else 'be under'
                raise InputError(
                    f'{low_name} = {low:g} must {relation} {high_name} = {high:g}: set both')


def _checked(name: str, value: Any, default: Any, spec: Spec) -> Any:
    """Return `value` in the default's type; integers are accepted for floats."""
    if isinstance(default, tuple):
        return _checked_list(name, value, spec)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**1000 else math.inf
    if type(value) is not type(default):
        raise InputError(
            f'parameter {name} = {value!r} is of type {type(value).__name__}: '
            f'{type(default).__name__} is needed')
    if spec.choices and value not in spec.choices:
        raise InputError(
            f'parameter {name} = {value!r} is not one of {", ".join(spec.choices)}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low = -math.inf if spec.low is None else spec.low
        high = math.inf if spec.high is None else spec.high
        if not low <= value <= high:
            raise InputError(
                f'parameter {name} = {value} is out of range: {low:g} to {high:g} {spec.unit}'
                .rstrip())
    return value


def _checked_list(name: str, value: Any, spec: Spec) -> tuple[float, ...]:
    try:
        # A text would be read digit by digit.
        numbers = (math.nan,) if isinstance(value, str) else tuple(float(item) for item in value)
    except (TypeError, ValueError, OverflowError):
        numbers = (math.nan,)
    if len(numbers) not in spec.length or not all(map(math.isfinite, numbers)):
        lengths = ' or '.join(map(str, spec.length))
        raise InputError(f'parameter {name} = {value!r} must be a list of {lengths} numbers')
    return numbers
