# SPDX-License-Identifier: Apache-2.0
"""Scores, datasets and timing."""
