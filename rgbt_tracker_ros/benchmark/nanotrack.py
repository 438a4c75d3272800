# SPDX-License-Identifier: Apache-2.0
"""NanoTrack in OpenCV: its two graphs, which are the user's, and the tracker made of them."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2


def find_graphs(folder: Path) -> tuple[str, ...]:
    """Return the files of the first `*backbone*.onnx` and `*head*.onnx` by name; empty without."""
    found = [sorted(folder.glob(f'*{part}*.onnx')) for part in ('backbone', 'head')]
    return tuple(str(files[0]) for files in found) if all(found) else ()


def make_nanotrack(graphs: tuple[str, ...]) -> Any:
    """Return a tracker of OpenCV that runs the graphs of `find_graphs`."""
    parameters = cv2.TrackerNano.Params()
    parameters.backbone, parameters.neckhead = graphs
    return cv2.TrackerNano.create(parameters)
