# SPDX-License-Identifier: Apache-2.0
"""`generated`: clips of our own generator, the same for everybody, with what happens per frame.

The folder given as root keeps them; those that are not there yet are made, which takes a minute or
two. A clip of an older generator is made anew. The seeds are none of the recipes'.
"""
from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from rgbt_tracker_ros.benchmark.datasets.folder import read_pair
from rgbt_tracker_ros.benchmark.datasets.selection import Request
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.synthetic.clip import Clip
from rgbt_tracker_ros.synthetic.clip_files import clip_folder, forget_older, write_clip
from rgbt_tracker_ros.synthetic.crowds import crowd_spec
from rgbt_tracker_ros.synthetic.scripts import demo_spec, random_spec
from rgbt_tracker_ros.synthetic.spec import ClipSpec

SIZE = (320, 240)
_SEED = 20_000
_DRAWS = 50
_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A clip of the set.

    Attributes
    ----------
    kind
        `demo`, `crowd`, `far` (a crowd far away) or `random`.
    number
        Of its seed.
    hardships
        Events: those of a crowd last to the end, those of a random clip come one by one.

    """

    kind: str
    number: int
    hardships: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return kind, number and hardships."""
        return '_'.join((f'{self.kind}{self.number}', *self.hardships))

    def script(self) -> ClipSpec:
        """Return a script in whose first image the target can be seen, the same each time."""
        for draw in range(_DRAWS):
            spec = self._script(np.random.default_rng((_SEED, self.number, draw)))
            _, truth = Clip(spec, self.seed).rgb(0)
            if not truth.absent and not truth.occluded:
                return spec
        raise AssertionError(f'{self.name}: the target is never seen in the first image')

    @property
    def seed(self) -> int:
        """Return what the look of the clip depends on."""
        return _SEED + self.number

    def _script(self, rng: np.random.Generator) -> ClipSpec:
        if self.kind == 'demo':
            return demo_spec(SIZE)
        if self.kind == 'random':
            return random_spec(rng, SIZE, _SECONDS, self.hardships)
        return crowd_spec(rng, SIZE, _SECONDS, hardships=self.hardships, far=self.kind == 'far')


SCENES = (
    Scene('demo', 1), Scene('demo', 2),
    Scene('crowd', 11), Scene('crowd', 12), Scene('crowd', 13, ('smoke',)),
    Scene('crowd', 14, ('smoke',)), Scene('crowd', 15, ('smoke',)), Scene('crowd', 16, ('dark',)),
    Scene('crowd', 17, ('crossover',)), Scene('far', 18), Scene('far', 19, ('smoke',)),
    Scene('far', 20, ('dark',)),
    Scene('random', 31, ('smoke', 'occlusion')), Scene('random', 32, ('glare', 'crossover')),
    Scene('random', 33, ('dark', 'occlusion', 'glare')), Scene('random', 34, ('shake', 'freeze')),
)


def load(request: Request) -> Dataset:
    """Read the clips, after making those that are not there; see `load_dataset`."""
    if request.rgb is not None or request.thermal is not None:
        raise InputError('--rgb, --thermal: generated clips bring both cameras: leave them out')
    names = [scene.name for scene in SCENES]
    for name in request.only:
        if name not in names:
            raise InputError(f'--sequences {name}: generated has {", ".join(names)}')
    sequences, folders = [], []
    for scene in SCENES:
        if request.only and scene.name not in request.only:
            continue
        spec = scene.script()
        folder = clip_folder(request.root, spec, scene.seed)
        if not folder.is_dir():
            write_clip(folder, spec, scene.seed)
        forget_older(folder)
        folders.append(folder.name)
        sequences.append(read_pair(folder, scene.name))
    # Results of other clips do not compare: the part's name tells the generator's version.
    version = sha256(' '.join(folders).encode()).hexdigest()[:8]
    return Dataset(request.dataset, tuple(sequences), split=version)
