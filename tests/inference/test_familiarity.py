"""What a bundle keeps of its training images comes back, or is refused by name.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from sklearn.neighbors import NearestNeighbors

from cxrlens.data import StudyTable, make_frame
from cxrlens.imaging import DecodedImages
from cxrlens.inference import (
    Bundle,
    Familiarity,
    FamiliarRows,
    TorchEngine,
    draw_familiar_rows,
    familiarising,
    fit_familiarity,
    load_bundle,
    save_bundle,
)
from cxrlens.inference.bundle import FAMILIARITY_FILE
from cxrlens.inference.familiarity import FEWEST_CALIBRATING, NEIGHBOURS, restore_familiarity
from cxrlens.inference.preparation import PreparedTable
from cxrlens.vocabulary import BundleError, InputError, TableError, Unfamiliarity, digest_lines

PLACE = Path("bundle") / FAMILIARITY_FILE


def draw_features(n: int, width: int, seed: int = 0) -> np.ndarray:
    """As after a rectifier: not negative."""
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(0.3, 1, (n, width)), 0).astype(np.float32)


def make(width: int = 12, n_bank: int = 80, n_calibrating: int = 40) -> Familiarity:
    return fit_familiarity(
        draw_features(n_bank, width, 1),
        draw_features(n_calibrating, width, 2),
        [f"{i:064x}" for i in range(n_bank + n_calibrating)],
        "validation images",
    )


@pytest.fixture
def known(bundle: Bundle, tmp_path: Path) -> Path:
    """A saved bundle that knows what is familiar."""
    width = bundle.network.backbone.n_features
    save_bundle(replace(bundle, familiarity=make(width)), tmp_path / "known")
    return tmp_path / "known"


def test_p_values_are_those_of_scikit_learn_and_a_count() -> None:
    known = make()
    asked = np.concatenate([draw_features(30, 12, 3), -draw_features(5, 12, 4)])

    def unit(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    judge = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(unit(draw_features(80, 12, 1)))
    calibrating, distances = (
        judge.kneighbors(unit(rows))[0][:, -1] for rows in (draw_features(40, 12, 2), asked)
    )
    for one, distance in zip(known.judge(asked), distances, strict=True):
        assert one.distance == pytest.approx(distance, abs=1e-3)
        # what lies within the rounding to 16 bits may fall on either side
        most = (1 + (calibrating >= distance - 2e-3).sum()) / 41
        least = (1 + (calibrating >= distance + 2e-3).sum()) / 41
        assert least <= one.p_value <= most
    assert all(one.is_out for one in known.judge(asked)[30:])


def test_it_says_which_rows_by_digest_alone_and_how_far_it_can_be_believed() -> None:
    record = make().record
    assert record.rows == digest_lines([f"{i:064x}" for i in range(120)])
    assert (record.n_bank, record.n_calibrating) == (80, 40)
    assert record.limit == pytest.approx(1 / 41)  # 40 cannot give 0.01
    assert make(n_calibrating=98).record.limit == pytest.approx(1 / 99)
    assert make(n_calibrating=99).record.limit == 0.01


def test_a_warning_counts_the_images_that_are_nearer() -> None:
    known = make()
    (one,) = known.judge(-draw_features(1, 12))
    told = known.warn(one)
    assert told is not None
    assert told.reason == "out-of-distribution"
    assert told.message.startswith("less like the training images than 100.0 % of 40 validation")
    some = make(n_calibrating=499)
    told = some.warn(Unfamiliarity(1.0, 3 / 500, 0.01))
    assert told is not None
    assert f"than {100 * 497 / 499:.1f} % of 499" in told.message
    assert some.warn(Unfamiliarity(1.0, 6 / 500, 0.01)) is None


def test_features_that_are_not_finite_are_out() -> None:
    features = draw_features(3, 12)
    features[1, 4] = np.nan
    features[2, 0] = np.inf
    usual, *bad = make().judge(features)
    assert np.isfinite(usual.distance)
    assert [(one.distance, one.is_out) for one in bad] == [(np.inf, True)] * 2


# There and back


def test_there_and_back(known: Path, bundle: Bundle, tmp_path: Path) -> None:
    loaded = load_bundle(known)
    before, after = make(bundle.network.backbone.n_features), loaded.familiarity
    assert after is not None
    assert after.record == before.record == loaded.record.familiarity
    np.testing.assert_array_equal(after.bank, before.bank)
    np.testing.assert_array_equal(after.distances, before.distances)
    images = np.random.default_rng(0).random((4, 64, 64), dtype=np.float32)
    features = TorchEngine(loaded.network, "cpu").run(images).features
    assert after.judge(features) == before.judge(features)
    save_bundle(loaded, tmp_path / "again")
    for path in known.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert "80 training images and 40 validation images" in (known / "card.md").read_text()


def test_a_bundle_without_it_has_none(folder: Path) -> None:
    loaded = load_bundle(folder)
    assert (loaded.familiarity, loaded.record.familiarity) == (None, None)
    assert not (folder / FAMILIARITY_FILE).exists()
    assert "not recognised" in (folder / "card.md").read_text()


def test_damage_and_another_bundle_s_file_are_refused_by_name(
    known: Path, bundle: Bundle, tmp_path: Path
) -> None:
    path = known / FAMILIARITY_FILE
    good = path.read_bytes()
    other = make(bundle.network.backbone.n_features, n_bank=81)
    save_bundle(replace(bundle, familiarity=other), tmp_path / "other")
    for bad in (
        good[:-1],
        b"",
        good[:100] + bytes([good[100] ^ 1]) + good[101:],
        (tmp_path / "other" / FAMILIARITY_FILE).read_bytes(),
    ):
        path.write_bytes(bad)
        with pytest.raises(BundleError, match=f"{FAMILIARITY_FILE} has SHA-256"):
            load_bundle(known)
    path.unlink()
    with pytest.raises(BundleError, match=f"{FAMILIARITY_FILE} cannot be read"):
        load_bundle(known)


@pytest.mark.parametrize("fault", ["text", "shape", "width", "kind", "nan", "missing"])
def test_bytes_that_are_not_what_the_record_says(fault: str) -> None:
    """Even where every digest is right."""
    known = make()
    data = save({"bank": known.bank, "distances": known.distances})
    restore_familiarity(known.record, 12, data, PLACE)
    arrays = load(data)
    if fault == "shape":
        arrays["distances"] = arrays["distances"][:-1]
    elif fault == "kind":
        arrays["bank"] = arrays["bank"].astype(np.float32)
    elif fault == "nan":
        arrays["bank"] = np.full_like(arrays["bank"], np.nan)
    elif fault == "missing":
        del arrays["bank"]
    data = b"{}" if fault == "text" else save(arrays)
    with pytest.raises(BundleError, match=FAMILIARITY_FILE):
        restore_familiarity(known.record, 13 if fault == "width" else 12, data, PLACE)


# What cannot be fitted


def test_too_few_images_are_refused() -> None:
    with pytest.raises(TableError, match="49 images that the model was trained on are too few"):
        make(n_bank=49)
    with pytest.raises(TableError, match=f"give {FEWEST_CALIBRATING} or more"):
        make(n_calibrating=FEWEST_CALIBRATING - 1)
    make(n_bank=50, n_calibrating=FEWEST_CALIBRATING)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_cannot_be_fitted(value: float) -> None:
    bank, calibrating = draw_features(60, 12), draw_features(30, 12)
    bank[7, 3] = value
    with pytest.raises(InputError, match="features of 1 of 90 images are not finite"):
        fit_familiarity(bank, calibrating, ["0"] * 90, "validation images")


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1, float("nan")])
def test_a_limit_that_is_no_share_is_refused(limit: float) -> None:
    features = draw_features(60, 12)
    with pytest.raises(InputError, match=f"{limit:g} is no share"):
        fit_familiarity(features, features, ["0"] * 120, "validation images", limit)


def test_of_many_images_one_of_each_patient_comes_first(
    prepared: PreparedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(familiarising, "MOST_KEPT", 60)
    rows = np.arange(120)
    every = FamiliarRows(rows[:90], rows[90:], "others")
    drawn = draw_familiar_rows(prepared, every, seed=0)
    patients = prepared.table.frame["patient_id"].to_numpy()
    # 90 rows of 45 patients: all of them, and 15 once more
    assert len(drawn.bank) == 60
    assert len({*patients[drawn.bank]}) == 45
    assert (np.diff(drawn.bank) > 0).all()
    # rows 90 and 91 are copies of training images
    assert drawn.calibrating.tolist() == list(range(92, 120))
    again = draw_familiar_rows(prepared, every, seed=0)
    assert again.bank.tolist() == drawn.bank.tolist()
    other = draw_familiar_rows(prepared, every, seed=1)
    assert other.bank.tolist() != drawn.bank.tolist()


@pytest.fixture
def prepared() -> PreparedTable:
    """120 rows of 60 patients; rows 90 and 91 have the bytes of rows 0 and 1."""
    n = 120
    names = {"image": [f"{i}.png" for i in range(n)]}
    frame = make_frame({**names, "patient_id": [f"p{i // 2}" for i in range(n)]})
    digests = [f"{i:064x}" for i in range(n)]
    digests[90:92] = digests[:2]
    images = DecodedImages(
        np.zeros((n, 16, 16), dtype=np.uint16), np.arange(n), (), ((16, 16),) * n,
        tuple(digests), np.ones(n, dtype=np.int64), ((),) * n,
    )  # fmt: skip
    return PreparedTable(StudyTable(frame, (), "."), images)
