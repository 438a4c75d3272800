# SPDX-License-Identifier: Apache-2.0
"""Model bundles: a folder with two graphs and the model.yaml that describes them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import cast, get_args

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.imaging.crops import Border
from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.inference.fields import Fields
from rgbt_tracker_ros.inference.graph_file import check_self_contained
from rgbt_tracker_ros.inference.model_path import DESCRIPTION, resolve

FORMAT = 1
PRECISIONS = ('fp32', 'fp16', 'int8')
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CropSpec:
    """A square crop around a box: side sqrt(w * h) * factor, resized to size x size pixels."""

    size: int
    factor: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Makes a confidence of a raw score: sigmoid(scale * logit(raw) + bias)."""

    scale: float = 1.0
    bias: float = 0.0


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """One ONNX file with the names and shapes of its tensors (all float32)."""

    file: Path
    sha256: str
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A checked model bundle; the fields are those of model.yaml.

    Attributes
    ----------
    precision
        What its graphs compute in: fp32, fp16 or int8.

    """

    folder: Path
    name: str
    family: str
    template: CropSpec
    search: CropSpec
    border: Border
    rgb: Normalization
    thermal: Normalization
    template_slots: int
    template_graph: GraphSpec
    search_graph: GraphSpec
    calibration: Calibration
    training_data: tuple[str, ...]
    licence: str
    precision: str = PRECISIONS[0]

    @property
    def cells(self) -> int:
        """Return the score map's side."""
        return self.search_graph.outputs['score_map'][-1]

    @property
    def gives_fused(self) -> bool:
        """Tell whether the search graph can give the fused search crop."""
        return 'fused_image' in self.search_graph.outputs


def load_bundle(name: str | Path) -> ModelBundle:
    """Read and check a model bundle, by the name of a shipped model or by its folder.

    Raises
    ------
    ModelError
        If there is no such model, a file is missing or altered, or model.yaml has a missing,
        wrong or contradicting entry; the message names the file, the key and the remedy.

    """
    folder = resolve(name)
    path = folder / DESCRIPTION
    top = Fields(path, _read_yaml(path))
    top.only('format', 'name', 'family', 'template', 'search', 'border', 'normalization',
             'template_slots', 'graphs', 'calibration', 'training_data', 'licence', 'precision')
    top.integer('format', FORMAT, FORMAT)
    normalization = top.section('normalization')
    normalization.only('rgb', 'thermal')
    graphs = top.section('graphs')
    graphs.only('template', 'search')
    bundle = ModelBundle(
        folder=folder,
        name=top.text('name'),
        family=top.text('family'),
        template=_crop(top.section('template')),
        search=_crop(top.section('search')),
        border=cast(Border, top.text('border', get_args(Border))),
        rgb=_statistics(normalization.section('rgb'), (3,)),
        thermal=_statistics(normalization.section('thermal'), (1, 3)),
        template_slots=top.integer('template_slots', 1, 2),
        template_graph=_graph(graphs.section('template'), folder),
        search_graph=_graph(graphs.section('search'), folder),
        calibration=_calibration(top),
        training_data=top.texts('training_data'),
        licence=top.text('licence'),
        precision=top.text('precision', PRECISIONS) if top.has('precision') else PRECISIONS[0],
    )
    _check_template(bundle, graphs.section('template'))
    _check_search(bundle, graphs.section('search'))
    for graph in (bundle.template_graph, bundle.search_graph):
        _check_digest(graph, path)
    return bundle


def _read_yaml(path: Path) -> object:
    # Imported here so that `import rgbt_tracker_ros` needs numpy and OpenCV only.
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    # ValueError: bytes that are no text, or a date that does not exist.
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = ' '.join(str(error).split())
        raise ModelError(f'{path} cannot be read ({reason}): export the model again') from error


def _crop(fields: Fields) -> CropSpec:
    fields.only('size', 'factor')
    return CropSpec(fields.integer('size', 16, 4096), fields.number('factor', 1.0, 20.0))


def _statistics(fields: Fields, channels: tuple[int, ...]) -> Normalization:
    fields.only('mean', 'std')
    mean = fields.numbers('mean', channels, 0.0, 1.0)
    return Normalization(mean, fields.numbers('std', (len(mean),), 1e-6, 10.0))


def _calibration(top: Fields) -> Calibration:
    if not top.has('calibration'):
        return Calibration()
    fields = top.section('calibration')
    fields.only('scale', 'bias')
    return Calibration(fields.number('scale', 1e-3, 1e3), fields.number('bias', -1e3, 1e3))


def _graph(fields: Fields, folder: Path) -> GraphSpec:
    fields.only('file', 'sha256', 'inputs', 'outputs')
    name = fields.text('file')
    if Path(name).name != name:
        raise fields.error('file', 'a file name without a folder', name)
    return GraphSpec(folder / name, fields.text('sha256').lower(), fields.shapes('inputs'),
                     fields.shapes('outputs'))


def _check_template(bundle: ModelBundle, fields: Fields) -> None:
    side = bundle.template.size
    wanted = {'template_rgb': (1, 3, side, side),
              'template_thermal': (1, len(bundle.thermal.mean), side, side)}
    if bundle.template_graph.inputs != wanted:
        raise fields.error('inputs', _shown(wanted), _shown(bundle.template_graph.inputs))
    if not bundle.template_graph.outputs:
        raise fields.error('outputs', 'one or more tensors', 'none')


def _check_search(bundle: ModelBundle, fields: Fields) -> None:
    side = bundle.search.size
    wanted = {f'{name}_{slot}': shape
              for slot in range(bundle.template_slots)
              for name, shape in bundle.template_graph.outputs.items()}
    wanted['search_rgb'] = (1, 3, side, side)
    wanted['search_thermal'] = (1, len(bundle.thermal.mean), side, side)
    if bundle.search_graph.inputs != wanted:
        raise fields.error('inputs', _shown(wanted), _shown(bundle.search_graph.inputs))

    found = bundle.search_graph.outputs
    # No network has a finer map than its input, and the tracker keeps windows of the map's size.
    cells = min(found['score_map'][-1], side) if 'score_map' in found else side // 16
    maps = {'score_map': (1, 1, cells, cells), 'size_map': (1, 2, cells, cells),
            'offset_map': (1, 2, cells, cells)}
    if 'fused_image' in found:
        maps['fused_image'] = (1, 3, side, side)
    if found != maps:
        raise fields.error('outputs', _shown(maps), _shown(found))


def _check_digest(graph: GraphSpec, description: Path) -> None:
    try:
        content = graph.file.read_bytes()
    except OSError as error:
        raise ModelError(
            f'{graph.file}: {error.strerror or error}: put the graph there, or correct '
            f'`file` in {description}') from error
    found = hashlib.sha256(content).hexdigest()
    if found != graph.sha256:
        raise ModelError(
            f'{graph.file} has sha256 {found}, but {description} names {graph.sha256}: '
            'the file is damaged or was exchanged; get the bundle again or export it again')
    try:
        check_self_contained(content)
    except ModelError as error:
        raise ModelError(f'{graph.file} cannot be loaded: it {error}') from error


def _shown(shapes: Mapping[str, Shape]) -> str:
    return ', '.join(f'{name} {list(shape)}' for name, shape in shapes.items())
