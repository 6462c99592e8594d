"""A DICOM file becomes the pixels that it wants to be shown, or the reason why not.

SPDX-License-Identifier: Apache-2.0
"""
