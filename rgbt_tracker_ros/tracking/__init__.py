# SPDX-License-Identifier: Apache-2.0
"""The tracker around a network: state, decoding, template memory."""
