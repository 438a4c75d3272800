# SPDX-License-Identifier: Apache-2.0
"""The security policy allows what the node really uses, and nothing more."""
from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ros_rig import TrackerRig

from rgbt_tracker_ros.ros.processes import config_file

pytestmark = pytest.mark.ros

NODE = 'rgbt_tracker'


def allowed(enclave: str) -> dict[str, set[str]]:
    """Return the full names the policy allows, by kind of use."""
    profile = ElementTree.parse(config_file('sros2_policy.xml')).find(
        f".//enclave[@path='/{enclave}']/profiles/profile")
    assert profile is not None
    assert (profile.get('ns'), profile.get('node')) == ('/', enclave)
    names: dict[str, set[str]] = {}
    for rule in profile:
        ((use, qualifier),) = rule.attrib.items()
        assert qualifier == 'ALLOW'
        names.setdefault(use, set()).update(
            full_name(item.text or '', enclave) for item in rule)
    return names


def full_name(name: str, node: str) -> str:
    return name if name.startswith('/') else '/' + name.replace('~', node)


def used(**parameters: object) -> dict[str, set[str]]:
    """Return what a running node publishes, subscribes to and offers."""
    with TrackerRig() as rig:
        rig.start('tracker_node', **parameters)
        rig.until(lambda: rig.node.count_publishers(f'/{NODE}/detections'), 'publisher')
        rig.until(lambda: rig.node.count_subscribers(f'/{NODE}/init_box'), 'subscriber')
        rig.spin(0.5)
        queries = {'publish': rig.node.get_publisher_names_and_types_by_node,
                   'subscribe': rig.node.get_subscriber_names_and_types_by_node,
                   'reply': rig.node.get_service_names_and_types_by_node}
        return {use: {name for name, _ in query(NODE, '/')} for use, query in queries.items()}


def test_policy_is_what_the_node_uses_in_all_its_settings():
    plain = used()
    other = used(image_transport='compressed', registration__source='camera_info',
                 use_sim_time=True)
    together = {use: names | other[use] for use, names in plain.items()}
    # Newer distributions than the running one may offer more services.
    policy = allowed(NODE)
    assert policy['publish'] == together['publish']
    assert policy['subscribe'] == together['subscribe']
    assert policy['reply'] == together['reply'] | {f'/{NODE}/get_type_description'}


def test_operator_reaches_only_the_public_interface():
    tracker, operator = allowed(NODE), allowed('rgbt_operator')
    everybody = {'/parameter_events', '/rosout'}
    assert operator['subscribe'] <= tracker['publish']
    assert operator['publish'] - everybody <= tracker['subscribe']
    assert operator['request'] == {f'/{NODE}/reset', f'/{NODE}/enable'}
