# SPDX-License-Identifier: Apache-2.0
"""What holds for the exported bundle of every published tracker."""
from __future__ import annotations

import numpy as np
import onnx
from parity import crops
import torch

from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.settings import ModelSettings


def assert_same_maps(network, folder, seeds=(3,)):
    """Assert that a bundle (template 64, search 128) gives the maps of its network."""
    for name in ('onnxruntime', 'torch'):
        backend = load_backend(load_bundle(folder), ModelSettings(backend=name, threads=1))
        for seed in seeds:
            images = crops(64, 128, seed)
            arrays = [image.numpy() for image in images]
            maps = backend.search([backend.template(*arrays[:2])], *arrays[2:])
            with torch.no_grad():
                wanted = network(*images)
            np.testing.assert_allclose(maps.score, wanted['score_map'][0, 0], atol=2e-5)
            np.testing.assert_allclose(maps.size, wanted['size_map'][0], atol=2e-5)
            np.testing.assert_allclose(maps.offset, wanted['offset_map'][0], atol=1e-4)


def assert_plain(folder):
    """Assert that the search graph has neither loops nor shapes that are found out at run time."""
    graph = onnx.load(str(folder / 'search.onnx')).graph
    kinds = {node.op_type for node in graph.node}
    assert not kinds & {'Loop', 'Scan', 'If', 'NonZero', 'Shape', 'Range'}, kinds
    assert not any('Sequence' in kind for kind in kinds)
