"""The process that does the file checks; it holds no model: `python -m … ROOM SERVER`.

SPDX-License-Identifier: Apache-2.0
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from cxrlens.serving.checking import check, give_up
from cxrlens.serving.jobs import CHECKS, MOST_ATTEMPTS, Job
from cxrlens.serving.room import join_room
from cxrlens.serving.working import watch_parent, work


def main(folder: Path, server: int) -> None:
    """Check the images of a room until its server, the process with that id, is gone."""
    is_over = watch_parent(server)
    room = join_room(folder)

    def do(jobs: Sequence[Job]) -> None:
        for one in jobs:
            (give_up if one.attempts > MOST_ATTEMPTS else check)(room, one)

    work(room, CHECKS, do, is_over)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
