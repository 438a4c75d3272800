# SPDX-License-Identifier: Apache-2.0
"""A TPF bundle in the tracker node, chosen by nothing but `model.name`."""
from __future__ import annotations

import math

import pytest
from ros_rig import TrackerRig
from sensor_msgs.msg import Image
import torch

from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.networks.pixel_adapter import AdapterConfig
from rgbt_tracker_ros.networks.tpf import TPF, TPFConfig

pytestmark = pytest.mark.ros


def test_the_node_tracks_with_it_and_shows_the_fused_image(tmp_path):
    torch.manual_seed(0)
    network = TPF(TPFConfig(
        template_size=32, search_size=64, channels=32, heads=2, blocks=1, head_widths=(16,),
        adapter=AdapterConfig(channels=16, state=8)))
    export_bundle(network, ModelFacts('tpf_tiny', ()), tmp_path / 'tpf_tiny')
    with TrackerRig() as rig:
        fused = rig.listen(Image, f'{rig.name}/fused_image')
        rig.start('tracker_node', model__name=str(tmp_path / 'tpf_tiny'),
                  target__lost_threshold=0.0)
        rig.connect()
        status = rig.follow(100)
        assert (status['state'], status['mode'], status['error']) == ('tracking', 'rgbt', '')
        assert math.isfinite(float(status['score']))
        assert len(rig.detection().detections) == 1
        image = rig.until(lambda: fused and fused[-1], 'fused image')
        assert image.width > 0
        assert len(image.data) == image.step * image.height
