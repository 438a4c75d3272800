# SPDX-License-Identifier: Apache-2.0
"""The part of a recipe that says what is learnt: tracking alone, or a stage of a method."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rgbt_tracker_ros.training.losses import ScoreTarget
from rgbt_tracker_ros.training.strict import Strict


class AverageExpert(Strict):
    """Weighted average of both images."""

    kind: Literal['average']
    rgb_share: float = Field(default=0.5, ge=0, le=1)


class LaplacianExpert(Strict):
    """Fusion by Laplacian pyramids."""

    kind: Literal['laplacian']
    levels: int = Field(default=4, ge=1, le=8)


class GuidedFilterExpert(Strict):
    """Fusion by guided filters."""

    kind: Literal['guided_filter']
    base_radius: int = Field(default=20, ge=1)
    detail_radius: int = Field(default=4, ge=1)


class OnnxFusionExpert(Strict):
    """A fusion model of the user's."""

    kind: Literal['onnx']
    file: Path = Field(description='ONNX file, relative to the recipe.')
    thermal_first: bool = False
    byte_range: bool = False


ExpertRecipe = Annotated[
    AverageExpert | LaplacianExpert | GuidedFilterExpert | OnnxFusionExpert,
    Field(discriminator='kind')]


class TrackingStage(Strict):
    """The tracker's loss alone."""

    kind: Literal['tracking'] = 'tracking'
    score_target: ScoreTarget = Field(
        default='centre', description='What the score of the target\'s cell learns (unified): 1, '
        'or the IoU of its box.')


class DistillationStage(Strict):
    """TPF's first stage: the adapter learns from several fusion experts; the tracker is frozen."""

    kind: Literal['distillation']
    experts: tuple[ExpertRecipe, ...] = Field(min_length=1)
    temperature: float = Field(
        default=0.1, gt=0, description='Of the experts\' weights, in shares of the mean loss.')
    structure: float = Field(default=0.5, ge=0, description='Weight of 1 - SSIM beside L1.')
    edges: float = Field(default=1.0, ge=0, description='Weight of the gradients\' L1.')


class DecoupledStage(Strict):
    """TPF's second stage: adapter and tracker together, the adapter's code in two parts."""

    kind: Literal['decoupled']
    correlation: float = Field(
        default=0.1, ge=0, description='Weight of the correlation between both parts.')
    reconstruction: float = Field(
        default=0.1, ge=0, description='Weight of telling both images from both parts.')


class CoupledStage(Strict):
    """CKD's first stage: two students learn from two teachers and from each other."""

    kind: Literal['coupled']
    style: float = Field(
        default=0.01, ge=0, description='Weight of the distance between the students\' styles.')
    content: float = Field(
        default=0.1, ge=0, description='Weight of the distance of each to its teacher\'s content.')
    masked: float = Field(
        default=0.25, ge=0, lt=1, description='Share of search tokens that students do not see.')


class HeadStage(Strict):
    """CKD's second stage: the head alone, with candidate elimination."""

    kind: Literal['head']
    eliminate: bool = True


class AdaptersStage(Strict):
    """PATrack: the adapters alone, beside a frozen tracker."""

    kind: Literal['adapters']


STAGES_OF = {'distillation': 'tpf', 'decoupled': 'tpf', 'coupled': 'ckd', 'head': 'ckd',
             'adapters': 'patrack'}
"""Family whose stage it is, for those that belong to one."""

StageRecipe = Annotated[
    TrackingStage | DistillationStage | DecoupledStage | CoupledStage | HeadStage
    | AdaptersStage,
    Field(discriminator='kind')]
