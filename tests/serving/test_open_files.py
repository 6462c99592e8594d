"""The limit on open files is raised as far as it goes.

SPDX-License-Identifier: Apache-2.0
"""

import subprocess
import sys

import pytest

ASK = """
import resource, sys
from cxrlens.serving.open_files import allow_open_files
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(allow_open_files(wanted), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "result"),
    [
        (256, 4096, 2048, "2048 2560 4096"),
        (256, 1024, 2048, "512 1024 1024"),
        (3000, 4096, 2048, "2048 3000 4096"),
        (256, 300, 2048, "1 300 300"),
    ],
)
def test_limits(soft: int, hard: int, wanted: int, result: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(soft), str(hard), str(wanted)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == result
