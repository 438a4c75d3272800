# SPDX-License-Identifier: Apache-2.0
"""The demonstration's overlay video and summary picture, made from the node's answers."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.overlay import compose, in_rgb_frame
from rgbt_tracker_ros.benchmark.summary import KeyFrame, draw_summary, pick_frames, spans
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.cli.demo_material import Material
from rgbt_tracker_ros.cli.demo_report import Run
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import Settings

Image = NDArray[np.uint8]
FusedOf = Callable[[str], tuple[Image, Box] | None]
"""Returns the fused image of a stamp and the region it shows."""


def draw(
    folder: Path, material: Material, run: Run, fused_of: FusedOf, subtitle: str,
    progress: Callable[[int, int], None],
) -> None:
    """Write `overlay.mp4` and `summary.png`.

    Parameters
    ----------
    folder
        Where to write.
    material
        What was played.
    run
        The answers.
    fused_of
        Where the fused images are.
    subtitle
        Stands in the picture.
    progress
        Called with the number of frames done and their total.

    """
    truth = material.truth
    times = material.rgb_stamps[[item.frame for item in run.seen]]
    events = [] if truth is None else spans(truth.events, material.rgb_stamps)
    wanted = {run.seen[index].frame: index for index in pick_frames(times, events)}
    kept = _write_video(folder / 'overlay.mp4', material, run, fused_of, wanted, progress)
    with replacing(folder / 'summary.png') as part:
        draw_summary(
            part, times, [item.result for item in run.seen], kept,
            truth=None if truth is None else truth.boxes[[item.frame for item in run.seen]],
            events=events, title=f'rgbt_tracker_ros: {material.name}', subtitle=subtitle)


def _write_video(
    path: Path, material: Material, run: Run, fused_of: FusedOf, wanted: Mapping[int, int],
    progress: Callable[[int, int], None],
) -> list[KeyFrame]:
    """Write RGB, thermal and fused images side by side with what the node said about each frame.

    Nothing is tracked again: box, score and state are those of the node's answers, the fused
    image is the one it published. A frame without an answer shows the one before.

    Parameters
    ----------
    path
        The mp4 file.
    material, run, fused_of, progress
        As for `draw`.
    wanted
        Frames to return, with their place in the timeline.

    """
    normalizer = ThermalNormalizer(Settings().thermal)
    answers = {item.frame: item for item in run.seen}
    answer = run.seen[0]
    kept = []
    rate = (len(material.rgb_stamps) - 1) / float(np.ptp(material.rgb_stamps))
    with replacing(path) as part, VideoWriter(part, rate) as video:
        for number, (rgb, thermal) in enumerate(material.frames()):
            answer = answers.get(number, answer)
            event = material.truth.events[number] if material.truth else ''
            heat = in_rgb_frame(normalizer(thermal), (rgb.shape[1], rgb.shape[0]))
            image, region = fused_of(answer.stamp) or (None, None)
            video.write(compose(
                rgb, heat, replace(answer.result, fused=image, crop_box=region),
                notes=answer.notes, fused=True,
                event='' if event == 'clear' else event.replace('+', ' + '),
                caption=f'frame {number}   {material.rgb_stamps[number]:.2f} s'))
            if number in wanted:
                kept.append(KeyFrame(wanted[number], rgb, heat))
            progress(number + 1, len(material.rgb_stamps))
    return kept
