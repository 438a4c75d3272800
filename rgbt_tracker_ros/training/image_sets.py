# SPDX-License-Identifier: Apache-2.0
"""The sets of images that the training data consist of, besides videos and generated clips."""
from __future__ import annotations

from pathlib import Path

from rgbt_tracker_ros.training.images import Annotation, list_pairs, read_annotations
from rgbt_tracker_ros.training.sources import Moments, annotated_targets, pair_targets

MASKED_SETS = ('ccp_person', 'human_seg', 'weizmann_horse', 'coco_mini', 'davis16val')
PAIR_SETS = ('roadscene', 'msrs', 'tno', 'm3svd_pairs')
SETS = {'rgb_videos': ('davis16val', 'rgb_video_boxes'), 'rgb_stills': ('coco_mini',),
        'rgbt_stills': PAIR_SETS}
"""The sets of each source that has some; they share its samples evenly."""
MIN_CUT_OUT = 40.0


def set_targets(root: Path, source: str, name: str) -> list[Moments]:
    """Return the targets of a set of a source of SETS."""
    if source == 'rgbt_stills':
        return pair_targets(set_pairs(root, name))
    return annotated_targets(read_annotations(root / 'train_rgb' / name))


def set_pairs(root: Path, name: str) -> list[tuple[Path, Path]]:
    """List the registered (RGB, thermal) files of a set of PAIR_SETS."""
    return list_pairs(root / 'train' / name)


def set_cut_outs(root: Path, name: str) -> list[Annotation]:
    """Return the objects of a set of MASKED_SETS that are large enough to be cut out."""
    return [item for item in read_annotations(root / 'train_rgb' / name)
            if item.mask and min(item.box.w, item.box.h) >= MIN_CUT_OUT]
