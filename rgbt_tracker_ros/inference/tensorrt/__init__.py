# SPDX-License-Identifier: Apache-2.0
"""Model bundles on NVIDIA GPUs by TensorRT 8.5 to 11 and TensorRT-RTX."""
