"""The reading room: people read, and the model reads beside them.

SPDX-License-Identifier: Apache-2.0
"""
