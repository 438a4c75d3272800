# SPDX-License-Identifier: Apache-2.0
"""Images in: pairs, crops, normalisation, registration, health, synchronising."""
