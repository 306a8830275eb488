"""Draw a profile's figures, and its summary table, from the tables that its runs left: no training, no attack.

python -m helpers.show.figures --profile quick
"""

import argparse
import functools
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import files
from helpers.config import Config, StudyError, read_models
from helpers.judge.statistics import accuracy_by_epsilon, clean_summary, majority_share
from helpers.paths import RunFolder, from_root, shown
from helpers.phantoms import KINDS, phantom
from helpers.show import plots
from helpers.show.explanations import read_measures, show_maps, show_perturbations, summarise_measures
from helpers.show.names import SOURCES, model_name


def read_results(folder: RunFolder) -> tuple[pd.DataFrame, str]:
    """Return a model's table of robustness and its attack's verdict."""
    for path in (folder.robustness, folder.checks):
        if not path.is_file():
            raise StudyError(
                f"{path}: expected the outcome of an attack. Run notebook 04_evaluate_pgd, or make study, first."
            )
    return pd.read_csv(folder.robustness), files.read_json(folder.checks)["verdict"]


def clean_accuracies(profile: str, *, runs_dir: str | None = None) -> pd.DataFrame:
    """Return task, backbone, attention, seed and `clean_summary` of every model of a profile that is trained."""
    rows = []
    for config in read_models(profile):
        folder = RunFolder.of(config if runs_dir is None else config.but(runs_dir=runs_dir))
        if folder.predictions.is_file():
            named = {name: getattr(config, name) for name in ("task", "backbone", "attention", "training", "seed")}
            rows.append(named | clean_summary(pd.read_csv(folder.predictions, dtype={"label": str, "prediction": str})))
    return pd.DataFrame(rows)


def compare_models(
    configs: list[Config], *, folders: Iterable[RunFolder] | None = None
) -> tuple[plt.Figure, pd.DataFrame]:
    """Draw accuracy against epsilon for models of one task and backbone; return the figure and its numbers.

    Args:
        configs: The models, attacked alike but for their steps.
        folders: Where the outcomes lie; None: in the models' own folders, under the profile's own attack.
    """
    places = zip(configs, folders or map(RunFolder.of, configs), strict=True)
    results = {model_name(config): read_results(folder) for config, folder in places}
    curves = {name: accuracy_by_epsilon(table) for name, (table, _) in results.items()}
    verdicts = {name: verdict for name, (_, verdict) in results.items()}
    attacked = next(iter(results.values()))[0].query("epsilon == 0")
    figure, axis = plt.subplots(figsize=(8, 4.4))
    plots.accuracy_against_epsilon(axis, curves, verdicts=verdicts, majority=majority_share(attacked.label))
    config = configs[0]
    images = f"{len(attacked)} test images at {config.image_size} px"
    attack = f"L∞ PGD, {_steps(configs)}, protocol {config.protocol}; bands: 95% Wilson intervals"
    axis.set_title(f"{config.task}, {config.backbone}, {SOURCES[config.source]}: {images}\n{attack}")
    columns = {"task": config.task, "source": config.source, "backbone": config.backbone}
    named = zip(configs, curves.items(), strict=True)
    tables = [
        curve.assign(**columns, attention=c.attention, training=c.training, seed=c.seed, attack_checks=verdicts[name])
        for c, (name, curve) in named
    ]
    numbers = pd.concat(tables, ignore_index=True)
    keys = [*columns, "attention", "training", "seed"]
    return figure, numbers[[*keys, *(name for name in numbers if name not in keys)]]


def _steps(configs: list[Config]) -> str:
    """Return the attack's steps in words, of each way of training apart where they differ."""
    words = {c.training: f"{c.steps} steps of ε/{1 / c.rel_stepsize:.3g}" for c in configs}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return " and ".join(f"{steps} ({training})" for training, steps in words.items())


def show_adversarials(config: Config, *, folder: RunFolder | None = None, columns: int = 5) -> plt.Figure:
    """Show images, each with the adversarial at its smallest epsilon, and how they differ; the easiest to break first.

    A column each, spread over the epsilons; fewer where the attack kept fewer. `folder` is where the outcome lies, by
    default the model's own, under the profile's own attack.
    """
    folder = folder or RunFolder.of(config)
    if not folder.adversarials.is_file():
        raise StudyError(f"{folder.adversarials}: expected adversarials. Run notebook 04_evaluate_pgd first.")
    with np.load(folder.adversarials) as kept:
        minimal, images, adversarials = (kept[name] for name in ("minimal_epsilon", "images", "adversarials"))
    broken = np.flatnonzero((minimal > 0) & np.isfinite(minimal))
    ranked = broken[np.argsort(minimal[broken], kind="stable")]
    chosen = ranked[np.unique(np.linspace(0, max(len(ranked) - 1, 0), min(columns, len(ranked))).astype(int))]
    rows = ("original", "attacked", "difference")
    figure, axes = plt.subplots(len(rows), columns, figsize=(1.9 * columns, 5.9), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for column, index in enumerate(chosen):
        radius, difference = minimal[index], adversarials[index] - images[index]
        plots.picture(axes[0, column], images[index], title="original")
        plots.picture(axes[1, column], adversarials[index], title=f"attacked, ε = {radius:g}")
        shown = plots.magnified(difference, epsilon=radius)
        plots.picture(axes[2, column], shown, title=f"difference × {0.5 / radius:.0f}")
    named = f"{config.task}, {config.backbone} {model_name(config)}, {SOURCES[config.source]}"
    figure.suptitle(f"{named}:\nadversarials at the smallest ε of the grid that broke each image")
    return figure


def draw_phantoms(figures_dir: str = "figures", *, columns: int = 8, size: int = 128) -> list[Path]:
    """Draw a sheet of each kind of phantom, a row a class; every picture has a seed of its own."""
    written = []
    for kind, drawing in KINDS.items():
        rows = {
            label: [phantom(kind, label, 100 * row + seed, size, view=seed % 2).image for seed in range(columns)]
            for row, label in enumerate(drawing.LABELS)
        }
        figure = plots.picture_grid(rows, title=f"{kind} phantoms (drawn images), {size} px")
        written.append(from_root(figures_dir) / f"phantoms-{kind}.jpg")
        _save(figure, written[-1])
    return written


def draw_figures(
    *, profile: str, runs_dir: str | None = None, figures_dir: str = "figures", results_dir: str = "results"
) -> list[Path]:
    """Draw a figure for every task, backbone and seed that a profile lists, and write the numbers behind them."""
    configs = [config if runs_dir is None else config.but(runs_dir=runs_dir) for config in read_models(profile)]
    written, tables = [], []
    groups = {}
    for config in configs:
        groups.setdefault(f"{config.task}-{config.backbone}-seed{config.seed}", []).append(config)
    for name, group in groups.items():
        figure, numbers = compare_models(group)
        path = from_root(figures_dir) / f"accuracy_against_epsilon-{name}.png"
        _save(figure, path)
        written.append(path)
        tables.append(numbers)
        path = from_root(figures_dir) / f"perturbation_examples-{name}.jpg"
        _save(show_adversarials(group[0]), path)
        written.append(path)
    path = from_root(results_dir) / f"{Path(profile).stem}.csv"
    files.write_table(pd.concat(tables).round(6), path)
    return [*written, path, *_draw_explanations(configs, profile, from_root(figures_dir), from_root(results_dir))]


def _draw_explanations(configs: list[Config], profile: str, figures: Path, results: Path) -> list[Path]:
    """Draw maps and perturbations of the models that were trained as the paper's, and write the measures' summary."""
    configs, pictures = [config for config in configs if config.training == "standard"], {}
    for key in dict.fromkeys((c.backbone, c.seed) for c in configs):
        alike = [config for config in configs if (config.backbone, config.seed) == key]
        pictures[f"grad_cam-{key[0]}-seed{key[1]}.jpg"] = functools.partial(show_maps, alike)
        for task in dict.fromkeys(config.task for config in alike):
            models, name = [config for config in alike if config.task == task], f"{task}-{key[0]}-seed{key[1]}.jpg"
            pictures[f"grad_cam-{name}"] = functools.partial(show_maps, models, images=3)
            pictures[f"perturbation_shapes-{name}"] = functools.partial(show_perturbations, models)
    for name, draw in pictures.items():
        _save(draw(), figures / name)
    path = results / f"{Path(profile).stem}_explanations.csv"
    files.write_table(summarise_measures(read_measures(configs)).round(6), path)
    return [*(figures / name for name in pictures), path]


def _save(figure: plt.Figure, path: Path) -> None:
    with files.whole(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--runs-dir", help="where the runs lie; default: the profile's")
    parser.add_argument("--figures-dir", default="figures")
    parser.add_argument("--results-dir", default="results")
    arguments = parser.parse_args()
    try:
        for path in [*draw_figures(**vars(arguments)), *draw_phantoms(arguments.figures_dir)]:
            print(f"wrote {shown(path)}")
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
