# SPDX-License-Identifier: Apache-2.0
"""What demo.launch.py and bag.launch.py play."""
from __future__ import annotations

from collections.abc import Mapping
import os
from pathlib import Path
import sys
from typing import Any

from launch.actions import ExecuteProcess, LogInfo
import yaml

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.launching.arguments import positive, whole
from rgbt_tracker_ros.launching.nodes import environment, remappings, require
from rgbt_tracker_ros.synthetic.clip_files import clip_folder, forget_older
from rgbt_tracker_ros.synthetic.scripts import demo_spec

_BAG_FILES = ('.mcap', '.db3')
_SETTLE_S = '1.0'
"""Between the bag's publishers and its first message: subscribers must have found them."""


def clip_of(given: Mapping[str, str]) -> Path | None:
    """Return the folder of the clip to play, which may still have to be generated.

    None means recordings of one's own.

    Raises
    ------
    InputError
        If the arguments do not fit together or the clip does not exist.

    """
    own = [name for name in ('rgb', 'thermal', 'init') if given[name]]
    if given['clip']:
        folder = Path(given['clip']).expanduser()
        if set(own) - {'init'}:
            raise InputError(f'clip and {" and ".join(own)} exclude each other: give one of them')
        if not (folder / 'init.txt').is_file():
            raise InputError(f'clip = {given["clip"]!r} is no folder of a generated clip: make '
                             'one with rgbt-tracker generate, or give rgb, thermal and init')
        return folder
    if own and len(own) < 3:
        raise InputError('recordings of your own need all of rgb, thermal and init; given: '
                         + ', '.join(f'{name} = {given[name]!r}' for name in own))
    if own:
        return None
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    return clip_folder(cache / 'rgbt_tracker_ros', demo_spec(), whole('seed', given['seed']))


def generation(folder: Path, seed: str) -> tuple[ExecuteProcess, LogInfo]:
    """Return what generates the demonstration's clip, and a word about it."""
    forget_older(folder)
    return (ExecuteProcess(
        cmd=[sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'generate', str(folder),
             '--seed', seed], name='generate', output='screen'),
        LogInfo(msg=f'generating the clip, which takes about 20 s and is kept in {folder}'))


def bag_play(given: Mapping[str, str]) -> ExecuteProcess:
    """Return `ros2 bag play` with a clock.

    Raises
    ------
    InputError
        If the bag, or its player, is not there, or it lacks the topics.

    """
    bag = Path(given['bag']).expanduser()
    if not (bag / 'metadata.yaml').is_file() and not (
            bag.is_file() and bag.suffix in _BAG_FILES):
        raise InputError(f'bag = {given["bag"]!r} is no bag: give the folder that holds its '
                         f'metadata.yaml, or a file that ends in {" or ".join(_BAG_FILES)}')
    _check_topics(bag, given)
    rate = positive('rate', given['rate'])
    require('ros2bag', 'playing a bag', 'ros2bag', 'rosbag2-storage-default-plugins',
            'rosbag2-storage-mcap')
    return ExecuteProcess(
        cmd=['ros2', 'bag', 'play', str(bag), '--clock', '100', '--rate', str(rate), '--delay',
             _SETTLE_S, *(['--loop'] if given['loop'] == 'true' else [])],
        name='bag_play', output='screen', additional_env=environment(given))


def image_topics(given: Mapping[str, str]) -> list[str]:
    """Return the full names of the topics from which the tracker takes images."""
    end = '/compressed' if given['image_transport'] == 'compressed' else ''
    chosen = dict(remappings(given))
    return [_absolute(chosen[f'{camera}/image_raw{end}'], given['namespace'])
            for camera in CAMERAS]


def _check_topics(bag: Path, given: Mapping[str, str]) -> None:
    """Raise InputError for a topic that the bag does not hold, and name those it does."""
    recorded = _recorded_images(bag)
    for camera, topic in zip(CAMERAS, image_topics(given), strict=True):
        if recorded is None or topic in recorded:
            continue
        if f'{topic}/compressed' in recorded:
            remedy = 'give image_transport:=compressed'
        else:
            there = ', '.join(sorted(recorded)) or 'none'
            remedy = f'give {camera}_topic:=... one of its image topics: {there}'
        raise InputError(f'bag = {given["bag"]!r} has no {camera} images on {topic}: {remedy}')


def _recorded_images(bag: Path) -> set[str] | None:
    """Return the names of the image topics in a bag; None where only its data tell."""
    try:
        content: Any = yaml.safe_load((bag / 'metadata.yaml').read_text(encoding='utf-8'))
        topics = [item['topic_metadata'] for item in
                  content['rosbag2_bagfile_information']['topics_with_message_count']]
        return {str(item['name']) for item in topics if str(item['type']).endswith('Image')}
    except NotADirectoryError:
        return None
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f'bag = {str(bag)!r} has a metadata.yaml that cannot be read ({error}): '
                         'mend it with ros2 bag reindex') from error


def _absolute(topic: str, namespace: str) -> str:
    if topic.startswith('/'):
        return topic
    return '/' + '/'.join(filter(None, [namespace.strip('/'), topic]))
