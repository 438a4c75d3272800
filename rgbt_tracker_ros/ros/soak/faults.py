# SPDX-License-Identifier: Apache-2.0
"""All faults by name."""
from __future__ import annotations

from rgbt_tracker_ros.ros.soak import camera_faults, node_faults, process_faults, stamp_faults

FAULTS = {**camera_faults.FAULTS, **stamp_faults.FAULTS, **node_faults.FAULTS,
          **process_faults.FAULTS}
"""What happens, and its variants."""

VARIANTS = {kind: variants for kind, (_, variants) in FAULTS.items()}
"""Variants of each kind."""

ALIKE = ('empty image', 'wrong step', 'truncated data', 'unknown encoding', 'huge claimed size',
         'other size', 'other encoding', 'bad model')
"""Kinds of which one variant will do in a short test."""
