# SPDX-License-Identifier: Apache-2.0
"""Chooses the backend that runs a model bundle."""
from __future__ import annotations

from importlib.util import find_spec

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Backend
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.settings import ModelSettings

# Backends that exist, with the module each one needs.
BACKENDS = {'onnxruntime': 'onnxruntime'}


def available_backends() -> dict[str, bool]:
    """Return every backend's name and whether its run time is installed."""
    return {name: find_spec(module) is not None for name, module in BACKENDS.items()}


def load_backend(bundle: ModelBundle, settings: ModelSettings | None = None) -> Backend:
    """Load a bundle into the backend that `settings.backend` names.

    Raises
    ------
    ModelError
        If this version has no such backend, or it cannot load the model.

    """
    settings = settings or ModelSettings()
    if settings.backend not in ('auto', *BACKENDS):
        raise ModelError(
            f'model.backend = {settings.backend!r} is not in this version: use auto or '
            f'{", ".join(BACKENDS)}')
    from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(bundle, settings.threads)
