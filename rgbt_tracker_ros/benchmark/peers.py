# SPDX-License-Identifier: Apache-2.0
"""OpenCV's own trackers as peers of ours: same frames, same first boxes, same scores.

They look at one image: RGB, thermal in the view of RGB, or the average of both. Cameras are
checked, normalised and registered for them as for ours; a frame whose image is missing leaves the
box where it was. CSRT and KCF come with opencv-contrib-python-headless only.
"""
from __future__ import annotations

from collections.abc import Callable
import ctypes
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.overlay import in_rgb_frame
from rgbt_tracker_ros.benchmark.protocol.job import Job, package_version
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.result import State, TrackResult

PREFIX = 'opencv:'
PEERS = {'csrt': 'TrackerCSRT', 'kcf': 'TrackerKCF', 'mil': 'TrackerMIL', 'nano': 'TrackerNano'}
VIEWS = ('rgb', 'thermal', 'average')
_SEED = 0


@dataclass(frozen=True, slots=True)
class PeerJob(Job):
    """A tracker of OpenCV to evaluate; `model` is its name and `modality` one of VIEWS.

    Attributes
    ----------
    weights
        The two graphs of a tracker that is a network.

    """

    weights: tuple[str, ...] = ()

    def load(self) -> PeerTracker:
        """Make the tracker.

        Raises
        ------
        ModelError
            If the package, OpenCV or the weights differ from those of the job.

        """
        if self.digest != _digest(self.model, self.weights):
            raise ModelError(f'{self.model} of OpenCV {cv2.__version__} on this machine is not '
                             'the one the evaluation was started with: install the same version')
        # One thread, as the network of ours has: the boxes must not depend on the workers.
        cv2.setNumThreads(self.settings.model.threads or 1)
        return PeerTracker(_maker(self.model, self.weights), self.modality)


def make_peer_job(name: str, settings: Settings, modality: str = 'rgb',
                  weights: Path | None = None) -> PeerJob:
    """Describe which tracker of OpenCV to evaluate.

    Parameters
    ----------
    name
        `opencv:` and a key of PEERS.
    settings
        The groups `health`, `thermal` and `registration` matter here.
    modality
        One of VIEWS.
    weights
        Folder of the graphs `*backbone*.onnx` and `*head*.onnx`, for a network.

    Raises
    ------
    InputError
        If there is no such tracker, or not in this OpenCV, no such modality, or weights miss.

    """
    kind = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or kind not in PEERS:
        raise InputError(f'--tracker {name}: give {", ".join(PREFIX + peer for peer in PEERS)}')
    if not hasattr(cv2, PEERS[kind]):
        raise InputError(f'--tracker {name}: OpenCV {cv2.__version__} has no {PEERS[kind]}: '
                         'pip install opencv-contrib-python-headless in the place of '
                         'opencv-python-headless')
    if modality not in VIEWS:
        raise InputError(f'--modality {modality}: {name} looks at one image: give '
                         f'{", ".join(VIEWS)}')
    files = _weights(name, weights) if kind == 'nano' else ()
    return PeerJob(name, _digest(name, files), settings, modality, package_version(), files)


class PeerTracker:
    """A tracker of OpenCV with the methods of ours.

    Parameters
    ----------
    make
        Makes one for each target.
    view
        Which image it looks at, one of VIEWS.

    """

    def __init__(self, make: Callable[[], Any], view: str) -> None:
        self._make = make
        self._view = view
        self._tracker: Any = None
        self._box = Box(0, 0, 1, 1)
        self._state = State.IDLE

    @property
    def state(self) -> State:
        """Return IDLE without a target, LOST where the tracker itself says so, else TRACKING."""
        return self._state

    @property
    def box(self) -> Box | None:
        """Return where the target was last, pixels of the RGB image; None without a target."""
        return None if self._state is State.IDLE else self._box

    def initialize(self, pair: ImagePair, box: Box) -> TrackResult:
        """Take the target in `box`, pixels of the RGB image, as the one to track.

        Raises
        ------
        InputError
            If the box is outside the image, or the image is missing.

        """
        begin = perf_counter()
        image = viewed(pair, self._view)
        if image is None:
            raise InputError(f'the first {self._view} image is missing or unusable')
        self._box = Box(*box).inside(pair.width, pair.height)
        x, y, w, h = map(round, self._box)
        _seed()
        self._tracker = self._make()
        self._tracker.init(image, (x, y, max(w, 1), max(h, 1)))
        self._state = State.TRACKING
        return self._result(pair.mode, 1.0, begin)

    def track(self, pair: ImagePair, fused: bool = False) -> TrackResult:
        """Find the target in the next pair; `fused` has no meaning here."""
        begin = perf_counter()
        image = viewed(pair, self._view)
        if image is None:
            return self._result(pair.mode, 0.0, begin, f'no {self._view} image')
        try:
            found, box = self._tracker.update(image)
        except cv2.error as error:
            return self._result(pair.mode, 0.0, begin, ' '.join(str(error).split()))
        self._state = State.TRACKING if found else State.LOST
        if found:
            self._box = Box(*map(float, box))
        score = float(found)
        if found and hasattr(self._tracker, 'getTrackingScore'):
            score = float(np.clip(self._tracker.getTrackingScore(), 0, 1))
        return self._result(pair.mode, score, begin)

    def miss(self, note: str) -> TrackResult:
        """Let a frame pass in which no camera was usable."""
        return self._result('none', 0.0, perf_counter(), note)

    def reset(self) -> None:
        """Forget the target."""
        self._tracker = None
        self._state = State.IDLE

    def _result(self, mode: str, score: float, begin: float, note: str = '') -> TrackResult:
        spent = 1000 * (perf_counter() - begin)
        return TrackResult(self._box, score, self._state, mode, 0, spent, spent, note=note)


def viewed(pair: ImagePair, view: str) -> NDArray[np.uint8] | None:
    """Return a pair's one image, H x W x 3 in BGR order; None when its camera is missing.

    The average of a pair with one camera is that camera's image.
    """
    rgb = thermal = None
    if view != 'thermal' and pair.rgb is not None:
        rgb = cv2.cvtColor(pair.rgb, cv2.COLOR_RGB2BGR)
    if view != 'rgb' and pair.thermal is not None:
        grey = in_rgb_frame(pair.thermal, (pair.width, pair.height), pair.thermal_to_rgb)
        thermal = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if rgb is not None and thermal is not None:
        return np.asarray(cv2.addWeighted(rgb, 0.5, thermal, 0.5, 0.0), np.uint8)
    found = thermal if rgb is None else rgb
    return None if found is None else np.asarray(found, np.uint8)


def _seed() -> None:
    """Let MIL draw the same in each run: its samples from OpenCV's generator, its features by C's.

    Where the C library is not to be had (Windows), its boxes depend on what was tracked before.
    """
    cv2.setRNGSeed(_SEED)
    if os.name == 'posix':
        ctypes.CDLL(None).srand(_SEED)


def _maker(name: str, weights: tuple[str, ...]) -> Callable[[], Any]:
    kind = getattr(cv2, PEERS[name.removeprefix(PREFIX)])
    if not weights:
        return lambda: kind.create()
    parameters = cv2.TrackerNano.Params()
    parameters.backbone, parameters.neckhead = weights
    return lambda: kind.create(parameters)


def _weights(name: str, folder: Path | None) -> tuple[str, ...]:
    if folder is None or not folder.is_dir():
        raise InputError(f'--weights {folder or ""}: {name} needs a folder with *backbone*.onnx '
                         'and *head*.onnx')
    found = [sorted(folder.glob(f'*{part}*.onnx')) for part in ('backbone', 'head')]
    if not all(found):
        raise InputError(f'--weights {folder}: *backbone*.onnx or *head*.onnx is missing in it')
    return tuple(str(files[0]) for files in found)


def _digest(name: str, weights: tuple[str, ...]) -> str:
    digest = hashlib.sha256(f'{name} {cv2.__version__}'.encode())
    for file in weights:
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()
