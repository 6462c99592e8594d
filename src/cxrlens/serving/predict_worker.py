"""The process that holds the model: `python -m … ROOM BUNDLE ENGINE PRECISION SERVER`.

SPDX-License-Identifier: Apache-2.0

With `BUNDLE` alone it loads the model, checks it, says what the pages must know of it, and ends.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from cxrlens.inference import EngineName, Precision
from cxrlens.model import load
from cxrlens.serving.answering import (
    decide_left,
    explain,
    give_up,
    note_preparation,
    predict,
    tell_facts,
)
from cxrlens.serving.jobs import ANSWERS, MOST_ATTEMPTS, Job
from cxrlens.serving.room import join_room, read_state
from cxrlens.serving.working import watch_parent, work
from cxrlens.vocabulary import BundleError, CxrlensError


def main(arguments: Sequence[str]) -> int:
    """Answer for the images of a room until its server is gone, or describe a model.

    Args:
        arguments: as the first lines of this file say.

    Returns:
        Exit code; 2 where the bundle cannot be loaded, with one sentence on stderr.
    """
    try:
        if len(arguments) == 1:
            _describe(Path(arguments[0]))
        else:
            _answer(*arguments)
    except CxrlensError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the server reads it
        return error.exit_code
    return 0


def _describe(bundle: Path) -> None:
    facts = tell_facts(load(bundle))
    plain = {
        **asdict(facts),
        "bundle": facts.bundle.model_dump(),
        "classes": [one.model_dump() for one in facts.classes],
    }
    print(json.dumps(plain))  # noqa: T201 - the server reads it


def _answer(folder: str, bundle: str, engine: str, precision: str, server: str) -> None:
    is_over = watch_parent(int(server))
    room = join_room(Path(folder))
    model = load(bundle, engine=cast("EngineName", engine), precision=cast("Precision", precision))
    with room.database.read() as connection:
        expected = read_state(connection).bundle
    if model.bundle.record.digest != expected:
        raise BundleError(
            f"the model in '{bundle}' is not the one that the room was opened with "
            f"({model.bundle.record.digest[:12]}… for {expected[:12]}…): stop the room, and start "
            "it again with the model that is meant"
        )

    with room.database.write() as connection:
        note_preparation(connection, model)
    decide_left(room)

    def do(jobs: Sequence[Job]) -> None:
        if jobs[0].attempts > MOST_ATTEMPTS:
            give_up(room, jobs[0])
        elif jobs[0].kind == "explain":
            explain(room, model, jobs[0])
        else:
            predict(room, model, jobs)

    work(room, ANSWERS, do, is_over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
