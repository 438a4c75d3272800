# SPDX-License-Identifier: Apache-2.0
"""Training samples made as whole batches on the device that trains."""
