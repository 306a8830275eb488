"""A network drawn as boxes and arrows, read off the model itself."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

BODY = "body"  # stands for all layers between preprocessing and features
BOXES = {  # layer: (column, row, what to write)
    "pixels": (0, 0, "pixels\nin [0, 1]"),
    "preprocessing": (1, 0, "pre-\nprocessing"),
    BODY: (2, 0, ""),
    "features": (3, 0, "features"),
    "attention": (4, 1, "attention\nlayer"),
    "pool_attended": (5, 1, "max-pool"),
    "pool_features": (5, -1, "max-pool"),
    "join": (6, 0, "join"),
    "relu": (7, 0, "ReLU"),
    "dropout": (8, 0, "dropout\n½"),
    "pool": (9, 0, ""),
    "logits": (10, 0, "dense:\nlogits"),
}
NEW = {"attention", "pool_attended", "pool_features", "join"}  # what the attention block adds
POOLING = {"GlobalAveragePooling2D": "mean over\npositions", "Flatten": "flatten"}


def draw_network(axis: Axes, model, *, body: str) -> Axes:
    """Draw one of the study's networks: its boxes, the shapes between them, and what feeds what.

    Args:
        axis: Where to.
        model: From `build_model`; boxes, shapes and arrows are its own.
        body: What to write into the box that stands for the cut backbone.
    """
    layers = {layer.name: layer for layer in model.layers if layer.name in BOXES}
    texts = {name: text for name, (_, _, text) in BOXES.items()}
    texts[BODY], texts["pool"] = body, POOLING[type(layers["pool"]).__name__]
    drawn = [name for name in BOXES if name in layers or name == BODY]
    places = {name: (1.6 * BOXES[name][0], 0.8 * BOXES[name][1]) for name in drawn}  # the same in every network
    for name, (x, y) in places.items():
        color = "#F6D9C2" if name in NEW else "#D6E6F2"
        axis.add_patch(FancyBboxPatch((x - 0.52, y - 0.32), 1.04, 0.64, boxstyle="round,pad=0.06", fc=color, ec="0.3"))
        axis.text(x, y, texts[name], ha="center", va="center", fontsize="x-small")
        if name in layers:
            shape = "×".join(map(str, layers[name].output.shape[1:]))
            axis.text(x, y - 0.52, shape, ha="center", va="center", fontsize="x-small", color="0.3")
    for start, end in _arrows(model, layers):
        (x0, y0), (x1, y1) = places[start], places[end]
        axis.annotate(
            "",
            (x1 - 0.59, y1),
            (x0 + 0.59, y0),
            arrowprops={"arrowstyle": "->", "color": "0.3", "shrinkA": 0, "shrinkB": 0},
        )
    last = max(x for x, _ in places.values())
    axis.set(xlim=(-0.7, last + 0.7), ylim=(-1.45, 1.25), aspect="equal")
    axis.set_axis_off()
    return axis


def _arrows(model, layers: dict) -> list[tuple[str, str]]:
    makers = {id(layer.output): layer.name for layer in model.layers}
    arrows = [("preprocessing", BODY)]
    for name, layer in layers.items():
        if name == "pixels":
            continue
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            arrows.append((makers[id(tensor)] if makers[id(tensor)] in layers else BODY, name))
    return arrows
