# SPDX-License-Identifier: Apache-2.0
"""The rgbt-tracker command, one file a sub-command."""
