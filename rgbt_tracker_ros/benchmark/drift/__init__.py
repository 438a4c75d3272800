# SPDX-License-Identifier: Apache-2.0
"""How far other backends and precisions move a tracker's boxes from those of the reference."""
