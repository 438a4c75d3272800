# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker doctor`: what is installed, what is missing, and what to do about it."""
from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
import os
from pathlib import Path
import platform
from typing import Annotated

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.cli.doctor_gpu import examine_backends, examine_gpu, installed_version
from rgbt_tracker_ros.cli.doctor_jetson import examine_jetson
from rgbt_tracker_ros.cli.finding import Finding
from rgbt_tracker_ros.errors import InputError, ModelError

_NEEDED = {'numpy': 'numpy', 'cv2': 'opencv-python-headless', 'yaml': 'PyYAML', 'rich': 'rich',
           'typer': 'typer'}
_OPTIONAL = {'av': ('av', 'reading and writing videos'),
             'matplotlib': ('matplotlib', 'summary pictures'),
             'torch': ('torch', 'training and export'), 'onnx': ('onnx', 'export')}
_ROS = {'rclpy': 'the node', 'sensor_msgs': 'the node', 'diagnostic_msgs': 'the node',
        'std_srvs': 'the node', 'vision_msgs': 'detections and initial boxes',
        'message_filters': 'sync.policy approximate and exact',
        'cv_bridge': 'rare image encodings'}


def doctor(
    bag: Annotated[Path | None, typer.Option(
        metavar='BAG', help='Instead examine the cameras in a ROS 2 bag: rates, gaps, stamps, '
        'pairs, and the sync.thermal_offset that the images tell.')] = None,
    rgb_topic: Annotated[str | None, typer.Option(
        metavar='TOPIC', help='RGB images in the bag; else found by name and encoding.')] = None,
    thermal_topic: Annotated[str | None, typer.Option(
        metavar='TOPIC', help='Thermal images; else found by name and encoding.')] = None,
    rgb: Annotated[str | None, typer.Option(
        metavar='SRC', help='Instead of a bag: video, folder of images or glob.')] = None,
    thermal: Annotated[str | None, typer.Option(
        metavar='SRC', help='Thermal images that begin at the same time.')] = None,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='The findings about a recording.')] = None,
    set_: options.Set = None,
) -> None:
    """Check this installation, or a recording: packages, GPU, backends, Jetson, models, ROS."""
    if bag is not None or rgb is not None or thermal is not None:
        return _recording(bag, (rgb_topic, thermal_topic), (rgb, thermal), json_file, set_)
    _installation()


def _recording(bag: Path | None, topics: tuple[str | None, str | None],
               sources: tuple[str | None, str | None], json_file: Path | None,
               assignments: list[str] | None) -> None:
    from rgbt_tracker_ros.cli.doctor_streams import examine_bag, examine_recordings
    from rgbt_tracker_ros.settings import Settings

    sync = Settings.from_flat(options.parse_assignments(assignments)).sync
    rgb, thermal = sources
    if bag is not None and (rgb is not None or thermal is not None):
        raise InputError('--bag and --rgb or --thermal are given: give one recording')
    if bag is not None:
        return examine_bag(bag, *topics, sync, json_file)
    if rgb is None or thermal is None:
        raise InputError(f'{"--rgb" if rgb is None else "--thermal"} is missing: give both '
                         'recordings, or a bag by --bag')
    examine_recordings(rgb, thermal, sync, json_file)


def _installation() -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    colors = {'ok': 'green', 'missing': 'yellow', 'warning': 'yellow', 'error': 'red'}
    findings = list(examine())
    table = Table()
    for name in ('what', 'state', 'found'):
        table.add_column(name)
    for finding in findings:
        table.add_row(finding.subject, f'[{colors[finding.level]}]{finding.level}[/]',
                      finding.text)
    console().print(table)
    if any(finding.level == 'error' for finding in findings):
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Yield the findings, one after the other."""
    import rgbt_tracker_ros

    yield Finding('rgbt_tracker_ros', 'ok', f'{rgbt_tracker_ros.__version__}, Python '
                  f'{platform.python_version()}, {platform.system()} {platform.machine()}')
    for module, package in _NEEDED.items():
        present = find_spec(module) is not None
        yield Finding(package, 'ok' if present else 'error',
                      installed_version(package) if present else f'needed: pip install {package}')
    for module, (package, purpose) in _OPTIONAL.items():
        present = find_spec(module) is not None
        yield Finding(package, 'ok' if present else 'missing',
                      installed_version(package) if present
                      else f'for {purpose}: pip install {package}')
    yield from examine_gpu()
    yield from examine_backends()
    yield from examine_jetson()
    yield from _models()
    yield from _ros()


def _models() -> Iterator[Finding]:
    from rgbt_tracker_ros.inference.bundle import load_bundle
    from rgbt_tracker_ros.inference.factory import load_backend
    from rgbt_tracker_ros.inference.model_path import shared_folders, shipped_models

    shipped = shipped_models()
    if not shipped:
        places = ', '.join(map(str, shared_folders('models'))) or 'no models folder'
        yield Finding('models', 'error', f'none found in {places}: install the package again')
    for name, folder in shipped.items():
        try:
            load_backend(load_bundle(folder)).close()
        except ModelError as error:
            yield Finding(f'model {name}', 'error', str(error))
        else:
            yield Finding(f'model {name}', 'ok', f'{folder}, loaded and run')


def _ros() -> Iterator[Finding]:
    distribution = os.environ.get('ROS_DISTRO', '')
    for module, purpose in _ROS.items():
        present = find_spec(module) is not None
        yield Finding(f'ROS {module}', 'ok' if present else 'missing',
                      distribution or 'present' if present
                      else f'for {purpose}: source a ROS 2 installation')
