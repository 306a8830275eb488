"""Pictures of perturbations and activation maps, and measures beside their controls, from what an explanation left."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.config import Config, StudyError
from helpers.explain.measures import UndefinedError
from helpers.explain.perturbation import splotches
from helpers.judge.statistics import summarise
from helpers.paths import RunFolder
from helpers.show import plots
from helpers.show.names import SOURCES, model_name

# At which epsilon the paper shows maps (Figures 12 and 13)
PAPER_EPSILONS = {
    "resnet50": {"skin_lesion": 0.01, "retinopathy": 0.32, "pneumothorax": 0.32},
    "inception_resnet_v2": {"skin_lesion": 0.00125, "retinopathy": 0.00125, "pneumothorax": 0.00125},
}
COLUMNS = (
    "image",
    "attacked",
    "difference",
    "Grad-CAM\nclean",
    "Grad-CAM\nattacked",
    "attention\nclean",
    "attention\nattacked",
)
FIRST = "Run notebook 06_explain_gradcam, or make study, first."


def read_maps(folder: RunFolder) -> dict[str, np.ndarray]:
    """Return the arrays that an explanation left for pictures."""
    return _read(folder.maps, lambda path: dict(np.load(path).items()))


def read_measures(configs: Sequence[Config], folders: Sequence[RunFolder] | None = None) -> pd.DataFrame:
    """Return the tables of explanations.csv of some models, with columns that name the model in front."""
    tables = []
    for config, folder in zip(configs, folders or map(RunFolder.of, configs), strict=True):
        table = _read(folder.explanations, lambda path: pd.read_csv(path, dtype={"target": str}).fillna({"target": ""}))
        named = {"task": config.task, "backbone": config.backbone, "model": model_name(config)}
        tables.append(pd.DataFrame(named, index=table.index).join(table))
    return pd.concat(tables, ignore_index=True)


def summarise_measures(measured: pd.DataFrame) -> pd.DataFrame:
    """Return mean and interval of every measure of every model under every condition (see `summarise`)."""
    return summarise(measured, ["task", "backbone", "model", "condition", "epsilon", "target", "measure"])


def show_maps(
    configs: Sequence[Config],
    *,
    epsilon: float | None = None,
    images: int = 1,
    target: str = "true",
    folders: Sequence[RunFolder] | None = None,
) -> plt.Figure:
    """Show images and what models look at, clean and attacked: a row an image and model.

    Args:
        configs: The models, of one backbone.
        epsilon: The nearest that was explained; None: the one that the paper shows for the task and backbone.
        images: How many of each task: those first that the attack broke under the task's first model.
        target: "true" or "predicted": the class that maps are about.
        folders: Where their explanations lie; None: the run folders.
    """
    rows, read = [], [read_maps(folder) for folder in folders or map(RunFolder.of, configs)]
    for task in dict.fromkeys(config.task for config in configs):
        models = [(config, kept) for config, kept in zip(configs, read, strict=True) if config.task == task]
        wanted, first = epsilon or PAPER_EPSILONS[configs[0].backbone][task], models[0][1]
        level = int(np.abs(np.log(first["epsilons"] / wanted)).argmin())
        rows += [(*model, index, level) for index in _worth_showing(first, level)[:images] for model in models]
    figure, axes = plt.subplots(
        len(rows), len(COLUMNS), figsize=(1.35 * len(COLUMNS), 1.25 * len(rows) + 0.9), squeeze=False
    )
    for line, row in zip(axes, rows, strict=True):
        _draw_row(line, *row, target=target)
    for axis, name in zip(axes[0], COLUMNS, strict=True):
        axis.set_title(name, fontsize="small")
    config = configs[0]
    tasks = ", ".join(dict.fromkeys(c.task for c in configs))
    maps = f"Grad-CAM of the backbone's last feature map for the {target} class"
    figure.suptitle(
        f"{tasks}; {config.backbone}; {SOURCES[config.source]}\n{maps}; difference: grey is 0, black and white ±ε"
    )
    return figure


def _worth_showing(kept: Mapping[str, np.ndarray], level: int) -> list[int]:
    """Return the numbers of the images whose pixels are kept, those first that were right and were broken."""
    labels = kept["labels"][: len(kept["images"])]
    clean, attacked = (kept["predictions"][place][: len(labels)] == labels for place in (0, level + 1))
    return sorted(range(len(labels)), key=lambda i: (not clean[i] or attacked[i], not clean[i]))


def _draw_row(axes, config: Config, kept: Mapping[str, np.ndarray], index: int, level: int, *, target: str) -> None:
    image, change, radius = kept["images"][index], kept["changes"][level][index].astype(float), kept["epsilons"][level]
    plots.picture(axes[0], image, mask=kept["shapes"][index])
    plots.picture(axes[1], np.clip(image + radius * change, 0, 1))
    plots.picture(axes[2], plots.magnified(change, epsilon=1))
    for axis, place in ((axes[3], 0), (axes[4], level + 1)):
        plots.overlaid(axis, image, kept[f"maps_{target}"][place][index])
    for axis, place in ((axes[5], 0), (axes[6], level + 1)):
        if "attention" in kept:
            weights = kept["attention"][place][index]
            plots.overlaid(axis, image, weights / weights.max())
        else:
            plots.picture(axis, np.ones_like(image))
            axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", va="center", color="0.5")
    clean, attacked = (config.classes[kept["predictions"][place][index]] for place in (0, level + 1))
    said = f"{clean} → {attacked}" if clean != attacked else f"{clean}, still"
    axes[0].text(
        -0.08,
        0.5,
        f"{config.task}\n{model_name(config)}\nε = {radius:g}\nit says {said}\ntrue: "
        f"{config.classes[kept['labels'][index]]}",
        transform=axes[0].transAxes,
        ha="right",
        va="center",
        fontsize="x-small",
    )


def show_perturbations(
    configs: Sequence[Config], *, columns: int = 4, folders: Sequence[RunFolder] | None = None
) -> plt.Figure:
    """Show perturbations scaled to 0..255: a row a model and epsilon, a column an image; dark splotches outlined.

    The last row is the control: noise of the largest radius, which knows of an image only where that clips it.
    """
    read = [read_maps(folder) for folder in folders or map(RunFolder.of, configs)]
    first, largest = read[0], read[0]["epsilons"][-1]
    chosen = _worth_showing(first, 0)[:columns]
    rows = {
        f"{model_name(config)}\nε = {radius:g}": changes.astype(float)
        for config, kept in zip(configs, read, strict=True)
        for radius, changes in zip(kept["epsilons"], kept["changes"], strict=True)
    }
    rows[f"uniform noise\nε = {largest:g}"] = _clipped_noise(first["images"], largest)
    figure, axes = plt.subplots(
        1 + len(rows), columns, figsize=(1.3 * columns + 1.2, 1.33 * (1 + len(rows)) + 0.6), squeeze=False
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for column, index in enumerate(chosen):
        plots.picture(axes[0, column], first["images"][index], mask=first["shapes"][index])
        for line, changes in zip(axes[1:], rows.values(), strict=True):
            plots.picture(line[column], plots.magnified(changes[index], epsilon=1))
            _outline_splotches(line[column], changes[index])
    original = "original,\noutlined" if first["shapes"].any() else "original"
    for axis, name in zip(axes[:, 0], [original, *rows], strict=True):
        axis.text(-0.06, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize="x-small")
    config = configs[0]
    figure.suptitle(
        f"{config.task}, {config.backbone}, {SOURCES[config.source]}: perturbations scaled to 0..255\n"
        "grey is no change; in orange, dark splotches: regions that darken by over a quarter of ε on average"
    )
    return figure


def _clipped_noise(images: np.ndarray, epsilon: float) -> np.ndarray:
    """Return uniform noise, in units of epsilon, that leaves images (n, height, width, 3) in [0, 1], as attacks do."""
    noise = np.random.default_rng(0).uniform(-epsilon, epsilon, images.shape)
    return (np.clip(images + noise, 0, 1) - images) / epsilon


def _outline_splotches(axis, change: np.ndarray) -> None:
    try:
        numbered = splotches(change)
    except UndefinedError:
        return
    if numbered.any():
        axis.contour(numbered > 0, levels=[0.5], colors="C4", linewidths=1)


def show_measures(summary: pd.DataFrame, names: Sequence[str], *, target: str = "", title: str = "") -> plt.Figure:
    """Plot measures against epsilon, an axis each: of attacked images (solid) beside noise of the same radius (dashed).

    Args:
        summary: What `summarise_measures` returned, for the models of one task and backbone.
        names: Of the measures; one without any value says so.
        target: "true" or "predicted" for measures of maps, "" for those of perturbations.
        title: Of the figure.
    """
    lines = -(-len(names) // 4)
    figure, axes = plt.subplots(lines, 4, figsize=(11, 2.55 * lines + 0.5), squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        plots.measure_against_epsilon(axis, summary[(summary.measure == name) & summary.target.isin(["", target])])
        axis.set_title(name, fontsize="small")
    handles = [h for h in axes.flat[0].get_legend_handles_labels()[0]]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize="small")
    figure.suptitle(title)
    return figure


def _read(path: Path, reader):
    if not path.is_file():
        raise StudyError(f"{path}: expected an explanation, it is not there. {FIRST}")
    return reader(path)
