# SPDX-License-Identifier: Apache-2.0
"""Model bundles and the backends that run them."""
