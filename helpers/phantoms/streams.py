"""Random streams: each part of a phantom draws its random numbers from a generator of its own.

So one part can change while the others stay as they are: the same seed and view with another label is the same patient
in the same photograph, with other signs of disease.
"""

import numpy as np

ANATOMY_STREAM = 0  # the body, the eye, or the shape of the lesion
SIGNS_STREAM = 1  # which signs of disease there are, and how strong they are
VIEW_STREAM = 2  # the photograph, and everything in it that says nothing about the label
NOISE_STREAM = 3  # the camera's noise
SHORTCUT_STREAM = 99  # whether the label decides about a shortcut


def stream(seed: int, name: int, *key: int) -> np.random.Generator:
    """Return the random generator of a seed, one of the streams above, and a key within the stream.

    NumPy fills short keys up with zeros: without a key, the generator is the same as with the key 0.
    """
    return np.random.default_rng(np.random.SeedSequence((seed, name, *key)))


def has_shortcut(seed: int, *, spurious: float, is_positive: bool, by_chance: bool) -> bool:
    """Return whether to draw a shortcut such as a ruler.

    Args:
        seed: The phantom's seed.
        spurious: Probability, 0 to 1, that the label decides.
        is_positive: What the label decides.
        by_chance: What is returned otherwise.
    """
    label_decides = stream(seed, SHORTCUT_STREAM).uniform() < spurious
    return is_positive if label_decides else by_chance
