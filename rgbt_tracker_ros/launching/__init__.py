# SPDX-License-Identifier: Apache-2.0
"""What the launch files have in common; needs `launch` and `launch_ros`."""
