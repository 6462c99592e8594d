import subprocess
import sys

import pytest

from cxrlens.client import ReadingRoom, answer


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_schemathesis_finds_no_fault(start_room, phantoms, tmp_path) -> None:
    served = start_room("assistance")
    ids = served.upload(phantoms[:3], patient_id="A1")
    served.wait_checked(ids)
    with ReadingRoom(served.url, served.token) as room:
        room.commit(ids[0], answer(served.classes, ["normal"]))
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json",
            "-H", f"Authorization: Bearer {served.token}",
            # A stream without an end; it has its own test.
            "--exclude-path", "/api/v1/events",
            "--max-examples", "25", "--continue-on-failure", "--no-color", "--seed", "7",
            "--generation-database", "none",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[done.stdout.find("FAILURES") :] + done.stderr[-2000:]
    assert "0 generated" not in done.stdout
