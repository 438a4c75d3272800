# SPDX-License-Identifier: Apache-2.0
"""Evaluation protocols: who tracks what, where, and what is kept of it."""
