# SPDX-License-Identifier: Apache-2.0
"""Every run time on one GPU: whether they agree with the CPU, and how fast they are."""
