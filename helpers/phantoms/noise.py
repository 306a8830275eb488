"""Smooth noise, for textures, stains and uneven light."""

import numpy as np
from PIL import Image

from helpers.phantoms.canvas import OVERSAMPLING
from helpers.phantoms.geometry import Pose

WHOLE_PICTURE = Pose()


def smooth_noise(
    rng: np.random.Generator, *, size: int, lattice: int, pose: Pose = WHOLE_PICTURE, reach: float = 1.0
) -> np.ndarray:
    """Return smooth Gaussian noise (2 * size, 2 * size): a small lattice of random values, enlarged bicubically.

    Args:
        rng: Random generator.
        size: Side of the picture in pixels.
        lattice: Number of random values along a side; more of them give a finer noise.
        pose: The pose of the object that the noise moves and turns with.
        reach: The lattice covers -reach..reach in the object's frame. Outside it, the noise is 0.
    """
    values = rng.standard_normal((lattice + 4, lattice + 4)).astype(np.float32)
    canvas_side = OVERSAMPLING * size
    pixels = canvas_side if lattice > size / 2 else size  # coarse noise is as smooth at half the resolution
    corners = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    u, v = (axis * lattice / (2 * reach) + lattice / 2 + 2 for axis in pose.to_object(*corners))
    affine = ((u[1] - u[0]) / pixels, (u[2] - u[0]) / pixels, u[0])
    affine += ((v[1] - v[0]) / pixels, (v[2] - v[0]) / pixels, v[0])
    enlarged = Image.fromarray(values).transform(
        (pixels, pixels), Image.Transform.AFFINE, affine, resample=Image.Resampling.BICUBIC
    )
    return np.asarray(enlarged.resize((canvas_side, canvas_side), Image.Resampling.BILINEAR))
