# SPDX-License-Identifier: Apache-2.0
"""OpenCV's own trackers as peers of ours: same frames, same first boxes, same scores.

Cameras are checked, normalised and registered for them as for ours. CSRT and KCF come with
opencv-contrib-python-headless only, NanoTrack with graphs that are the user's: `opencv:nano` is
the first of a folder, `opencv:nano-v3` that version.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import Any

import cv2

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
from rgbt_tracker_ros.benchmark.nanotrack import Graphs, graph_sets, make_nanotrack
from rgbt_tracker_ros.benchmark.peer_tracker import VIEWS, PeerTracker
from rgbt_tracker_ros.benchmark.protocol.job import Job, make_job, package_version
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.settings import Settings

PREFIX = 'opencv:'
PEERS = {'csrt': 'TrackerCSRT', 'kcf': 'TrackerKCF', 'mil': 'TrackerMIL', 'nano': 'TrackerNano'}
NANO = 'nano'
REMEDY = ('pip uninstall opencv-python-headless, then pip install opencv-contrib-python-headless '
          'of the same version')
"""How to get the trackers that OpenCV has not."""


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
    kind, _, version = name.removeprefix(PREFIX).partition('-')
    if not name.startswith(PREFIX) or kind not in PEERS or (version and kind != NANO):
        raise InputError(f'--tracker {name}: give {", ".join(PREFIX + peer for peer in PEERS)}')
    if not hasattr(cv2, PEERS[kind]):
        raise InputError(f'--tracker {name}: OpenCV {cv2.__version__} has no {PEERS[kind]}: '
                         f'{REMEDY}')
    if modality not in VIEWS:
        raise InputError(f'--modality {modality}: {name} looks at one image: give '
                         f'{", ".join(VIEWS)}')
    files = _weights(name, version, weights) if kind == NANO else ()
    return PeerJob(name, _digest(name, files), settings, modality, package_version(), files)


def contenders(models: Sequence[str], settings: Settings, dataset: Dataset,
               weights: Path | None = None) -> list[Job]:
    """Describe models on both cameras and on each alone, and all peers on all views.

    Views of cameras that no sequence has are left out, and so are the `missing_peers`.
    """
    alone = [camera for camera in CAMERAS
             if any(getattr(sequence, camera) is not None for sequence in dataset.sequences)]
    both = len(alone) == len(CAMERAS)
    names = [kind for kind in PEERS if kind not in missing_peers(weights)]
    if NANO in names and weights is not None:
        names[names.index(NANO):] = [f'{NANO}-{version}' for version in graph_sets(weights)]
    return [*(make_job(model, settings, modality) for model in models
              for modality in (['rgbt', *alone] if both else alone)),
            *(make_peer_job(PREFIX + name, settings, view, weights) for name in names
              for view in ([*alone, 'average'] if both else alone))]


def missing_peers(weights: Path | None) -> dict[str, str]:
    """Return how to get the peers that are not to be had, by key of PEERS.

    Raises
    ------
    InputError
        If there are no graphs in `weights`.

    """
    missing = {kind: REMEDY for kind, name in PEERS.items() if not hasattr(cv2, name)}
    if NANO not in missing and weights is None:
        missing[NANO] = '--weights with the graphs of NanoTrack'
    elif NANO not in missing:
        _weights(NANO, '', weights)
    return missing


def _maker(name: str, weights: tuple[str, ...]) -> Callable[[], Any]:
    if weights:
        backbone, head = weights
        return lambda: make_nanotrack((backbone, head))
    kind = getattr(cv2, PEERS[name.removeprefix(PREFIX)])
    return lambda: kind.create()


def _weights(name: str, version: str, folder: Path | None) -> Graphs:
    if folder is None or not folder.is_dir():
        raise InputError(f'--weights {folder or ""}: {name} needs a folder with *backbone*.onnx '
                         'and *head*.onnx')
    found = graph_sets(folder)
    if not found:
        raise InputError(f'--weights {folder}: *backbone*.onnx or *head*.onnx is missing in it')
    if version and version not in found:
        raise InputError(f'--tracker {name}: --weights {folder} has {", ".join(found)} only')
    return found[version or next(iter(found))]


def _digest(name: str, weights: tuple[str, ...]) -> str:
    digest = hashlib.sha256(f'{name} {cv2.__version__}'.encode())
    for file in weights:
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()
