"""The canvas: a grid with twice as many pixels a side as the picture, which is averaged down at the end.

Coordinates are 0 to 1 across the picture, so that a seed gives the same scene at any size.
"""

import numpy as np

OVERSAMPLING = 2  # pixels of the canvas per pixel of the picture, along a side
TOUCHED = 0.25  # a layer touches the pixels where it is stronger than this


def coordinates(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the centres of all pixels of the canvas, float32 (2 * size, 2 * size), in 0..1."""
    centres = (np.arange(OVERSAMPLING * size, dtype=np.float32) + 0.5) / (OVERSAMPLING * size)
    x, y = np.meshgrid(centres, centres)
    return x, y


def smooth_step(values: np.ndarray) -> np.ndarray:
    """Map values <= 0 to 0, values >= 1 to 1, and values between smoothly (3t² - 2t³)."""
    t = np.clip(values, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def lay_over(picture: np.ndarray, layer: np.ndarray, colour: np.ndarray | float) -> np.ndarray:
    """Cover a picture (h, w, 3) with a colour; `layer` (h, w) is its opacity, 0 to 1."""
    return picture + layer[..., None] * (colour - picture)


def average_down(canvas: np.ndarray) -> np.ndarray:
    """Average a canvas (2h, 2w, ...) down to the size of the picture (h, w, ...)."""
    k = OVERSAMPLING
    return canvas.reshape(canvas.shape[0] // k, k, canvas.shape[1] // k, k, *canvas.shape[2:]).mean(axis=(1, 3))


def touched_pixels(layer: np.ndarray, threshold: float = TOUCHED) -> np.ndarray:
    """Return the pixels of the picture, bool (h, w), in which a layer (2h, 2w) exceeds `threshold` somewhere."""
    k = OVERSAMPLING
    return layer.reshape(layer.shape[0] // k, k, layer.shape[1] // k, k).max(axis=(1, 3)) > threshold


def take_picture(canvas: np.ndarray, rng: np.random.Generator, *, noise: tuple[float, float]) -> np.ndarray:
    """Average a canvas (2h, 2w, ...), 0..1, down to pixels, uint8 (h, w, ...), and add the noise of a camera.

    The standard deviation of the noise is a random number from `noise` (low, high), in grey levels of 255.
    """
    image = 255 * average_down(np.clip(canvas, 0, 1))
    image = image + rng.normal(0, rng.uniform(*noise), image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
