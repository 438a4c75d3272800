# SPDX-License-Identifier: Apache-2.0
"""Gives a model bundle another calibration of its score; everything else of it stays."""
from __future__ import annotations

import os
from pathlib import Path
import shutil
import tempfile

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.bundle import Calibration, ModelBundle
from rgbt_tracker_ros.inference.model_path import DESCRIPTION


def copy_recalibrated(bundle: ModelBundle, folder: Path, calibration: Calibration) -> Path:
    """Write a copy of a bundle with another calibration into a new folder; return it."""
    folder.mkdir(parents=True)
    for graph in (bundle.template_graph, bundle.search_graph):
        shutil.copyfile(graph.file, folder / graph.file.name)
    (folder / DESCRIPTION).write_text(_described(bundle, calibration), encoding='utf-8')
    return folder


def recalibrate(bundle: ModelBundle, calibration: Calibration) -> None:
    """Put another calibration into the bundle's model.yaml, which is there whole at any time.

    Raises
    ------
    InputError
        If it cannot be written.

    """
    path = bundle.folder / DESCRIPTION
    text = _described(bundle, calibration)
    part = None
    try:
        with tempfile.NamedTemporaryFile('w', encoding='utf-8', dir=bundle.folder,
                                         prefix=f'.{DESCRIPTION}.', delete=False) as file:
            part = Path(file.name)
            file.write(text)
        part.chmod(path.stat().st_mode)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f'{path} cannot be written ({error.strerror}): give a copy of the model '
                         'in a folder of your own') from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _described(bundle: ModelBundle, calibration: Calibration) -> str:
    # Imported here so that `import rgbt_tracker_ros` needs numpy and OpenCV only.
    import yaml

    description = yaml.safe_load((bundle.folder / DESCRIPTION).read_text(encoding='utf-8'))
    description['calibration'] = {'scale': calibration.scale, 'bias': calibration.bias}
    return str(yaml.safe_dump(description, sort_keys=False))
