"""Other programs speak with a reading room.

SPDX-License-Identifier: Apache-2.0
"""
