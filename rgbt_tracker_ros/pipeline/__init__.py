# SPDX-License-Identifier: Apache-2.0
"""From the messages of two cameras to the target, without any import of ROS."""
