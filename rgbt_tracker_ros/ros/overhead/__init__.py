# SPDX-License-Identifier: Apache-2.0
"""What the node costs beyond its network, beside a node that does nothing at all."""
