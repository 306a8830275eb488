"""Figures of perturbations: how one grows, examples beside their images, and the shapes that they have."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from scipy.special import softmax

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import recorded_config
from helpers.config import Config
from helpers.explain.controls import shuffled
from helpers.explain.map_measures import UndefinedError
from helpers.explain.perturbation_measures import splotches
from helpers.show import picture_plots
from helpers.show.chosen_images import SHOWN_ADVERSARIALS, not_too_many, rank_explained, spread_over_epsilons
from helpers.show.names import cell_name, class_name, images_of, model_name, setting_name, source_name


def show_steps(
    steps: Sequence[tuple[np.ndarray, np.ndarray]], label: int, *, epsilon: float, config: Config
) -> plt.Figure:
    """Show an attack on one image step by step: the picture above, what has changed so far below.

    Args:
        steps: The image and the model's logits, then the picture and the logits after each step: float32 (height,
            width, 3), in [0, 1], and (classes,).
        label: The image's class index.
        epsilon: L∞ radius of the ball, on pixels in [0, 1].
        config: Of the model.
    """
    figure, axes = plt.subplots(2, len(steps), figsize=(1.7 * len(steps), 3.9), squeeze=False)
    for number, ((above, below), (pixels, logits)) in enumerate(zip(axes.T, steps, strict=True)):
        wrong = "" if np.argmax(logits) == label else ", wrong"
        picture_plots.picture(above, pixels, title=f"step {number}: {softmax(logits)[label]:.2f}{wrong}")
        picture_plots.picture(below, picture_plots.magnified(pixels - steps[0][0], epsilon=epsilon))
    figure.suptitle(
        f"{images_of(config.task)}, {source_name(config)}, {model_name(config)}: PGD, "
        f"ε = {255 * epsilon:.2g}/255; probability of {class_name(config.classes[label])}"
    )
    return figure


def show_adversarials(folder: RunFolder, *, columns: int = SHOWN_ADVERSARIALS) -> plt.Figure:
    """Show images, each with the nearest adversarial that was found, and their difference.

    Args:
        folder: The run folder of a model, the `variant` of the attack.
        columns: How many images: spread over the epsilons, the easiest to break first. Fewer if fewer were broken.

    Raises:
        StudyError: no adversarials were kept, or there is no record of the attack.
    """
    kept = Adversarials.load(folder.adversarials)
    config = recorded_config(folder.robustness)
    figure, axes = plt.subplots(3, columns, figsize=(1.9 * columns, 5.9), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for column, index in zip(axes.T, spread_over_epsilons(kept, columns), strict=False):
        image, adversarial, epsilon = kept.images[index], kept.adversarials[index], kept.radii[index]
        picture_plots.picture(column[0], image, title=class_name(config.classes[kept.labels[index]]))
        picture_plots.picture(column[1], adversarial, title=f"attacked, ε = {255 * epsilon:.2g}/255")
        difference = picture_plots.magnified(adversarial - image, epsilon=epsilon)
        picture_plots.picture(column[2], difference, title=f"difference × {0.5 / epsilon:.0f}")
    figure.suptitle(
        f"{cell_name(config.task, config.backbone)} {model_name(config)}, {source_name(config)}:\n"
        "images, the nearest adversarials that were found, and what changed; from the nearest to the farthest"
    )
    return figure


def show_perturbations(folders: Iterable[RunFolder], *, columns: int = 4) -> plt.Figure:
    """Show perturbations scaled to 0..255: a row per model and epsilon, a column per image; dark splotches outlined.

    The first row shows the images. The last row is the control: the perturbations of the largest epsilon, of the last
    model, with their values in random places and with random signs.

    Args:
        folders: The run folders of models of one task and backbone, each `variant` of an explanation that is shown.
        columns: How many images. Fewer if the explanation kept fewer.

    Raises:
        StudyError: a model has no explanation, or one without a record.
    """
    folders, more = not_too_many(folders)
    explained = [ExplanationArrays.load(folder.maps) for folder in folders]
    configs = [recorded_config(folder.explanations) for folder in folders]
    first = explained[0]
    rows = {
        f"{model_name(config)}\nε = {epsilon:g}": changes
        for config, arrays in zip(configs, explained, strict=True)
        for epsilon, changes in zip(arrays.epsilons, arrays.changes, strict=True)
    }
    rows[f"noise\nε = {first.epsilons[-1]:g}"] = _noise(list(rows.values())[-1], first)
    figure = _draw_rows(first, rows, columns)
    figure.suptitle(
        f"{setting_name(configs)}: perturbations scaled to 0..255\n"
        "grey: no change; orange outlines: dark splotches, darkened by more than ε/4 on average" + more
    )
    return figure


def _draw_rows(first: ExplanationArrays, rows: dict[str, np.ndarray], columns: int) -> plt.Figure:
    """Draw the images, and below them the rows of perturbations in units of epsilon, (n, height, width, 3) each."""
    height = 1 + len(rows)
    figure, axes = plt.subplots(height, columns, figsize=(1.3 * columns + 1.2, 1.33 * height + 0.6), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for column, index in zip(axes.T, rank_explained(first, level=0), strict=False):
        picture_plots.picture(column[0], first.images[index], mask=first.shapes[index])
        for axis, changes in zip(column[1:], rows.values(), strict=True):
            picture_plots.picture(axis, picture_plots.magnified(changes[index], epsilon=1))
            _outline_splotches(axis, changes[index])
    original = "original,\noutlined" if first.shapes.any() else "original"
    for axis, name in zip(axes[:, 0], [original, *rows], strict=True):
        axis.text(-0.06, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize="x-small")
    return figure


def _noise(changes: np.ndarray, first: ExplanationArrays) -> np.ndarray:
    """Return changes, in units of the largest epsilon, with their values in random places."""
    epsilon = first.epsilons[-1]
    return shuffled(first.images, epsilon * changes, seed=0) / epsilon


def _outline_splotches(axis: Axes, change: np.ndarray) -> None:
    try:
        numbered = splotches(change)
    except UndefinedError:  # nothing is perturbed
        return
    if numbered.any():
        axis.contour(numbered > 0, levels=[0.5], colors="C4", linewidths=1)
