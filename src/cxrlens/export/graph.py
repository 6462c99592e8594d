"""A whole model as one graph: grey pixels in, answers out.

SPDX-License-Identifier: Apache-2.0
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrlens.export.deciding import Decider
from cxrlens.export.resampling import Resampler
from cxrlens.inference import Bundle
from cxrlens.vocabulary import InputError

INPUT = "grey"
"""Name of the input: N x H x W float32 in [0, 1], 0 is air; all images of a batch of one size."""

OUTPUTS = ("logits", "probabilities", "maps", "decisions", "flags")
"""Names of the outputs, in their order: N x K, but `maps`, N x K x rows x cols in units of the
logit; `decisions` and `flags` are true or false."""


class AnsweringGraph(nn.Module):
    """Preprocessing, network, calibration and operating point of a bundle.

    Args:
        bundle: the network is used as it is, not copied.

    Raises:
        InputError: if the bundle removes text first, which no graph can do.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        record = bundle.record
        if record.preprocessing.remove_text:
            raise InputError(
                "a model trained with preprocessing.remove_text=true cannot be exported: finding "
                "the text is no part of a graph; train without it"
            )
        fitted = record.calibration
        self.resample = Resampler(record.preprocessing)
        self.network = bundle.network
        self.decide = Decider(
            record.classes,
            None if fitted is None else fitted.scaling,
            record.operating_point,
            is_multilabel=record.is_multilabel,
        )

    def forward(self, grey: Float[Tensor, "n h w"]) -> tuple[Tensor, ...]:
        """Answer for a batch.

        Args:
            grey: N x H x W in [0, 1].

        Returns:
            What `OUTPUTS` names.
        """
        output = self.network(self.resample(grey)[:, None])
        probabilities, decisions, flags = self.decide(output.logits)
        return output.logits, probabilities, output.maps, decisions, flags


def make_example(bundle: Bundle) -> Tensor:
    """Give a batch to trace the graph with: of one image the batch would be fixed at one."""
    step = bundle.record.preprocessing
    return torch.full((2, step.height + 37, step.width + 21), 0.5)
