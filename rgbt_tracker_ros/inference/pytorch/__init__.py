# SPDX-License-Identifier: Apache-2.0
"""Runs a model bundle's own ONNX graphs by PyTorch, on a GPU where there is one."""
