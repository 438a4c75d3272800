# SPDX-License-Identifier: Apache-2.0
"""What the demonstration plays: the generated clip, made once, or the user's own recordings."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.sources import Frame, FrameSource, open_source
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.synthetic.clip_files import clip_folder, forget_older, read_clip, write_clip
from rgbt_tracker_ros.synthetic.scripts import demo_spec
from rgbt_tracker_ros.synthetic.spec import ClipSpec

_RATE = 30.0
"""Of folders, which know none; the player's default too."""


@dataclass(frozen=True)
class Truth:
    """What is known of a generated clip, per RGB frame.

    Attributes
    ----------
    boxes
        N x 4; nan where the target is absent.
    occluded
        The target can hardly be seen.
    events
        Names joined by `+`, or `clear`.

    """

    boxes: NDArray[np.float64]
    occluded: NDArray[np.bool_]
    events: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """Two recordings of one scene.

    Attributes
    ----------
    name
        For people.
    rgb, thermal
        The frames.
    rgb_stamps, thermal_stamps
        Seconds since the start.
    init
        Target in the first RGB frame.
    parameters
        The player's parameters that play it.
    truth
        Ground truth of a generated clip.

    """

    name: str
    rgb: FrameSource
    thermal: FrameSource
    rgb_stamps: NDArray[np.float64]
    thermal_stamps: NDArray[np.float64]
    init: Box
    parameters: dict[str, Any]
    truth: Truth | None = None

    @property
    def duration(self) -> float:
        """Return how long it plays, seconds."""
        return float(max(self.rgb_stamps[-1], self.thermal_stamps[-1]))

    def frames(self) -> Iterator[tuple[Frame, Frame]]:
        """Yield each RGB frame with the thermal frame nearest in time."""
        thermal_frames = self.thermal.frames()
        thermal = next(thermal_frames)
        number = 0
        for stamp, rgb in zip(self.rgb_stamps, self.rgb.frames(), strict=False):
            nearest = int(np.argmin(np.abs(self.thermal_stamps - stamp)))
            passed = list(islice(thermal_frames, nearest - number))
            number += len(passed)
            thermal = passed[-1] if passed else thermal
            yield rgb, thermal


def generated(cache: Path, seed: int, progress: Callable[[int, int], None],
              spec: ClipSpec | None = None) -> Material:
    """Return the generated clip; it is made when it is not in the cache yet.

    Parameters
    ----------
    cache
        Folder that keeps clips. Older ones of the same seed are removed from it.
    seed
        Chooses world and noise.
    progress
        Called with the number of images done and their total.
    spec
        Another script than the demonstration's.

    """
    spec = spec or demo_spec()
    folder = clip_folder(cache, spec, seed)
    if not folder.exists():
        forget_older(folder)
        write_clip(folder, spec, seed, progress)
    clip = read_clip(folder)
    return Material(
        name=f'generated clip, seed {seed}', rgb=open_source(folder / 'rgb', 'rgb'),
        thermal=open_source(folder / 'thermal', 'thermal'), rgb_stamps=clip.rgb_stamps,
        thermal_stamps=clip.thermal_stamps, init=clip.init,
        parameters={'clip': str(folder.resolve())},
        truth=Truth(clip.groundtruth, clip.occluded | clip.absent, clip.events))


def recorded(rgb: str, thermal: str, init: str) -> Material:
    """Return the user's own recordings.

    Raises
    ------
    InputError
        If one cannot be read, or the box is not in the first RGB frame.

    """
    box = _named_init(Box.parse, init)
    sources = open_source(rgb, 'rgb'), open_source(thermal, 'thermal')
    first = next(sources[0].frames())
    _named_init(box.inside, first.shape[1], first.shape[0])
    rgb_stamps, thermal_stamps = (
        np.arange(_count(source)) / (source.rate or _RATE) for source in sources)
    return Material(
        name=' and '.join('/'.join(Path(path).parts[-2:]) for path in (rgb, thermal)),
        rgb=sources[0], thermal=sources[1], rgb_stamps=rgb_stamps, thermal_stamps=thermal_stamps,
        init=box,
        parameters={'rgb': str(Path(rgb).absolute()), 'thermal': str(Path(thermal).absolute())})


def _named_init(check: Callable[..., Box], *arguments: object) -> Box:
    """Return what a check of the box gives; its error names the argument."""
    try:
        return check(*arguments)
    except InputError as error:
        raise InputError(f'--init: {error}') from error


def _count(source: FrameSource) -> int:
    return source.count if source.count else sum(1 for _ in source.frames())
