# SPDX-License-Identifier: Apache-2.0
"""Data engine, losses and recipes that make a model bundle."""
