"""Two pictures are laid over each other."""

import numpy as np
from scipy import ndimage

from cxrlens.audit.alignment import correlate_aligned, even_out, find_shared


def draw(n: int, seed: int) -> np.ndarray:
    """Smooth random pictures with a part that all share."""
    generator = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(generator.normal(size=(n, 96, 96)), (0, 2, 2))
    common = ndimage.gaussian_filter(generator.normal(size=(1, 96, 96)), (0, 6, 6))
    return (0.5 + noise / noise.std() * 0.1 + common / common.std() * 0.1).astype(np.float32)


def cut(pictures: np.ndarray, top: float, left: float, side: float) -> np.ndarray:
    """A window, enlarged to 64 x 64."""
    at = (np.arange(64) + 0.5) / 64 * side - 0.5
    rows, cols = np.meshgrid(top + at, left + at, indexing="ij")
    return np.stack([ndimage.map_coordinates(one, [rows, cols], order=1) for one in pictures])


def test_a_shifted_and_enlarged_copy_is_found_and_a_stranger_is_not() -> None:
    pictures = draw(40, seed=0)
    whole = even_out(cut(pictures, 4, 4, 88))
    cropped = even_out(cut(pictures * 1.1 + 0.05, 6, 7, 84))
    shared = find_shared(whole)
    assert correlate_aligned(whole, cropped, shared).min() > 0.8
    strangers = correlate_aligned(whole, np.roll(cropped, 1, axis=0), shared)
    assert strangers.max() < 0.5


def test_brightness_and_contrast_play_no_part() -> None:
    pictures = cut(draw(3, seed=1), 4, 4, 88)
    first, second = even_out(pictures), even_out(pictures * 0.5 + 0.2)
    assert np.abs(first - second).max() < 0.02 * np.abs(first).max()


def test_what_is_shared_is_taken_off() -> None:
    pictures = even_out(cut(draw(60, seed=2), 4, 4, 88))
    basis = find_shared(pictures).whole
    rest = basis.take_off(pictures).reshape(60, -1)
    assert np.abs(rest @ basis.parts.T).max() < 1e-2
    assert basis.parts.shape == (6, 64 * 64)
    assert np.allclose(basis.parts @ basis.parts.T, np.eye(6), atol=1e-4)
