import json
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_reaches_what_it_promises(demo) -> None:
    assert demo.outcome.code == 0, demo.outcome.err
    facts = json.loads(demo.outcome.out)
    assert facts["is_phantom"]
    assert facts["evaluation"]["macro_auroc"]["value"] >= 0.98
    assert len(facts["maps"]["per_class"]) == 3
    for disease in facts["maps"]["per_class"]:
        assert disease["n_images"] == 120
        assert disease["pointing_game"]["value"] >= 0.90, disease
    assert facts["difficulty"]
    assert all(measure["is_met"] for measure in facts["difficulty"])
    page = Path(demo.folder, facts["folder"], "report.html").read_text()
    assert "says nothing about patients" in page
