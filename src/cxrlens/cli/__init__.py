"""The command line.

SPDX-License-Identifier: Apache-2.0
"""
