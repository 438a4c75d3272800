# SPDX-License-Identifier: Apache-2.0
"""Readers of the field's datasets, in the folders in which they are distributed."""
