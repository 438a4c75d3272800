# SPDX-License-Identifier: Apache-2.0
"""Soak test: the real node, real DDS, and every fault that a robot has, for as long as wanted."""
