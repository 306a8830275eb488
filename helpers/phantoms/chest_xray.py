"""The chest x-ray phantom: with or without a pneumothorax, air between a collapsed lung and the chest wall.

Densities add up and become grey values at the end. The body, the collapse, the photograph with everything
else on it, and the noise come from independent random streams: the same seed and view with another label
is the same patient with or without the collapse. Nothing else looks at the label; in particular, lucency
without a pleural line is as frequent in both classes.
"""

from collections.abc import Collection

import numpy as np

from helpers.phantoms.chest_anatomy import Body, Picture, draw_bones, draw_trunk, lung_texture, pleural_line
from helpers.phantoms.chest_nuisances import draw_devices, draw_findings, expose
from helpers.phantoms.drawing import Phantom, Pose, chosen, photographed, planted, stream, touched

SIGNS_STREAM, VIEW, NOISE = 1, 2, 3  # stream 0 is the body's

LABELS = ("none", "pneumothorax")
SIGNS = ("gap", "pleural_line")  # the airless of vessels, darker band; the thin bright edge of the lung
LINE_DENSITY = (0.06, 0.11)  # of the pleural line
DARKENING = 0.09  # density that a textbook gap lacks, besides the vessels; half of it at ambiguity .3


def _ripple(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return a slight, smooth unevenness (count,) of a collapsed lung's outline."""
    along = np.linspace(0, 1, count)
    return sum(rng.normal(0, 0.10 / k) * np.sin(2 * np.pi * k * along + rng.uniform(0, 6.3)) for k in (1, 2, 3, 5))


def draw(
    *, label: str, seed: int, size: int, view: int, ambiguity: float, spurious: float, signs: Collection[str] | None
) -> Phantom:
    """Draw one x-ray of one patient. See `phantom`."""
    body, rng = Body(seed), stream(seed, VIEW, view)
    pose = Pose(
        x=0.5 + rng.uniform(-0.05, 0.05),
        y=0.55 + rng.uniform(-0.05, 0.05),
        radius=0.55 * rng.uniform(0.90, 1.08),
        angle=rng.uniform(-0.05, 0.05),
    )
    picture = Picture(pose, size)
    sick = stream(seed, SIGNS_STREAM, view)
    side, level = int(sick.integers(2)), sick.uniform()
    severity = 0.10 + (0.26 - 0.16 * ambiguity * sick.beta(1, 2)) * level + 0.04 * (1 - ambiguity)
    brightness = sick.uniform(*LINE_DENSITY)
    darkening = DARKENING * max(1 - ambiguity / 0.6, 0.25)
    ripple = _ripple(sick, len(body.lungs[side].outline))
    drawn = chosen(SIGNS if label == "pneumothorax" else (), signs)

    inside = [picture.filled(lung.outline, 0.006) for lung in body.lungs]
    density, trunk = draw_trunk(body, picture)
    density += draw_findings(body, picture, rng, inside, ambiguity)
    texture = lung_texture(body, picture)
    masks = {}
    for number, lung in enumerate(body.lungs):
        air, tissue = body.air[number], inside[number]
        strokes = [(points, width) for points, width in body.vessels[number]]
        vessels = picture.lines(strokes, 0.0016) * body.vascularity * (0.55 if body.emphysema else 1.0)
        markings = vessels + 0.016 * texture
        density -= air * tissue
        if number == side and drawn:
            outline = lung.collapsed(severity, ripple)
            left = picture.filled(outline, 0.004)
            gap = tissue * (1 - left)
            if "gap" in drawn:
                markings = markings * (1 - gap / np.maximum(tissue, 1e-6))
                density -= darkening * gap
                masks["gap"] = touched(gap)
            if "pleural_line" in drawn:
                line = pleural_line(picture, lung, outline) * tissue
                density += brightness * line
                masks["pleural_line"] = touched(line)
        density += markings * tissue
    density += trunk * draw_bones(body, picture)
    tube = planted(seed, spurious=spurious, positive=label == "pneumothorax", otherwise=bool(rng.uniform() < 0.12))
    density += draw_devices(picture, rng, tube=tube)
    grey = photographed(expose(density, rng, size), stream(seed, NOISE, view), noise=(1.0, 4.0))
    mask = np.any([np.zeros((size, size), bool), *masks.values()], axis=0)
    attributes = {"severity": severity if drawn else 0.0, "side": ("right", "left")[side], "tube": tube}
    return Phantom(np.repeat(grey[..., None], 3, axis=-1), mask, masks, attributes)
