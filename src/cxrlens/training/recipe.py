"""The record of one training.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from cxrlens.imaging import Preprocessing
from cxrlens.network import NetworkSpec
from cxrlens.vocabulary import RecipeError

Share = Annotated[float, Field(ge=0, lt=1)]
"""From 0 up to but not including 1."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Above 0."""

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""0 or more."""

Count = Annotated[int, Field(ge=1)]
"""1 or more."""


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied; each amount is drawn evenly from ± what stands here.

    Mirroring is off unless it is asked for: it puts the heart on the wrong side.
    """

    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    """About the centre of the image."""

    shift: Share
    """Along rows and columns, as a share of the image's side."""

    zoom: Share
    """Of the scale: 0.1 means 0.9 to 1.1."""

    crop_scale: Annotated[float, Field(gt=0, le=1)]
    """Smallest share of the image's area that is cut out and stretched over the input; the share
    is drawn evenly from here to 1, the place evenly, the proportions from 3:4 to 4:3 of the
    image's. 1: nothing is cut."""

    distortion: Annotated[float, Field(ge=0, lt=0.125)]
    """How far the inner corners of 4 x 4 tiles are moved along rows and columns, as a share of the
    image's side; below half a tile, so that nothing folds over."""

    mirror: bool
    """Whether every second image, by chance, is mirrored left to right."""

    brightness: Share
    """Added to all pixels (which lie in [0, 1])."""

    contrast: Share
    """Of the distance of each pixel to the image's mean."""


@dataclass(frozen=True)
class Copies:
    """How copies of training images fill up rare classes, where `optimisation.balance` is `copies`.

    A copy is varied once, by amounts drawn evenly from ± what stands here, and is the same in every
    epoch; the ordinary augmentation comes on top. Copies are made after the split, of training
    images only.
    """

    copies_per_class: Count | None
    """Images of a class, with its copies, that each class is filled up to; one that has more keeps
    them all. null: as many as the largest class has."""

    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    """About the centre of the image."""

    rotation_share: Annotated[float, Field(ge=0, le=1)]
    """Share of the copies, by chance, that are rotated."""

    distortion: Annotated[float, Field(ge=0, lt=0.125)]
    """As in the augmentation."""

    mirror: bool
    """Whether every second copy, by chance, is mirrored left to right, heart and all."""


@dataclass(frozen=True)
class Stage:
    """One part of a training: what moves, how long, and how fast.

    It starts from the best weights so far, with an optimiser of its own.
    """

    name: str
    """As it is asked for in overrides; no two stages share it."""

    trainable: tuple[str, ...]
    """Patterns of parameter groups that move: `*` is everything, `head` the classifier, other
    names are modules of the backbone (`layer4`, `blocks.[56]`). All others are frozen: no gradient,
    and norms and dropout answer as they will in use."""

    views: Count | Literal["auto", "epochs", "none"]
    """How often the frozen backbone runs over each training image, where the head alone moves: its
    pooled features are computed once for each augmented view and the head is trained on them.
    A number: so many fixed views of an image, which the epochs take in turns. `epochs`: each epoch
    is augmented anew, exactly as without a cache. `none`: no cache, every step goes through the
    whole network. `auto`: `epochs` where nothing before the pooled features moves, else `none`."""

    epochs: Count | Literal["auto"]
    """Passes over the training part; `auto` takes as many as make 300 steps, at least 5: a small
    collection needs more of them than a large one."""

    optimiser: Literal["adamw", "adam", "sgd"]
    """`adam` adds the weight decay to the gradient; `sgd` takes Nesterov's step."""

    momentum: Share
    """Of `sgd`; without effect on the others."""

    learning_rate: Positive
    """Largest learning rate."""

    rate_factors: dict[str, Positive]
    """Groups by pattern that learn so many times faster; the first pattern that fits counts."""

    weight_decay: NotNegative
    """On weights but not on biases and norms."""

    schedule: Literal["one-cycle", "cosine", "step", "constant"]
    """How the rate goes over the stage: up, and down to nearly 0; down to 0; by steps; level."""

    warm_up: Share
    """Share of the stage's steps in which the rate rises to its largest."""

    step_epochs: Count
    """Of `step`: epochs after which the rate is multiplied by `gamma`, again and again."""

    gamma: Annotated[float, Field(gt=0, le=1)]
    """Of `step`."""


@dataclass(frozen=True)
class Optimisation:
    """How the weights are moved, the same in every stage."""

    batch_size: Annotated[int, Field(ge=2)]
    """Images that go through the network at once."""

    accumulate: Count
    """Batches whose gradients are gathered for one step."""

    auxiliary_weight: NotNegative
    """Of the loss of an auxiliary head, where the backbone up to it is trained."""

    label_smoothing: Share
    """Share of the target spread over all classes."""

    balance: Literal["none", "sampler", "loss-weights", "copies"]
    """How rare classes are made up for: `sampler` shows every class equally often, `loss-weights`
    counts each image by how rare its class is, `copies` adds varied copies of its images."""

    uncertain: Literal["ignore", "positive", "negative"]
    """What an uncertain label is trained as, where images have several labels."""

    gradient_clip: Positive | None
    """Longest gradient, all parameters together; null: any length."""

    early_stopping: Count | None
    """Epochs without a better one after which a stage ends; null: it never ends early."""

    checkpoint_steps: Count
    """Steps after which the state is saved, so that a killed training can be resumed; it is also
    saved after every epoch."""

    precision: Literal["auto", "float32", "bfloat16"]
    """Of the training's arithmetic; `auto` takes bfloat16 where it is measured to be faster."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, but for the data.

    Source: the fields of `recipes/default.yaml`, which holds a value for every one of them.

    Raises:
        RecipeError: if there is no stage, or two have the same name.
    """

    name: str
    """As it is asked for."""

    summary: str
    """One sentence: what it is for."""

    departures: tuple[str, ...]
    """Where it does otherwise than its published ancestor, and why."""

    weights: str
    """`imagenet`, `none`, or a file."""

    preprocessing: Preprocessing
    """How a radiograph becomes the network's input."""

    network: NetworkSpec
    """How the network is built."""

    augmentation: Augmentation
    """How training images are varied."""

    copies: Copies
    """How rare classes are filled up, where `optimisation.balance` is `copies`."""

    optimisation: Optimisation
    """How the weights are moved in every stage."""

    stages: tuple[Stage, ...]
    """What moves when; the best epoch of all of them is kept."""

    validation: Annotated[float, Field(gt=0, lt=1)]
    """Share of the training part that chooses the epoch, where the data bring none."""

    test: Annotated[float, Field(gt=0, lt=1)]
    """Share of all cases kept for the final figures, where the data bring none."""

    seed: Annotated[int, Field(ge=0)]
    """Of the split, the initial head, the order of cases, the copies and the augmentation."""

    def __post_init__(self) -> None:
        """Check the stages."""
        names = Counter(stage.name for stage in self.stages)
        if not names:
            raise RecipeError(f"stages of recipe {self.name!r} must hold one or more; got none")
        twice = [name for name, n in names.items() if n > 1]
        if twice:
            raise RecipeError(f"two stages of recipe {self.name!r} are named {twice[0]!r}")
