"""The figure of what models look at: images, perturbations and activation maps, clean and attacked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import recorded, recorded_config
from helpers.config import Config
from helpers.show import picture_plots
from helpers.show.chosen_images import not_too_many, rank_explained
from helpers.show.names import MAP_METHODS, class_name, images_of, join_distinct, model_name, setting_name

COLUMN_COUNT = 7  # image, attacked image, difference; activation map and attention map, clean and attacked each


@dataclass(frozen=True)
class _Explained:
    """A model's explanation, and how it was made: the configuration, and what the maps are."""

    config: Config
    arrays: ExplanationArrays
    method: str
    layer: str

    @classmethod
    def load(cls, folder: RunFolder) -> "_Explained":
        arrays = ExplanationArrays.load(folder.maps)
        config, parameters = recorded_config(folder.explanations), recorded(folder.explanations)
        layer = "the backbone's last feature map" if parameters["layer"] is None else f"layer {parameters['layer']}"
        return cls(config, arrays, MAP_METHODS.get(parameters["method"], parameters["method"]), layer)

    @property
    def paper_epsilon(self) -> float:
        """Return the epsilon at which the paper shows maps; without one, the middle of those explained."""
        epsilons = self.arrays.epsilons
        return self.config.task_record.paper_epsilons.get(self.config.backbone, epsilons[len(epsilons) // 2])

    def level(self, epsilon: float) -> int:
        """Return the index of the explained epsilon that is nearest, as a ratio."""
        return int(np.abs(np.log(self.arrays.epsilons / epsilon)).argmin())


def show_maps(
    folders: Iterable[RunFolder], *, epsilon: float | None = None, images: int = 1, target: str = "true"
) -> plt.Figure:
    """Show images and activation maps, clean and attacked: a row per image and model.

    Classes, source, epsilons and the kind of maps come from the records of the explanations, not from a profile.

    Args:
        folders: The run folders of models of one backbone, each `variant` of an explanation that is shown.
        epsilon: The nearest explained one is shown; None: the one at which the paper shows the task and backbone, or
            the middle one where the paper has none.
        images: How many of each task. Those that the attack broke under the task's first model come first.
        target: "true" or "predicted": the class that maps are about.

    Raises:
        StudyError: a model has no explanation, or one without a record.
    """
    shown, more = not_too_many(folders)
    models = [_Explained.load(folder) for folder in shown]
    rows = []
    for task in dict.fromkeys(model.config.task for model in models):
        alike = [model for model in models if model.config.task == task]
        wanted = alike[0].paper_epsilon if epsilon is None else epsilon
        chosen = rank_explained(alike[0].arrays, alike[0].level(wanted))[:images]
        rows += [(model, index, model.level(wanted)) for index in chosen for model in alike]
    size = (1.35 * COLUMN_COUNT, 1.25 * len(rows) + 0.9)
    figure, axes = plt.subplots(len(rows), COLUMN_COUNT, figsize=size, squeeze=False)
    for line, (model, index, level) in zip(axes, rows, strict=True):
        _draw_pictures(line[:3], model, index, level)
        _draw_maps(line[3:], model.arrays, index, level, target=target)
    _write_titles(figure, axes[0], models, target, more)
    return figure


def _write_titles(
    figure: plt.Figure, axes: Sequence[Axes], models: Sequence[_Explained], target: str, more: str
) -> None:
    """Write the titles of the columns over the axes of the first row, and the title of the figure, with `more`."""
    method, layer = join_distinct(model.method for model in models), join_distinct(model.layer for model in models)
    maps = [f"{name}\n{state}" for name in (method, "attention") for state in ("clean", "attacked")]
    for axis, name in zip(axes, ["image", "attacked", "difference", *maps], strict=True):
        axis.set_title(name, fontsize="small")
    figure.suptitle(
        f"{setting_name(model.config for model in models)}\n"
        f"{method} of {layer} for the {target} class; difference: grey is 0, black and white ±ε{more}"
    )


def _draw_pictures(axes: Sequence[Axes], model: _Explained, index: int, level: int) -> None:
    """Draw an image, the attacked image, and their difference, with the predictions on the left."""
    config, arrays = model.config, model.arrays
    image, change, epsilon = arrays.images[index], arrays.changes[level][index], arrays.epsilons[level]
    picture_plots.picture(axes[0], image, mask=arrays.shapes[index])
    picture_plots.picture(axes[1], np.clip(image + epsilon * change, 0, 1))
    picture_plots.picture(axes[2], picture_plots.magnified(change, epsilon=1))
    classes = [class_name(name) for name in config.classes]
    true = classes[arrays.labels[index]]
    clean, attacked = (classes[arrays.predictions[row][index]] for row in (0, level + 1))
    predicted = f"{clean}\n(unchanged)" if clean == attacked else f"{clean}\n→ {attacked}"
    axes[0].text(
        -0.08,
        0.5,
        f"{images_of(config.task)}\n{model_name(config)}\nε = {epsilon:g}\ntrue: {true}\npredicted: {predicted}",
        transform=axes[0].transAxes,
        ha="right",
        va="center",
        fontsize="x-small",
    )


def _draw_maps(axes: Sequence[Axes], arrays: ExplanationArrays, index: int, level: int, *, target: str) -> None:
    """Draw the activation map, clean and attacked, and the attention map, clean and attacked."""
    image = arrays.images[index]
    for row, activation, attention in ((0, axes[0], axes[2]), (level + 1, axes[1], axes[3])):
        picture_plots.overlaid(activation, image, arrays.maps[target][row][index])
        if arrays.attention is not None:
            weights = arrays.attention[row][index]
            picture_plots.overlaid(attention, image, weights / weights.max())
        else:
            picture_plots.picture(attention, np.ones_like(image))
            attention.text(0.5, 0.5, "none", transform=attention.transAxes, ha="center", va="center", color="0.5")
