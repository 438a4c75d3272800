# SPDX-License-Identifier: Apache-2.0
"""What is evaluated: a model with its settings, as every worker must use it."""
from __future__ import annotations

from dataclasses import dataclass
import hashlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rgbt_tracker_ros.benchmark.recording import TargetTracker
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.choice import REFERENCE
from rgbt_tracker_ros.inference.model_path import DESCRIPTION, PACKAGE, shipped_models
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker

MODALITIES = ('rgbt', 'rgb', 'thermal')


@dataclass(frozen=True, slots=True)
class Job:
    """A tracker to evaluate.

    Attributes
    ----------
    model
        Name of a shipped model, else the folder of a bundle.
    digest
        Of the bundle; a worker with another one refuses to work.
    settings
        All settings. The network has one thread unless they say otherwise, so that the boxes do
        not depend on how many workers there are, and runs on ONNX Runtime, so that they do not
        depend on what is the quickest on a machine.
    modality
        `rgb` or `thermal` blanks the other camera (black frames), `rgbt` uses both.
    version
        Of this package; a worker with another one refuses to work.

    """

    model: str
    digest: str
    settings: Settings
    modality: str
    version: str

    def record(self) -> dict[str, Any]:
        """Return what results depend on, ready for JSON."""
        settings = {name: list(value) if isinstance(value, tuple) else value
                    for name, value in self.settings.flat().items() if name != 'model.name'}
        return {'model_digest': self.digest, 'modality': self.modality, 'version': self.version,
                'settings': settings}

    def load(self) -> TargetTracker:
        """Load the tracker.

        Raises
        ------
        ModelError
            If the model differs from the job's, or cannot be loaded.

        """
        tracker = Tracker.from_model(self.model, self.settings.model.backend, self.settings)
        if _digest(tracker.bundle) != self.digest:
            raise ModelError(f'model {self.model} on this machine is not the one the evaluation '
                             'was started with: copy the same bundle to all machines')
        return tracker


def make_job(model: str, settings: Settings, modality: str = 'rgbt') -> Job:
    """Describe what to evaluate.

    Raises
    ------
    ModelError
        If there is no such model, or it is damaged.
    InputError
        If there is no such modality.

    """
    if modality not in MODALITIES:
        raise InputError(f'--modality {modality}: give {", ".join(MODALITIES)}')
    bundle = load_bundle(model)
    shipped = shipped_models().get(bundle.folder.name) == bundle.folder
    if not settings.model.threads:
        settings = settings.updated({'model.threads': 1})
    if settings.model.backend == 'auto':
        settings = settings.updated({'model.backend': REFERENCE})
    return Job(bundle.folder.name if shipped else str(bundle.folder), _digest(bundle), settings,
               modality, package_version())


def make_tracker(job: Job) -> TargetTracker:
    """Load the tracker of a job, once in each process.

    Raises
    ------
    ModelError
        If model or package differ from those of the job.

    """
    global _latest
    if _latest is None or _latest[0] != job:
        if package_version() != job.version:
            raise ModelError(f'this machine has {PACKAGE} {package_version()}, the evaluation was '
                             f'started with {job.version}: install the same version')
        _latest = job, job.load()
    return _latest[1]


_latest: tuple[Job, TargetTracker] | None = None


def _digest(bundle: ModelBundle) -> str:
    # model.yaml names the digests of both graphs, which were checked when it was loaded.
    return hashlib.sha256((bundle.folder / DESCRIPTION).read_bytes()).hexdigest()


def package_version() -> str:
    """Return the version of this package."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return 'source tree'
