# SPDX-License-Identifier: Apache-2.0
"""Engines: graphs compiled for one GPU, kept in a cache that mends itself."""
