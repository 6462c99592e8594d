"""Where collections and weights come from."""

import pytest

from cxrlens.audit.lineage import (
    judge_lineage,
    list_collections,
    name_collection,
    recognise_collections,
    recognise_weights,
    trace,
)
from cxrlens.data import StudyTable, make_frame
from cxrlens.vocabulary import InputError

XRV = "torchxrayvision densenet121-res224-all"
NIH = "NIH ChestX-ray14"


def test_every_row_says_who_says_so() -> None:
    rows = trace(list_collections())
    assert len(rows) >= 15
    for row in rows:
        assert row.subject in list_collections()
        assert row.object in list_collections()
        assert row.source
        assert row.version
        assert row.date
        assert row.url.startswith("https://") or row.is_from_memory


@pytest.mark.parametrize("tested", ["NIH", "rsna", "SIIM", "ChestX-Det", "COVIDx", "padchest"])
def test_testing_on_what_weights_were_trained_on_is_named(tested: str) -> None:
    gate = judge_lineage([name_collection(tested)], [XRV])
    assert gate.is_passed is False
    assert name_collection(tested) in gate.told


def test_unknown_is_said_and_apart_is_apart() -> None:
    assert judge_lineage([NIH], []).is_passed is None
    assert judge_lineage([], [XRV]).is_passed is None
    assert judge_lineage([name_collection("kermany")], [XRV]).is_passed is True


def test_a_collection_of_no_known_name_is_refused_with_a_hint() -> None:
    with pytest.raises(InputError, match="did you mean 'chexpert'"):
        name_collection("chexprt")


def test_sources_and_names_are_recognised() -> None:
    columns = {
        "image": ["d/00000013_005.png", "d/person1_virus_2.jpeg", "d/x.png"],
        "label": ["a", "b", "a"],
        "source": [None, None, "ieee8023"],
    }
    table = StudyTable(make_frame(columns), ("a", "b"), "d")
    found = recognise_collections(table)
    assert set(found) == {
        NIH, "Kermany (paediatric pneumonia)", "covid-chestxray-dataset (ieee8023)",
    }  # fmt: skip
    assert recognise_weights("nih-pc-chex-mimic_ch-google-openi-rsna-d121.pt sha256:0") == (XRV,)
    assert recognise_weights("imagenet (timm/resnet34.a1_in1k)") == ()
