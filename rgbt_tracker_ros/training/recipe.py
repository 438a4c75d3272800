# SPDX-License-Identifier: Apache-2.0
"""Training recipes: everything a run depends on, read from one YAML file."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
import yaml

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.training.precision import Precision
from rgbt_tracker_ros.training.recipe_datasets import DatasetRecipe
from rgbt_tracker_ros.training.recipe_networks import NetworkRecipe, UnifiedNetwork
from rgbt_tracker_ros.training.recipe_stages import STAGES_OF, StageRecipe, TrackingStage
from rgbt_tracker_ros.training.strict import Strict, complaint

SOURCES = (
    'thermal_videos', 'rgb_videos', 'rgb_stills', 'rgbt_stills', 'composites', 'generated')
"""Where samples come from; `DataRecipe` holds the share of each."""


class DataRecipe(Strict):
    """Shares of the sources in the training pairs; a share of 0 leaves a source out."""

    root: Path
    thermal_videos: float = Field(default=0.3, ge=0)
    rgb_videos: float = Field(default=0.1, ge=0)
    rgb_stills: float = Field(default=0.15, ge=0)
    rgbt_stills: float = Field(default=0.1, ge=0)
    composites: float = Field(default=0.25, ge=0)
    generated: float = Field(default=0.1, ge=0)
    recordings: float = Field(default=1.0, ge=0, description='All `datasets` together.')
    datasets: tuple[DatasetRecipe, ...] = ()
    sampling: Literal['robust', 'ostrack'] = Field(
        default='robust', description='How frames are chosen, cut and changed: with rivals, '
        'faults and missing cameras, or as OSTrack does.')
    drop_camera: float | None = Field(
        default=None, ge=0, le=1, description='Probability that a sample lacks a camera. None: '
        'that of the sampling (0.38 and 0).')
    faults: bool = Field(
        default=True, description='Smoke, darkness, noise, blur, drift, occluders and shifts '
        'between the cameras, in sampling `robust`.')
    styles: bool = Field(
        default=True, description='Tones, grey visual cameras, lasting smoke and far targets, of '
        'whole samples; in sampling `robust`.')
    crossings: float = Field(
        default=0.4, ge=0, le=1, description='Share of the hard samples into which a target of '
        'the same source is pasted, before, behind or near the sample\'s own.')
    meetings: float = Field(
        default=0.0, ge=0, le=1, description='Share of the samples of videos whose template and '
        'search lie on both sides of a moment in which the target meets a rival; with `batched`.')
    batched: bool = Field(
        default=False, description='Images, crops and changes on the device that trains, a whole '
        'batch at once; meant for a GPU. Sampling `robust`, no `datasets`.')
    generated_clips: int = Field(default=16, ge=0)
    max_gap: int = Field(default=30, ge=1, description='Frames between template and search.')
    hard_from: float = Field(
        default=0.4, ge=0, le=1,
        description='Share of the samples after which rivals of the target get hard.')
    teacher: Path | None = Field(
        default=None, description='Folder of NanoTrack\'s graphs, which bridges gaps between the '
        'boxes in thermal videos; None: gaps stay.')
    cache: Path | None = Field(
        default=None, description='Folder that remembers the boxes found in thermal videos.')
    held_out: Literal['spans', 'videos'] = Field(
        default='spans', description='What is kept from training since development tracks lie in '
        'it: those spans of the thermal videos, or the whole videos, for honest ablations.')
    workers: int = Field(default=1, ge=0)

    @property
    def shares(self) -> dict[str, float]:
        """Return the shares of the sources that are in use."""
        shares = {name: float(getattr(self, name)) for name in SOURCES}
        for dataset in self.datasets:
            shares[dataset.name] = shares.get(dataset.name, 0.0) + (
                self.recordings / len(self.datasets))
        return {name: share for name, share in shares.items() if share}


class OptimRecipe(Strict):
    """Optimisation."""

    steps: int = Field(..., ge=1)
    batch: int = Field(default=16, ge=1)
    lr: float = Field(default=6e-4, gt=0)
    trunk_lr: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=1e-3, ge=0)
    warmup: int = Field(default=200, ge=0)
    schedule: Literal['cosine', 'constant', 'step'] = 'cosine'
    drop_at: float = Field(
        default=0.8, ge=0, le=1,
        description='Share of the steps after which schedule `step` goes on at a tenth.')
    clip: float = Field(default=1.0, gt=0)
    average: float = Field(
        default=0.0, ge=0, lt=1,
        description='Decay of averaged weights, kept for export; 0: no average.')
    fusion_from: float = Field(
        0.5, ge=0, le=1, description='Share of the steps after which the fusion learns too.')
    fusion_every: int = Field(default=2, ge=1, description='Then, in every n-th step.')
    checkpoint_every: int = Field(default=200, ge=1)
    log_every: int = Field(default=20, ge=1, description='Steps of which the log has the mean.')
    precision: Precision = 'bf16'
    threads: int = Field(default=0, ge=0, description='CPU threads; 0 = all.')


class Recipe(Strict):
    """A whole training run."""

    name: str = Field(..., pattern=r'^[a-z0-9_]+$')
    seed: int = 1
    network: NetworkRecipe = UnifiedNetwork()
    stage: StageRecipe = TrackingStage()
    data: DataRecipe
    optim: OptimRecipe

    @model_validator(mode='before')
    @classmethod
    def _unified_by_default(cls, content: Any) -> Any:
        """Take a network without a family for `unified`, as the first recipes have it."""
        if isinstance(content, dict) and isinstance(content.get('network'), dict):
            network = {'family': 'unified', **content['network']}
            return {**content, 'network': network}
        return content

    @model_validator(mode='after')
    def _fitting_options(self) -> Recipe:
        stage = self.stage
        if (isinstance(stage, TrackingStage) and stage.score_target != 'centre'
                and self.network.family != 'unified'):
            raise ValueError(f'stage.score_target {stage.score_target} is for unified alone')
        if self.data.batched and self.data.sampling != 'robust':
            raise ValueError(f'data.batched makes no samples as {self.data.sampling} does')
        if self.data.meetings and not self.data.batched:
            raise ValueError('data.meetings needs data.batched: set it to true, or leave both out')
        return self

    @model_validator(mode='after')
    def _stage_of_the_family(self) -> Recipe:
        family = STAGES_OF.get(self.stage.kind, self.network.family)
        if family != self.network.family:
            raise ValueError(f'stage {self.stage.kind} is one of network family {family}, not of '
                             f'{self.network.family}')
        return self

    def on_datasets(self, datasets: Sequence[DatasetRecipe]) -> Recipe:
        """Return the recipe with all its samples from datasets."""
        data = {**self.data.model_dump(), **dict.fromkeys(SOURCES, 0.0), 'recordings': 1.0,
                'datasets': [dataset.model_dump() for dataset in datasets]}
        return Recipe.model_validate({**self.model_dump(), 'data': data})

    def relative_to(self, folder: Path) -> Recipe:
        """Return the recipe with its paths taken from a folder."""
        def absolute(content: Any) -> Any:
            if isinstance(content, Path):
                return (folder / content).resolve()
            if isinstance(content, dict):
                return {key: absolute(value) for key, value in content.items()}
            if isinstance(content, (list, tuple)):
                return [absolute(value) for value in content]
            return content
        return Recipe.model_validate(absolute(self.model_dump()))


def named_datasets(texts: Sequence[str], allow_missing: bool) -> list[DatasetRecipe]:
    """Return the datasets of `--dataset`.

    Raises
    ------
    InputError
        If one is not NAME:DIR or NAME/SPLIT:DIR, or there is no such dataset or split.

    """
    found = []
    for text in texts:
        try:
            dataset = DatasetRecipe.model_validate(text)
        except ValidationError as error:
            raise InputError(f'--dataset {text}: {complaint(error)}') from error
        found.append(dataset.model_copy(update={'allow_missing': allow_missing}))
    return found


def read_recipe(file: Path) -> Recipe:
    """Read and check a recipe; paths in it are relative to the file.

    Raises
    ------
    InputError
        If the file cannot be read, or a value is missing, unknown or out of range.

    """
    try:
        content = yaml.safe_load(file.read_text(encoding='utf-8'))
        recipe = Recipe.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f'recipe {file} cannot be read ({error}): '
                         'give a YAML file as config/recipes/unified_nano.yaml') from error
    except ValidationError as error:
        raise InputError(f'recipe {file}: {complaint(error)}') from error
    return recipe.relative_to(file.parent)
