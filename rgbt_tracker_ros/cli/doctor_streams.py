# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker doctor --bag`: what a recording tells about cameras, stamps and synchronising."""
from __future__ import annotations

import heapq
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import SyncSettings

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.stream_check import StreamCheck

_WORTH_SETTING_S = 0.01
_ROWS = {'frames': 'frames', 'encodings': 'encoding', 'sizes': 'size', 'rate_hz': 'rate, Hz',
         'jitter_ms': 'jitter, ms', 'gaps': 'gaps', 'longest_gap_s': 'longest gap, s',
         'zero_stamps': 'stamps of zero', 'backward_stamps': 'stamps not after the last',
         'repeated_images': 'repeated images', 'unreadable_images': 'unreadable images',
         'record_lag_ms': 'stamp to record, ms'}


def examine_bag(path: Path, rgb_topic: str | None, thermal_topic: str | None,
                settings: SyncSettings, json_file: Path | None) -> None:
    """Examine the images of a ROS 2 bag."""
    from rgbt_tracker_ros.bags.reader import BagReader
    from rgbt_tracker_ros.benchmark.stream_check import StreamCheck
    from rgbt_tracker_ros.cli.console import progress
    from rgbt_tracker_ros.pipeline.conversion import rgb_image, thermal_image
    from rgbt_tracker_ros.pipeline.header import seconds

    check = StreamCheck()
    with BagReader(path) as reader:
        topics = reader.cameras(rgb_topic, thermal_topic)
        cameras = {topics.rgb: 'rgb', topics.thermal: 'thermal'}
        total = sum(topic.count for topic in reader.topics if topic.name in topics.names)
        for recorded in progress(reader.messages(topics.names), 'reading', total):
            camera, message = cameras[recorded.topic], recorded.message
            try:
                image = (rgb_image if camera == 'rgb' else thermal_image)(message)
            except InputError:
                image = None
            encoding = getattr(message, 'encoding', None) or message.format
            check.add(camera, recorded.time * 1e-9, seconds(message.header.stamp), image,
                      str(encoding))
    _say(check, settings, json_file, {'bag': str(path), 'rgb': topics.rgb,
                                      'thermal': topics.thermal})


def examine_recordings(rgb: str, thermal: str, settings: SyncSettings,
                       json_file: Path | None) -> None:
    """Examine two plain recordings, which begin at the same time and have no stamps."""
    from rgbt_tracker_ros.benchmark.recording import DEFAULT_RATE
    from rgbt_tracker_ros.benchmark.sources import open_source
    from rgbt_tracker_ros.benchmark.stream_check import StreamCheck
    from rgbt_tracker_ros.cli.console import progress

    check = StreamCheck()
    sources = {'rgb': open_source(rgb, 'rgb'), 'thermal': open_source(thermal, 'thermal')}

    def timed(camera: str) -> Any:
        rate = sources[camera].rate or DEFAULT_RATE
        for number, image in enumerate(sources[camera].frames(), 1):
            yield number / rate, camera, image

    frames = heapq.merge(timed('rgb'), timed('thermal'), key=lambda item: item[0])
    for time, camera, image in progress(frames, 'reading'):
        check.add(camera, time, None, image, str(image.dtype))
    _say(check, settings, json_file, {'rgb': rgb, 'thermal': thermal})


def _say(check: StreamCheck, settings: SyncSettings, json_file: Path | None,
         facts: dict[str, Any]) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.cli.console import console, warn

    report = {**facts, **check.report(settings)}
    if json_file is not None:
        write_json(json_file, report)
    table = Table()
    table.add_column('')
    for name in ('rgb', 'thermal'):
        table.add_column(f'{name}\n{facts[name] or "missing"}', justify='right')
    for key, title in _ROWS.items():
        table.add_row(title, *(_text(report['cameras'][name][key]) for name in ('rgb', 'thermal')))
    console().print(table)
    for item in report['pairs']:
        console().print(
            f'sync.thermal_offset = {item["thermal_offset"]:g}: {item["pairs"]} pairs, |dt| mean '
            f'{_text(item["mean_dt_ms"])} ms, max {_text(item["max_dt_ms"])} ms', soft_wrap=True)
    for note in report['notes']:
        warn(note)
    offset = report['offset']
    console().print(f'by content: {offset["words"]} (confidence {offset["confidence"]:.2f})',
                    soft_wrap=True)
    if offset['certain'] and abs(offset['seconds'] - settings.thermal_offset) > _WORTH_SETTING_S:
        console().print('/**:\n  ros__parameters:\n    sync:\n'
                        f'      thermal_offset: {offset["seconds"]:.3f}')


def _text(value: Any) -> str:
    if value is None:
        return '-'
    if isinstance(value, list):
        return ', '.join(value) or '-'
    if isinstance(value, dict):
        return f'{value["median"]:.1f} ({value["min"]:.1f} to {value["max"]:.1f})'
    return f'{value:.3g}' if isinstance(value, float) else str(value)
