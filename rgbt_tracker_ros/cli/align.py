# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker align`: how the thermal view lies in the RGB view, from recorded images."""
from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.cli.track import SOURCE_HELP
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rgbt_tracker_ros.benchmark.sources import FrameSource
    from rgbt_tracker_ros.imaging.alignment import Alignment

_SPAN = 1800
"""Most frames of a recording from which pairs are taken."""

_STEP = 15
"""Frames between two pairs where the recordings do not tell their length."""

_LEAST_CONTRAST = 2.0
"""Standard deviation, grey levels, under which an image shows nothing."""


def align(
    rgb: Annotated[str, typer.Option(metavar='SRC', help=f'RGB: {SOURCE_HELP}')],
    thermal: Annotated[str, typer.Option(
        metavar='SRC', help=f'Thermal of the same moments, 8 or 16 bits: {SOURCE_HELP}')],
    output: Annotated[Path, typer.Option(
        metavar='OUT.yaml', help='Parameter file with the homography.')] = Path(
            'registration.yaml'),
    picture: Annotated[Path | None, typer.Option(
        metavar='OUT.png', help='Both views on each other, before and after.')] = None,
    map_: Annotated[str, typer.Option(
        '--map', metavar='homography|affine|similarity|translation',
        help='Most freedom that the map may have.')] = 'homography',
    pairs: Annotated[int, typer.Option(
        min=1, max=50, help='Pairs used, spread over the recordings.')] = 6,
    start: Annotated[int, typer.Option(
        metavar='N', min=0, help='Number of the first frame, from 0.')] = 0,
) -> None:
    """Estimate registration.homography from images of both cameras, of any sizes."""
    from rgbt_tracker_ros.benchmark.sources import open_source
    from rgbt_tracker_ros.cli.align_outputs import write_parameters, write_picture
    from rgbt_tracker_ros.cli.console import console, error_console
    from rgbt_tracker_ros.imaging.alignment import align as estimate
    from rgbt_tracker_ros.imaging.alignment_refine import MODELS

    if map_ not in MODELS:
        raise InputError(f'--map {map_} is not one of {", ".join(reversed(MODELS))}')
    with error_console().status('reading'):
        images = _read(open_source(rgb, 'rgb'), open_source(thermal, 'thermal'), start, pairs)
    with error_console().status(f'aligning {len(images[0])} pairs'):
        found = estimate(*images, map_)
    if picture is not None:
        write_picture(picture, images[0][0], images[1][0], found)
    console().print(_report(found), soft_wrap=True, markup=False)
    if found.objection:
        raise InputError(f'--rgb {rgb}, --thermal {thermal}: {found.objection} '
                         f'({output} was not written)')
    write_parameters(output, found, rgb, thermal)
    console().print(f'wrote {output}: give params_file:={output} to the launch file, or '
                    f'--params {output} to rgbt-tracker track', markup=False, soft_wrap=True)


def _read(rgb: FrameSource, thermal: FrameSource, start: int,
          pairs: int) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Return grey images of some pairs; those that show nothing are left out."""
    import cv2
    import numpy as np

    from rgbt_tracker_ros.benchmark.recording import read_frames
    from rgbt_tracker_ros.cli.console import warn
    from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
    from rgbt_tracker_ros.settings import ThermalSettings

    counts = [source.count for source in (rgb, thermal) if source.count]
    span = min(min(counts) - start, _SPAN) if counts else pairs * _STEP
    step = max(span // pairs, 1)
    normalize = ThermalNormalizer(ThermalSettings(smoothing=0.0))
    grey: list[NDArray[np.uint8]] = []
    warm: list[NDArray[np.uint8]] = []
    for frame in islice(read_frames(rgb, thermal, start, warn), 0, step * pairs, step):
        assert frame.rgb is not None
        assert frame.thermal is not None
        images = (np.asarray(cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY), np.uint8),
                  normalize(frame.thermal))
        if min(float(image.std()) for image in images) >= _LEAST_CONTRAST:
            grey.append(images[0])
            warm.append(images[1])
    if not grey:
        raise InputError(f'--rgb {rgb.text}, --thermal {thermal.text}: all pairs are blank in one '
                         'camera: give --start, or images with contours that both cameras see')
    return grey, warm


def _report(found: Alignment) -> str:
    before, after = found.before, found.after
    return (f'edges agree by {before.edges:.3f} in the scaled view, by {after.edges:.3f} with the '
            f'map; mutual information {before.information:.3f}, {after.information:.3f}; thermal '
            f'covers {100 * after.overlap:.0f} % of RGB; {found.clearness:.1f} standard '
            'deviations over any other shift')
