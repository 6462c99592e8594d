"""How fast this machine is, and how near to its own limit: every figure beside another.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.benchmark.answering_speed import (
    NETWORKS,
    REFERENCE,
    AnsweringSpeed,
    list_precisions,
    measure_answering,
    open_random_model,
)
from cxrlens.benchmark.machine import Machine, describe_machine
from cxrlens.benchmark.race import Rate, race
from cxrlens.benchmark.sample_images import write_sample
from cxrlens.benchmark.speed_chart import draw_speed
from cxrlens.benchmark.speed_report import SpeedReport, list_speeds, write_speed

__all__ = [
    "NETWORKS",
    "REFERENCE",
    "AnsweringSpeed",
    "Machine",
    "Rate",
    "SpeedReport",
    "describe_machine",
    "draw_speed",
    "list_precisions",
    "list_speeds",
    "measure_answering",
    "open_random_model",
    "race",
    "write_sample",
    "write_speed",
]
