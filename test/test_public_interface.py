# SPDX-License-Identifier: Apache-2.0
"""`import rgbt_tracker_ros` is light and offers what it promises."""
from __future__ import annotations

import subprocess
import sys

import pytest

import rgbt_tracker_ros


def test_every_public_name_is_there():
    for name in rgbt_tracker_ros.__all__:
        assert getattr(rgbt_tracker_ros, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match='Trackr'):
        rgbt_tracker_ros.Trackr  # noqa: B018


def test_import_pulls_in_neither_opencv_nor_a_run_time():
    heavy = ('cv2', 'numpy', 'onnxruntime', 'torch', 'rclpy')
    code = f'import sys, rgbt_tracker_ros; print([m for m in {heavy} if m in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
