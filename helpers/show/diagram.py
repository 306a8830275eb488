"""A network drawn as boxes and arrows. Boxes, shapes and arrows are read from the model."""

import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

BODY = "body"  # one box for all layers between preprocessing and features
BOXES = {  # layer: (column, row, text)
    "pixels": (0, 0, "pixels\nin [0, 1]"),
    "preprocessing": (1, 0, "pre-\nprocessing"),
    BODY: (2, 0, ""),
    "features": (3, 0, "features"),
    "attention": (4, 1, "attention\nlayer"),
    "pool_attended": (5, 1, "max-pool"),
    "pool_features": (5, -1, "max-pool"),
    "join": (6, 0, "join"),
    "head_relu": (7, 0, "ReLU"),
    "head_dropout": (8, 0, "dropout\n½"),
    "head_pool": (9, 0, ""),
    "logits": (10, 0, "dense:\nlogits"),
}
ATTENTION_BLOCK = {"attention", "pool_attended", "pool_features", "join"}
POOLING = {"GlobalAveragePooling2D": "mean over\npositions", "Flatten": "flatten"}
COLUMN_WIDTH, ROW_HEIGHT = 1.6, 0.8
LONGEST_LINE = 13  # letters in a box


def draw_network(axis: Axes, model: Any, *, body: str) -> Axes:
    """Draw one of the study's networks: its layers as boxes, their output shapes, and arrows between them.

    Args:
        axis: The axis to draw on; it is returned.
        model: A keras.Model from `build_model` or `with_attention`.
        body: The text in the box of the cut backbone.
    """
    layers = {layer.name: layer for layer in model.layers if layer.name in BOXES}
    texts = {name: text for name, (_, _, text) in BOXES.items()}
    texts[BODY], texts["head_pool"] = _broken(body), POOLING[type(layers["head_pool"]).__name__]
    for name in ("pool_attended", "pool_features"):
        texts[name] += _cells_read(layers["features"].output.shape[1])
    drawn = [name for name in BOXES if name in layers or name == BODY]
    centres = {name: (COLUMN_WIDTH * BOXES[name][0], ROW_HEIGHT * BOXES[name][1]) for name in drawn}
    for name, (x, y) in centres.items():
        color = "#F6D9C2" if name in ATTENTION_BLOCK else "#D6E6F2"
        axis.add_patch(FancyBboxPatch((x - 0.52, y - 0.32), 1.04, 0.64, boxstyle="round,pad=0.06", fc=color, ec="0.3"))
        axis.text(x, y, texts[name], ha="center", va="center", fontsize="x-small")
        if name in layers:
            shape = "×".join(map(str, layers[name].output.shape[1:]))
            axis.text(x, y - 0.52, shape, ha="center", va="center", fontsize="x-small", color="0.3")
    style = {"arrowstyle": "->", "color": "0.3", "shrinkA": 0, "shrinkB": 0}
    for start, end in _arrows(model, layers):
        (x0, y0), (x1, y1) = centres[start], centres[end]
        axis.annotate("", (x1 - 0.59, y1), (x0 + 0.59, y0), arrowprops=style)
    right = max(x for x, _ in centres.values())
    axis.set(xlim=(-0.7, right + 0.7), ylim=(-1.45, 1.25), aspect="equal")
    axis.set_axis_off()
    return axis


def _broken(text: str) -> str:
    """Return a text whose lines, if they are too long for a box, are broken before a capital letter."""
    lines = text.splitlines()
    return "\n".join(re.sub("(?<=[a-z])(?=[A-Z])", "\n", x, count=1) if len(x) > LONGEST_LINE else x for x in lines)


def _cells_read(side: int) -> str:
    """Return how many cells of a map 2×2 max-pooling reads, as text; nothing if it reads all."""
    read = side if side == 1 else side // 2 * 2  # a map of one cell is not pooled
    return "" if read == side else f":\n{read**2} of {side**2} cells"


def _arrows(model: Any, layers: dict[str, Any]) -> list[tuple[str, str]]:
    """Return which box feeds which, as (start, end); a layer without a box of its own is part of `BODY`."""
    makers = {id(layer.output): layer.name for layer in model.layers}
    arrows = [("preprocessing", BODY)]
    for name, layer in layers.items():
        if name == "pixels":
            continue
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            maker = makers[id(tensor)]
            arrows.append((maker if maker in layers else BODY, name))
    return arrows
