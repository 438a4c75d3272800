# SPDX-License-Identifier: Apache-2.0
"""Topics without rclpy's own watch over incompatible qualities of service.

rclpy looks after two more objects per topic in each turn of its executor, to log one line when a
partner does not fit: a third of the turn's time, between two images. What the node subscribes to
is diagnosed in its own words (`camera_watch`); who subscribes to it hears from its own side.
"""
from __future__ import annotations

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:     # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

UNWATCHED_PUBLISHER = PublisherEventCallbacks(use_default_callbacks=False)
UNWATCHED_SUBSCRIPTION = SubscriptionEventCallbacks(use_default_callbacks=False)
