"""Controls for perturbations: changes that are not about the image."""

import numpy as np


def shuffled(images: np.ndarray, changes: np.ndarray, *, seed: int) -> np.ndarray:
    """Return changes with the values of each in random places, and with random signs.

    What is left is noise of the same largest value and the same energy. A sign that would take a pixel out of [0, 1] is
    turned round, so that nothing has to be cut off, as long as the changes are at most 1/2.

    Args:
        images: What is changed: (n, height, width, 3), in [0, 1].
        changes: Of the same shape. The outcome depends on the seed and the number of an image.
    """
    mixed = []
    for number, (image, change) in enumerate(zip(images, changes, strict=True)):
        rng = np.random.default_rng([seed, number])
        signs = rng.choice(np.array([-1, 1], changes.dtype), change.shape)
        values = signs * rng.permutation(change.ravel()).reshape(change.shape)
        is_inside = (image + values >= 0) & (image + values <= 1)
        mixed.append(np.where(is_inside, values, -values))
    return np.array(mixed)


def others(groups: np.ndarray) -> np.ndarray:
    """Return for each of n images the number of the next one of another group, int (n,); all of one group: (0,)."""
    count = len(groups)
    if len(set(groups)) < 2:
        return np.array([], int)
    following = [[(number + step) % count for step in range(1, count)] for number in range(count)]
    return np.array([next(k for k in ks if groups[k] != groups[number]) for number, ks in enumerate(following)])
