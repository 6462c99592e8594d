"""Features of a network that is not trained any further.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32
from scipy.special import expit, softmax

from cxrlens.audit.crossfit import Answers, Features
from cxrlens.audit.looking import Watch, enlarge
from cxrlens.imaging import Preprocessing
from cxrlens.inference import choose_device
from cxrlens.model import Model
from cxrlens.network import MapClassifier, NetworkSpec, build_classifier, load_backbone_weights
from cxrlens.vocabulary import GreyImage

BATCH = 32
"""Images that the network is given at once."""

Inputs = Float32[np.ndarray, "n h w"]
"""Grey images in [0, 1] at the network's size."""


@dataclass(frozen=True, eq=False)
class Sensor:
    """A network that looks at each image once, as it is and with the lungs blacked out."""

    network: MapClassifier
    """In eval mode."""

    preprocessing: Preprocessing
    """Of its inputs."""

    told: str
    """What it is, such as `features of mobilenetv2_100 (imagenet)`."""

    model: Model | None = None
    """The model whose answers are wanted as well."""

    def prepare(self, pixels: GreyImage, hull: Bool[np.ndarray, "64 64"]) -> np.ndarray:
        """Make an image's inputs, as 8-bit greys, which are kept.

        Args:
            pixels: at full size.
            hull: of the lungs, on the small image.

        Returns:
            Views x height x width: the image and, for a model, the same with the hull black.
        """
        views = [pixels]
        if self.model is not None:
            whole = enlarge(hull, (pixels.shape[0], pixels.shape[1]))
            views.append(np.where(whole, np.float32(0), pixels))
        inputs = np.stack([self.preprocessing.apply(one) for one in views])
        return np.asarray(np.rint(inputs * 255), dtype=np.uint8)


def watch_all(sensors: Sequence[Sensor]) -> Watch | None:
    """Give what is called with every image; None where no network looks."""
    if not sensors:
        return None
    return lambda pixels, hull: tuple(one.prepare(pixels, hull) for one in sensors)


def open_weights(weights: str) -> Sensor:
    """Build the recipes' backbone with pretrained weights.

    Args:
        weights: a file, or `imagenet`.

    Raises:
        WeightsError: if they cannot be loaded.
    """
    is_torchvision = weights.endswith((".pth", ".pt"))
    spec = NetworkSpec(options={"act_layer": "relu"} if is_torchvision else {})
    preprocessing = Preprocessing()
    network = build_classifier(spec, 2, (preprocessing.height, preprocessing.width)).eval()
    told = load_backbone_weights(network.backbone, spec, weights)
    return Sensor(network, preprocessing, f"features of {spec.backbone} ({told.split()[0]})")


def open_model(model: Model) -> Sensor:
    """Take the backbone of a trained model."""
    record = model.bundle.record
    told = f"features of the model's backbone ({record.network.backbone})"
    return Sensor(model.bundle.network, record.preprocessing, told, model)


def sense(sensor: Sensor, inputs: Sequence[np.ndarray]) -> tuple[Features, list[Answers]]:
    """Compute features and, of a model, its probabilities.

    Args:
        sensor: the network.
        inputs: what `watch` kept of each image.

    Returns:
        The pooled features of each image as it is; the model's probabilities for each view.
    """
    device = torch.device(choose_device())
    network = sensor.network.to(device).eval()
    found = [
        _run(sensor, network, np.stack(inputs[start : start + BATCH]), device)
        for start in range(0, len(inputs), BATCH)
    ]
    features = np.concatenate([own for own, _ in found]).astype(np.float64)
    if sensor.model is None:
        return features, []
    is_multilabel = sensor.model.bundle.record.is_multilabel
    logits = np.concatenate([own for _, own in found]).astype(np.float64)
    chances = expit(logits) if is_multilabel else softmax(logits, axis=2)
    return features, [chances[:, number] for number in range(chances.shape[1])]


def _run(
    sensor: Sensor, network: MapClassifier, views: np.ndarray, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Pooled features of the first view, and the logits of all (n x views x k)."""
    n, n_views, height, width = views.shape
    greys = torch.from_numpy(views.reshape(n * n_views, 1, height, width).astype(np.float32) / 255)
    with torch.inference_mode():
        scaled = (greys.to(device) - network.mean) / network.std
        maps = network.backbone.normalise(network.backbone.compute(scaled)[0])
        pooled = maps.mean(dim=(2, 3)).reshape(n, n_views, -1)[:, 0].cpu().numpy()
        if sensor.model is None:
            return pooled, np.zeros((n, 1, 0), dtype=np.float32)
        logits = network.head(maps).logits.reshape(n, n_views, -1)
    return pooled, logits.cpu().numpy()
