# SPDX-License-Identifier: Apache-2.0
"""Generated RGB-thermal sequences with exact ground truth, and image faults."""
