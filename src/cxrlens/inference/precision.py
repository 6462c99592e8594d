"""The arithmetic that an engine may answer in.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

Precision = Literal["float32", "bfloat16", "int8"]
"""`float32` is the reference; `bfloat16` keeps 8 bits of each number's 24; `int8` multiplies whole
numbers of 8 bits, with scales measured on a sample (`QuantisedNetwork`)."""
