"""The quantities that explanations.csv measures, by name, and between which two values each lies."""

import math

QUANTITIES = {
    # of perturbations
    "energy in the mask": (0.0, 1.0),
    "energy on the sign": (0.0, 1.0),
    "ring against centre": (0.0, 1.0),
    "agreement with the shape": (0.0, 1.0),
    "contrast": (0.0, math.inf),
    "dark splotches": (0.0, math.inf),
    "size of a splotch": (0.0, 1.0),
    "high frequencies": (0.0, 1.0),
    # of activation maps
    "all zero": (0.0, 1.0),
    "entropy": (0.0, 1.0),
    "Gini": (0.0, 1.0),
    "regions": (0.0, math.inf),
    "map in the mask": (0.0, 1.0),
    "peak in the mask": (0.0, 1.0),
    "map on the sign": (0.0, 1.0),
    # of two activation maps
    "rank correlation": (-1.0, 1.0),
    "inverted": (0.0, 1.0),
    "overlap of the top 20%": (0.0, 1.0),
    "SSIM": (-1.0, 1.0),
}
DETECTORS = ("pixels", "deep")  # what a detector of adversarials looks at, in detection.csv
