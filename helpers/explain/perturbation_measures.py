"""Numbers for perturbations: where they are, what shape they have, and how they look.

A perturbation is an adversarial minus its image, float (height, width, 3). No measure changes when it is multiplied by
a number above 0, nor when it is mirrored together with the mask. What cannot be measured raises
`helpers.explain.map_measures.UndefinedError` with the reason.
"""

import numpy as np
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from helpers.explain.map_measures import UndefinedError, check_mask, share_in_mask

SMOOTHING = 1 / 32  # of the picture's width: how far the eye averages over noise
DARKER = 0.25  # share of the radius by which a splotch is darker, on average
SMALLEST_SPLOTCH = 0.001  # share of the picture
HIGH = 0.25  # cycles a pixel: from half the highest frequency that a picture has
EYE_THRESHOLD = 0.06  # of grey: darker is outside the field of view


def strength(perturbation: np.ndarray) -> np.ndarray:
    """Return how much each pixel is changed, averaged over the colours: float (height, width)."""
    return np.abs(perturbation).mean(axis=-1)


def energy_in_mask(perturbation: np.ndarray, mask: np.ndarray | None) -> float:
    """Return the mean square inside the mask over the sum of those inside and outside: 1/2 if it is ignored."""
    _check_perturbed(perturbation)
    return share_in_mask((perturbation**2).mean(axis=-1), mask)


def ring_against_centre(perturbation: np.ndarray, mask: np.ndarray | None) -> float:
    """Return ring / (ring + centre), where each is a mean strength: above 1/2, the ring is perturbed more.

    The centre is deeper in the mask than half of its greatest depth. The ring reaches as far outwards from the outline
    as it does inwards. For lesions: the paper's Figure 8a.
    """
    _check_perturbed(perturbation)
    mask = check_mask(mask)
    inside, outside = (ndimage.distance_transform_edt(part) for part in (mask, ~mask))
    half = inside.max() / 2
    centre, ring = inside > half, (inside <= half) & (outside <= half)
    values = strength(perturbation)
    if not centre.any() or not ring.any():
        raise UndefinedError("the mask is too small for a ring and a centre")
    return float(values[ring].mean() / (values[ring].mean() + values[centre].mean()))


def shape_agreement(perturbation: np.ndarray, shape: np.ndarray | None) -> float:
    """Return how well the smoothed strength tells the inside of a shape from its outside: 1/2 not at all.

    It is the area under the ROC curve: 1 if every pixel inside is perturbed more than every pixel outside, 0 if less.
    For a lesion or the eye's field of view: the paper's Figure 8.
    """
    _check_perturbed(perturbation)
    shape = check_mask(shape)
    return float(roc_auc_score(shape.ravel(), _smoothed(strength(perturbation)).ravel()))


def contrast(perturbation: np.ndarray) -> float:
    """Return the spread of the strength, as a share of its mean: 0 if all pixels are changed alike."""
    _check_perturbed(perturbation)
    return float(np.abs(perturbation).std() / np.abs(perturbation).mean())


def splotches(perturbation: np.ndarray) -> np.ndarray:
    """Return the dark splotches, numbered from 1 in an int (height, width); 0 elsewhere.

    They are regions of at least .1% of the picture in which the perturbation, smoothed, darkens by more than a
    quarter of its largest change: the paper's Figure 11.
    """
    _check_perturbed(perturbation)
    dark = _smoothed(perturbation.mean(axis=-1)) < -DARKER * np.abs(perturbation).max()
    numbered, count = ndimage.label(dark)
    areas = ndimage.sum_labels(dark, numbered, np.arange(count + 1))
    areas[0] = 0
    is_large = areas >= SMALLEST_SPLOTCH * dark.size
    new_numbers = np.where(is_large, np.cumsum(is_large), 0)  # 1, 2, … for the large regions, 0 for all others
    return new_numbers[numbered]


def splotch_count(perturbation: np.ndarray) -> float:
    """Return the number of dark splotches; see `splotches`."""
    return float(splotches(perturbation).max())


def splotch_area(perturbation: np.ndarray) -> float:
    """Return the mean size of a dark splotch, as a share of the picture; see `splotches`."""
    numbered = splotches(perturbation)
    if not numbered.any():
        raise UndefinedError("no splotch")
    return float((numbered > 0).mean() / numbered.max())


def high_frequencies(perturbation: np.ndarray) -> float:
    """Return the share of the power, without the mean's, at .25 cycles a pixel or more; white noise has .80."""
    _check_perturbed(perturbation)
    power = (np.abs(np.fft.fft2(perturbation, axes=(0, 1))) ** 2).sum(axis=-1)
    power[0, 0] = 0
    if not power.sum() > 1e-12 * perturbation.size * (perturbation**2).sum():
        raise UndefinedError("the perturbation is the same everywhere")
    rows, columns = (np.fft.fftfreq(length) for length in power.shape)
    return float(power[np.hypot(rows[:, None], columns) >= HIGH].sum() / power.sum())


def field_of_view(image: np.ndarray) -> np.ndarray:
    """Return where an eye is, in an image (height, width, 3) of pixels in [0, 1]: bool, without the dark border."""
    bright = ndimage.binary_opening(image.mean(axis=-1) > EYE_THRESHOLD, iterations=2)
    return ndimage.binary_fill_holes(bright)


def _smoothed(values: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(values, SMOOTHING * values.shape[1], mode="nearest")


def _check_perturbed(perturbation: np.ndarray) -> None:
    if not perturbation.any():
        raise UndefinedError("nothing is perturbed")
