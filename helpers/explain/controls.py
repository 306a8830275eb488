"""Controls for perturbations: changes of the same energy that are not about the image."""

import numpy as np


def shuffled(changes: np.ndarray, *, seed: int) -> np.ndarray:
    """Return changes (n, height, width, 3) with the values of each in random places, and with random signs.

    What is left is noise of the same largest value and the same energy. It depends on the seed and the image's number.
    """
    mixed = []
    for number, change in enumerate(changes):
        rng = np.random.default_rng([seed, number])
        signs = rng.choice(np.array([-1, 1], changes.dtype), change.shape)
        mixed.append(signs * rng.permutation(change.ravel()).reshape(change.shape))
    return np.array(mixed)


def others(groups: np.ndarray) -> np.ndarray:
    """Return for each of n images the number of the next one of another group, int (n,); its own if there is none."""
    count = len(groups)
    following = [[(number + step) % count for step in range(1, count)] for number in range(count)]
    return np.array(
        [next((k for k in ks if groups[k] != groups[number]), number) for number, ks in enumerate(following)], int
    )
