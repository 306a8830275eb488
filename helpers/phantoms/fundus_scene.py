"""An eye in front of the camera, as layers on the canvas.

Vessels and blood absorb light (Beer-Lambert). Lipid and swollen nerve fibres, which are yellow and white, cover it.
"""

import numpy as np

from helpers.phantoms.canvas import lay_over
from helpers.phantoms.fundus_eye import Eye
from helpers.phantoms.fundus_retina import draw_retina
from helpers.phantoms.fundus_vessels import draw_vessels

VEIN = np.array([0.26, 0.72, 0.50], np.float32)  # absorption in red, green, blue
ARTERY = np.array([0.10, 0.48, 0.40], np.float32)  # absorption
BLOOD = np.array([0.50, 1.20, 0.95], np.float32)  # absorption
LIPID = np.array([1.00, 0.90, 0.52], np.float32)  # colour
WOOL = np.array([0.96, 0.90, 0.76], np.float32)  # colour of swollen nerve fibres


class RetinaScene:
    """The layers of a healthy eye; the painters of the signs change them.

    Attributes:
        veins, arteries, blood: Amounts that absorb light.
        lipid, wool: Opacities, 0 to 1.

    All are float32 (2 * size, 2 * size).
    """

    def __init__(self, eye: Eye, size: int):
        self.eye, self.size = eye, size
        self.veins = draw_vessels(eye.veins, size)
        self.arteries = draw_vessels(eye.arteries, size)
        self.blood, self.lipid, self.wool = (np.zeros_like(self.veins) for _ in range(3))

    def colour(self, contrast: float) -> np.ndarray:
        """Return the colour of the retina, (2 * size, 2 * size, 3), 0..1; `contrast` (0..1) is that of the signs."""
        retina, brightness = draw_retina(self.eye, self.size), self.eye.tone[0]
        colour = lay_over(retina, contrast * self.wool, WOOL * brightness * 1.15)
        blood = contrast * self.blood
        absorbed = self.veins[..., None] * VEIN + self.arteries[..., None] * ARTERY + blood[..., None] * BLOOD
        return lay_over(colour * np.exp(-absorbed), contrast * self.lipid, LIPID * min(1.0, brightness * 1.2))
