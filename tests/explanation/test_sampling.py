"""Hidden pieces against a slow second writing of the loop, and against that of the `lime` package.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from lime.lime_image import LimeImageExplainer

from cxrlens.explanation.hiding import hide_all
from cxrlens.explanation.sampling import BATCH, Samples, draw_samples
from cxrlens.explanation.superpixels import segment
from cxrlens.inference import TorchEngine
from cxrlens.inference.engine import EngineOutput
from cxrlens.vocabulary import GreyImage, HideColor, InputError, LimeSettings


def gather(
    engine: TorchEngine, pixels: GreyImage, settings: LimeSettings, *, is_multilabel: bool = False
) -> Samples:
    pieces = segment(pixels, settings.segments, settings.n_segments)
    parts = draw_samples(engine, pixels, pieces, settings, is_multilabel=is_multilabel)
    return Samples(*map(np.concatenate, zip(*parts, strict=True)))


def answer_slowly(engine: TorchEngine, image: np.ndarray, *, is_multilabel: bool) -> np.ndarray:
    with torch.inference_mode():
        logits = engine.network(torch.tensor(image)[None, None]).logits[0].double().numpy()
    raised = np.exp(logits)
    return raised / (1 + raised) if is_multilabel else raised / raised.sum()


@pytest.mark.parametrize("is_multilabel", [False, True])
@pytest.mark.parametrize("hide_color", [0.0, 0.3, "mean", "blur"])
def test_against_a_loop_over_samples_and_pieces(
    tiny_engine: TorchEngine, small_chest: GreyImage, hide_color: HideColor, is_multilabel: bool
) -> None:
    settings = LimeSettings(n_segments=9, n_samples=BATCH + 7, hide_color=hide_color)
    found = gather(tiny_engine, small_chest, settings, is_multilabel=is_multilabel)
    pieces = segment(small_chest, "slic", 9)
    hidden = hide_all(small_chest, pieces, hide_color)
    assert found.kept[0].all()
    for kept, scores in list(zip(*found, strict=True))[::8]:
        image = small_chest.copy()
        for piece, is_kept in enumerate(kept):
            if not is_kept:
                image[pieces == piece] = hidden[pieces == piece]
        expected = answer_slowly(tiny_engine, image, is_multilabel=is_multilabel)
        np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_first_sample_is_the_image_to_the_bit(
    tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    seen: list[np.ndarray] = []

    class Watched(TorchEngine):
        def run(self, images: np.ndarray) -> EngineOutput:
            seen.append(images.copy())
            return super().run(images)

    settings = LimeSettings(n_samples=20, hide_color=0.7)
    gather(Watched(tiny_engine.network, "cpu"), small_chest, settings)
    np.testing.assert_array_equal(seen[0][0], small_chest)
    assert set(np.unique(seen[0])) <= {*np.unique(small_chest), np.float32(0.7)}


def test_against_the_loop_of_the_lime_package(
    tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    """Its own samples, as its own loop paints them, answered as ours are."""
    pieces = segment(small_chest, "slic", 12)
    colour = np.repeat(small_chest[:, :, None], 3, axis=2)

    def classify(images: np.ndarray) -> np.ndarray:
        logits = tiny_engine.run(images[..., 0]).logits.astype(np.float64)
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    explainer = LimeImageExplainer(random_state=0)
    data, labels = explainer.data_labels(
        colour, np.zeros_like(colour), pieces, classify, 30, batch_size=10
    )
    hidden = hide_all(small_chest, pieces, 0.0)
    images = np.where(data.astype(bool)[:, pieces], small_chest, hidden)
    np.testing.assert_allclose(classify(images[..., None]), labels, atol=1e-6)


def test_fewer_samples_are_the_first_of_more_and_another_seed_is_others(
    tiny_engine: TorchEngine, small_chest: GreyImage
) -> None:
    def take(n: int, seed: int) -> Samples:
        return gather(tiny_engine, small_chest, LimeSettings(n_samples=n, seed=seed))

    few, more, other = take(60, 4), take(110, 4), take(60, 5)
    np.testing.assert_array_equal(few.kept, more.kept[:60])
    np.testing.assert_allclose(few.scores, more.scores[:60], atol=1e-6)
    assert (few.kept != other.kept).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_damaged_weights_are_told_in_one_sentence(
    small_chest: GreyImage, make_damaged: Callable[[float], TorchEngine], value: float
) -> None:
    with pytest.raises(InputError, match=r"answers (nan|inf).*damaged") as error:
        gather(make_damaged(value), small_chest, LimeSettings(n_samples=10))
    assert str(error.value).count(".") == 0
