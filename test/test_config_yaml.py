# SPDX-License-Identifier: Apache-2.0
"""The parameter file that is shipped says the same as the settings."""
from __future__ import annotations

from pathlib import Path
import xml.etree.ElementTree as Xml

import pytest
import yaml

from rgbt_tracker_ros.settings import Settings

CONFIG = Path(__file__).resolve().parents[1] / 'config'
TEXT = (CONFIG / 'tracker.yaml').read_text()


def flattened(values, before=''):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flattened(value, f'{before}{name}.')
        else:
            yield before + name, tuple(value) if isinstance(value, list) else value


def test_every_default_is_in_the_file_and_nothing_else():
    parameters = dict(flattened(yaml.safe_load(TEXT)['/**']['ros__parameters']))
    assert parameters == Settings().flat()
    assert {name: type(value) for name, value in parameters.items()} == {
        name: type(value) for name, value in Settings().flat().items()}


def test_every_parameter_is_explained_in_the_file():
    words = ' '.join(TEXT.replace('#', ' ').split())
    for name, _, spec in Settings().items():
        assert ' '.join(spec.doc.split()) in words, name


@pytest.mark.ros
def test_the_dds_profile_holds_images_and_reaches_every_machine():
    root = Xml.parse(CONFIG / 'dds_shared_memory.xml').getroot()
    found = {item.tag.rpartition('}')[2]: (item.text or '').strip() for item in root.iter()}
    assert found['segment_size'] == str(64 * 2**20)
    assert 'interfaceWhiteList' not in found     # else cameras without this profile are not seen
    assert found['useBuiltinTransports'] == 'false'


def test_rviz_shows_images_that_the_node_publishes_in_any_namespace():
    manager = yaml.safe_load((CONFIG / 'tracker.rviz').read_text())['Visualization Manager']
    topics = {item['Topic']['Value'] for item in manager['Displays']
              if item['Class'] == 'rviz_default_plugins/Image' and item['Enabled']}
    assert topics == {'rgbt_tracker/annotated_image', 'rgbt_tracker/fused_image'}
