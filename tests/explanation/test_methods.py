"""Every method keeps the promises of `Method`, on every kind of network.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cxrlens.explanation import METHODS, Maps, Question, find_method, make_heatmaps
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import Geometry, InputError

BuildEngine = Callable[..., TorchEngine]
Ask = Callable[..., Question]

QUICK: dict[str, dict[str, object]] = {
    "occlusion": {"patch": 16, "stride": 16},
    "rise": {"n_masks": 40},
    "integrated-gradients": {"n_steps": 4},
    "smoothgrad": {"n_samples": 4},
    "mean-mask": {"mean_mask": [[0.0, 0.5], [1.0, 0.25]]},
}
"""Settings that make a method cheap, or possible."""

ON_LAYERS = ["gradcam", "gradcam++", "hirescam", "layercam", "scorecam", "eigencam"]

LOOKING = [name for name, method in METHODS.items() if not method.is_baseline]


def make(name: str, engine: TorchEngine, question: Question, **options: object) -> Maps:
    method = find_method(name)
    return method.make(engine, question, method.read_settings({**QUICK.get(name, {}), **options}))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n_classes", [1, 3])
def test_one_finite_map_an_image(
    name: str, n_classes: int, build_engine: BuildEngine, ask: Ask
) -> None:
    # A single class has a sigmoid: softmax over it alone would say nothing.
    question = replace(ask(3, n_classes=n_classes), is_multilabel=n_classes == 1)
    maps = make(name, build_engine(n_classes=n_classes), question)
    assert maps.dtype == np.float32
    assert maps.ndim == 3
    assert len(maps) == 3
    assert np.isfinite(maps).all()
    assert np.ptp(maps) > 0
    assert METHODS[name].is_signed or maps.min() >= 0


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_gives_what_single_images_give(
    name: str, engine: TorchEngine, question: Question
) -> None:
    together = make(name, engine, question)
    for i in range(len(question)):
        one = slice(i, i + 1)
        alone = make(name, engine, Question(question.pixels[one], question.targets[one]))
        scale = np.abs(together[i]).max()
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-5, atol=1e-5 * scale)


def note_state(network: torch.nn.Module) -> list[Any]:
    noted: list[Any] = []
    for module in network.modules():
        hooks = [module._forward_hooks, module._forward_pre_hooks]
        hooks += [module._backward_hooks, module._backward_pre_hooks]
        noted.append((module.training, *(dict(hook) for hook in hooks)))
    for tensor in network.parameters():
        noted.append((tensor.requires_grad, None if tensor.grad is None else tensor.grad.clone()))
    return noted


@pytest.mark.parametrize("is_frozen", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_the_network_is_left_as_it_was(
    name: str, is_frozen: bool, engine: TorchEngine, question: Question
) -> None:
    engine.network.requires_grad_(not is_frozen)
    before, answer = note_state(engine.network), engine.run(question.pixels)
    draws = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    maps = make(name, engine, question)
    assert note_state(engine.network) == before
    after = engine.run(question.pixels)
    assert np.array_equal(after.logits, answer.logits)
    assert np.array_equal(after.maps, answer.maps)
    assert torch.equal(torch.random.get_rng_state(), draws[0])
    assert np.array_equal(np.random.get_state()[1], draws[1])
    assert np.array_equal(make(name, engine, question), maps)


class _Stumble(Exception):
    pass


@pytest.mark.parametrize("name", LOOKING)
def test_it_is_left_as_it_was_after_an_error(
    name: str, engine: TorchEngine, question: Question
) -> None:
    """The head stumbles at once; for methods that look before they alter, a run later."""
    runs = []

    def stumble(*_: object) -> None:
        runs.append(1)
        if len(runs) == (1 if name not in ("scorecam", "occlusion", "rise") else 2):
            raise _Stumble

    handle = engine.network.head.register_forward_hook(stumble)
    before, draws = note_state(engine.network), torch.random.get_rng_state()
    with pytest.raises(_Stumble):
        make(name, engine, question)
    assert note_state(engine.network) == before
    assert torch.equal(torch.random.get_rng_state(), draws)
    handle.remove()


@pytest.mark.parametrize("name", LOOKING)
def test_callers_may_have_switched_gradients_off(
    name: str, engine: TorchEngine, question: Question
) -> None:
    expected = make(name, engine, question)
    with torch.no_grad():
        np.testing.assert_array_equal(make(name, engine, question), expected)
    with torch.inference_mode():
        np.testing.assert_array_equal(make(name, engine, question), expected)


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("where", ["first", "output bias"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_without_numbers_makes_no_map(
    name: str, where: str, value: float, engine: TorchEngine, question: Question
) -> None:
    with torch.no_grad():
        if where == "first":
            next(engine.network.backbone.parameters()).view(-1)[0] = value
        else:
            engine.network.head.output.bias[:] = value
    assert not np.isfinite(engine.run(question.pixels).logits).any()
    whole = Geometry((64, 64), (64, 64), 0.0, 0.0, 64.0, 64.0)
    for grid in make(name, engine, question):
        (heatmap,) = make_heatmaps(grid[None], ["a"], whole, method=name)
        assert not heatmap.is_usable


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_constant_image_has_a_finite_map(name: str, value: float, engine: TorchEngine) -> None:
    question = Question(np.full((1, 64, 64), value, dtype=np.float32), np.array([1]))
    assert np.isfinite(make(name, engine, question)).all()


FAMILIES = {
    "resnet18": 64,
    "densenet121": 64,
    "mobilenetv2_100": 64,
    "efficientnet_b0": 64,
    "convnext_atto": 64,
    "vit_tiny_patch16_224": 64,
    "swin_tiny_patch4_window7_224": 64,
    "inception_v3": 80,
    "compact": 64,
    "residual": 64,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layer_is_found_in_every_family(
    family: str, build_engine: BuildEngine, ask: Ask
) -> None:
    side = FAMILIES[family]
    engine, question = build_engine(family, 2, side), ask(1, side, 2)
    cells = engine.run(question.pixels).maps.shape[2:]
    for name in ("gradcam", "hirescam", "eigencam"):
        maps = make(name, engine, question)
        assert maps.shape == (1, *cells)
        assert np.isfinite(maps).all()
    for name in ("smoothgrad", "integrated-gradients"):
        maps = make(name, engine, question, **({"n_steps": 1} if name[0] == "i" else {}))
        assert maps.shape == (1, side, side)
        assert np.isfinite(maps).all()
        assert np.ptp(maps) > 0


@pytest.mark.parametrize("name", LOOKING)
def test_every_method_sees_transformers(name: str, build_engine: BuildEngine, ask: Ask) -> None:
    maps = make(name, build_engine("vit_tiny_patch16_224", 2, 64), ask(1, 64, 2))
    assert np.isfinite(maps).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gradcam", {"layer": "pooled_mop"}, "unknown layer 'pooled_mop' of CompactNetwork; did "),
        ("gradcam", {"layer": "~"}, "unknown layer '~' of CompactNetwork; known are: "),
        ("gradcam", {"layer": ""}, "unknown layer ''"),
        ("scorecam", {"layer": "head.output"}, "'head.output' gives no map .nothing. when"),
        ("eigencam", {"layer": "head"}, "'head' gives no map .HeadOutput. when"),
        ("gradcam", {"layers": "head"}, "no setting 'layers'; did you mean 'layer'"),
        ("cam", {"layer": "head"}, "'cam' has no setting 'layer'; it takes none"),
        ("occlusion", {"patch": 0}, "patch=0 of method 'occlusion': .* greater than or equal to 1"),
        ("occlusion", {"patch": 65}, "patch=65 .* larger than the network's input of 64 x 64"),
        ("occlusion", {"patch": 8, "stride": 9}, "stride=9 .* larger than the patch=8"),
        ("occlusion", {"fill": "red"}, "fill='red' of method 'occlusion'"),
        ("rise", {"p": 1.0}, "p=1.0 of method 'rise'"),
        ("rise", {"n_masks": "many"}, "n_masks='many' of method 'rise'"),
        ("integrated-gradients", {"n_steps": 0}, "n_steps=0 of method 'integrated-gradients'"),
        ("smoothgrad", {"sigma": -1}, "sigma=-1 of method 'smoothgrad'"),
        ("random", {"seed": -1}, "seed=-1 of method 'random'"),
        ("centre", {"sigma": 0}, "sigma=0 of method 'centre'"),
        ("centre", {"sigma": 1e-200}, "sigma=1e-200 of method 'centre': .* or equal to 0.01"),
        ("centre", {"sigma": math.inf}, "sigma=inf of method 'centre'"),
        ("random", {"sigma": math.inf}, "sigma=inf of method 'random'"),
        ("random", {"sigma": 1e9}, "sigma=1000000000.0 of method 'random': .* or equal to 1"),
        ("smoothgrad", {"sigma": math.inf}, "sigma=inf of method 'smoothgrad'"),
        ("smoothgrad", {"sigma": math.nan}, "sigma=nan of method 'smoothgrad'"),
        ("smoothgrad", {"n_samples": 10**9}, "n_samples=1000000000 of method 'smoothgrad'"),
        ("smoothgrad", {"seed": 2**64}, "seed=18446744073709551616 of method 'smoothgrad'"),
        ("rise", {"cells": 5000}, "cells=5000 of method 'rise': .* or equal to 32"),
        ("rise", {"n_masks": 10**9}, "n_masks=1000000000 of method 'rise'"),
        ("rise", {"p": 1e-320}, "p=1e-320 of method 'rise'"),
        ("mean-mask", {"mean_mask": None}, "needs the setting mean_mask, .*`cxrlens explain-card`"),
        ("mean-mask", {"mean_mask": [1.0]}, "rows x columns of shares .* got float64 of 1"),
        ("mean-mask", {"mean_mask": [[2.0]]}, "got float64 of 1 x 1 from 2.0 to 2.0"),
        ("mean-mask", {"mean_mask": [["a"]]}, "got <U1 of 1 x 1"),
        ("mean-mask", {"mean_mask": "no.png"}, "mean mask 'no.png' cannot be read"),
    ],
)
def test_bad_settings_are_told_in_one_sentence(
    name: str, options: dict[str, object], message: str, engine: TorchEngine, question: Question
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make(name, engine, question, **options)
    assert "\n" not in str(caught.value)


def test_settings_may_be_words(engine: TorchEngine, question: Question) -> None:
    """As they come from a command line."""
    for fill in ("0", "mean", "blur"):
        made = make("occlusion", engine, question, patch="16", stride="16", fill=fill)
        assert made.shape == (2, 64, 64)
    black = make("occlusion", engine, question, fill="0")
    np.testing.assert_array_equal(black, make("occlusion", engine, question, fill=0))


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_a_mean_mask_is_read_from_a_file(
    dtype: type, white: int, tmp_path: Path, engine: TorchEngine, question: Question
) -> None:
    grid = np.random.default_rng(0).integers(0, white + 1, (5, 7)).astype(dtype)
    Image.fromarray(grid).save(tmp_path / "mask.png")
    for path in (tmp_path / "mask.png", str(tmp_path / "mask.png")):
        maps = make("mean-mask", engine, question, mean_mask=path)
        np.testing.assert_allclose(maps, np.stack([grid / white] * 2), atol=1e-7)


def test_a_coloured_mean_mask_is_refused(
    tmp_path: Path, engine: TorchEngine, question: Question
) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="is not grey of 8 or 16 bits but of mode RGB"):
        make("mean-mask", engine, question, mean_mask=tmp_path / "mask.png")


def test_names_are_unique_and_sources_given() -> None:
    for name, method in METHODS.items():
        assert method.name == name
        assert method.words
        assert method.source or method.is_baseline
