# SPDX-License-Identifier: Apache-2.0
"""Tiny networks of all published trackers."""
from __future__ import annotations

from dataclasses import replace

from parity import seeded
from test_ainet import TINY as AINET
from test_ckd import ELIMINATING
from test_ckd import TINY as CKD_TINY
from test_patrack import TINY as PATRACK
from test_tpf import TINY as TPF_TINY

from rgbt_tracker_ros.networks.ainet import AINet
from rgbt_tracker_ros.networks.ckd import CKD
from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.networks.patrack import PATrack
from rgbt_tracker_ros.networks.tpf import TPF

NETWORKS = {
    'ckd': (CKD, CKD_TINY), 'ckd_eliminating': (CKD, ELIMINATING), 'ainet': (AINet, AINET),
    'patrack': (PATrack, PATRACK), 'tpf': (TPF, TPF_TINY)}


def tiny_bundle(name, folder, half=False, **sizes):
    """Export a tiny network, some of its sizes changed; return the folder of its bundle."""
    network, config = NETWORKS[name]
    made = folder / (f'{name}_half' if half else name)
    export_bundle(
        seeded(network(replace(config, **sizes))), ModelFacts(name, ()), made, half=half)
    return made
