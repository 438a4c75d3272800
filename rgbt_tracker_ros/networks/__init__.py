# SPDX-License-Identifier: Apache-2.0
"""PyTorch networks and their export; nothing here is needed to run a tracker."""
