# SPDX-License-Identifier: Apache-2.0
"""Datasets of some frames in the layouts in which the real ones are distributed."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from scenes import SIDE, images

FRAMES = 12
STEP = 3
Names = Callable[[int], str]


def box(number: int, shift: int = 0) -> tuple[int, int, int, int]:
    """Return the target of a frame, x, y, w, h."""
    return 40 + STEP * number + shift, 100, SIDE, SIDE


def write_images(folder: Path, names: Iterable[str], thermal: bool = False) -> None:
    """Write one scene, whose target moves by STEP pixels per frame."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        color, heat = images(box(number)[0], number=number)
        image = heat if thermal else color[..., ::-1]
        if thermal and name.endswith('.png') and folder.name == 'depth':
            image = heat.astype(np.uint16) * 40
        assert cv2.imwrite(str(folder / name), image)


def write_lines(path: Path, rows: Iterable[Iterable[float]], separator: str = ',') -> None:
    """Write a box file."""
    path.write_text(''.join(separator.join(f'{value:g}' for value in row) + '\n' for row in rows))


def boxes(frames: int = FRAMES, shift: int = 0) -> list[tuple[int, int, int, int]]:
    """Return the ground truth of the scene."""
    return [box(number, shift) for number in range(frames)]


def corners(rows: Iterable[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Return left, top, right, bottom."""
    return [(x, y, x + w, y + h) for x, y, w, h in rows]


def write_gtot(folder: Path, frames: int = FRAMES) -> None:
    """`v/`, `i/`, corners with blanks and init.txt with tabs."""
    write_images(folder / 'v', [f'{number:05d}v.png' for number in range(1, frames + 1)])
    write_images(folder / 'i', [f'{number:05d}i.png' for number in range(1, frames + 1)], True)
    write_lines(folder / 'groundTruth_v.txt', corners(boxes(frames)), ' ')
    write_lines(folder / 'groundTruth_i.txt', corners(boxes(frames, shift=2)), ' ')
    write_lines(folder / 'init.txt', boxes(frames), '\t')


def write_gtot_root(root: Path, frames: int = FRAMES) -> Path:
    """Write a whole GTOT of two sequences, `one` and `two`; return its folder."""
    for name in ('one', 'two'):
        write_gtot(root / name, frames)
    (root / 'SequencesName.txt').write_text('one\ntwo')
    return root


def write_visible_infrared(folder: Path, frames: int = FRAMES, files: Iterable[str] = (
        'visible.txt', 'infrared.txt', 'init.txt')) -> None:
    """RGBT234 and LasHeR; with init.txt only, RGBT210."""
    # Not padded with zeros: v2.jpg comes before v10.jpg.
    write_images(folder / 'visible', [f'v{number}.jpg' for number in range(frames)])
    write_images(folder / 'infrared', [f'i{number}.jpg' for number in range(frames)], True)
    for name in files:
        write_lines(folder / name, boxes(frames, shift=2 if name == 'infrared.txt' else 0))


def write_vtuav(folder: Path, frames: int = 25, first: int = 0) -> None:
    """`rgb/`, `ir/`, every tenth frame annotated."""
    names = [f'{number:06d}.jpg' for number in range(first, first + frames)]
    write_images(folder / 'rgb', names)
    write_images(folder / 'ir', names, True)
    for name, shift in (('rgb.txt', 0), ('ir.txt', 2)):
        write_lines(folder / name, boxes(frames, shift)[::10], ' ')


def write_vot(folder: Path, frames: int = FRAMES) -> None:
    """`color/`, `depth/`, groundtruth.txt with an absent frame, `sequence` and a tag."""
    write_images(folder / 'color', [f'{number:08d}.jpg' for number in range(1, frames + 1)])
    write_images(folder / 'depth', [f'{number:08d}.png' for number in range(1, frames + 1)], True)
    rows: list[Iterable[float]] = list(boxes(frames))
    rows[3], rows[4] = [np.nan] * 4, [0]
    write_lines(folder / 'groundtruth.txt', rows)
    (folder / 'sequence').write_text('fps=25\nformat=default\nname=x\n')
    (folder / 'full_occlusion.tag').write_text('0\n' * (frames - 1) + '1\n')
    (folder / 'out_of_view.tag').write_text('0\n' * frames)


def write_visevent(folder: Path, frames: int = FRAMES, absent: int = 2) -> None:
    """`vis_imgs/`, `event_imgs/` (bmp); the target comes in later."""
    names = [f'frame{number:04d}.bmp' for number in range(frames)]
    write_images(folder / 'vis_imgs', names)
    write_images(folder / 'event_imgs', names)
    rows: list[Iterable[float]] = list(boxes(frames))
    rows[:absent] = [[0, 0, 0, 0]] * absent
    write_lines(folder / 'groundtruth.txt', rows)
    (folder / 'absent_label.txt').write_text('0\n' * absent + '1\n' * (frames - absent))


def write_pair(folder: Path, frames: int = FRAMES) -> None:
    """`rgb/`, `thermal/` and groundtruth.txt: own recordings."""
    write_images(folder / 'rgb', [f'{number}.png' for number in range(frames)])
    write_images(folder / 'thermal', [f'{number}.png' for number in range(frames)], True)
    write_lines(folder / 'groundtruth.txt', boxes(frames))
