# SPDX-License-Identifier: Apache-2.0
"""Trackers side by side: plots, tables and a page that holds everything."""
