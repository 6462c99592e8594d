"""The exposure: attenuation becomes the pixels of a radiograph.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np

from cxrlens.phantom.plane import SIZE, Plane, blur, make_noise, upsample
from cxrlens.vocabulary import GreyBytes


def expose(attenuation: Plane, hospital: str, stream: np.random.RandomState) -> GreyBytes:
    """Expose a detector behind the patient and window what it saw.

    Args:
        attenuation: along the ray of each pixel, without unit.
        hospital: `A` or `B`; B has a softer contrast.
        stream: where the randomness comes from.

    Returns:
        256 x 256 pixels.

    Source:
        Beer-Lambert: I = I0 exp(-attenuation); scatter is a wide blur of it; the noise of counted
        quanta has a variance that grows with I.
    """
    draws = stream.random_sample(6)
    primary = np.exp(-attenuation)
    coarse = primary.reshape(16, SIZE // 16, 16, SIZE // 16).mean(axis=(1, 3))
    scatter = upsample(blur(coarse, 1.5), SIZE // 16)
    quanta = blur(primary, 0.6) + (0.10 + 0.10 * draws[0]) * scatter
    noise = 0.006 * 4.0 ** draws[1] * stream.standard_normal((SIZE, SIZE))
    seen = np.clip(quanta + noise * np.sqrt(quanta), 0.02, None)
    density = -np.log(seen) + 0.05 * make_noise(stream, 64)
    low, high = 0.20 + 0.35 * draws[2], 2.05 + 0.35 * draws[3]
    gamma = 0.85 + 0.45 * draws[4]
    if hospital == "B":
        low, high, gamma = low - 0.25, high + 0.45, 0.75 * gamma
    shown = np.clip((density - low) / (high - low), 0, 1) ** gamma
    return np.asarray(np.floor(255 * shown + 0.5), dtype=np.uint8)


def add_marker(pixels: GreyBytes) -> GreyBytes:
    """Put a bright L into the upper right corner, as radiographers do with lead letters.

    Args:
        pixels: a phantom.

    Returns:
        A copy that differs only in the corner.
    """
    marked = pixels.copy()
    marked[12:30, 232:236] = 250
    marked[26:30, 232:244] = 250
    return marked
