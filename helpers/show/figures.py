"""Draw a profile's figures, and write summary tables if asked, from the files of its runs: no training, no attack.

python -m helpers.show.figures --profile quick

With --so-far, from a run that goes on; with --seed 0, pictures of the models with this seed only.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from helpers import files
from helpers.artifacts.folders import RunFolder
from helpers.config import Config
from helpers.errors import StudyError
from helpers.paths import display_path, from_root
from helpers.phantoms import KINDS, phantom
from helpers.profile_files import profile_path
from helpers.profiles import read_models
from helpers.show.accuracy_figures import compare_models
from helpers.show.command_line import profile_parser
from helpers.show.finished import finished_models
from helpers.show.map_figures import show_maps
from helpers.show.model_tables import read_measures, summarise_measures
from helpers.show.names import class_name
from helpers.show.perturbation_figures import show_adversarials, show_perturbations
from helpers.show.picture_plots import picture_grid


def draw_phantoms(figures_dir: str = "figures", *, columns: int = 8, size: int = 128) -> list[Path]:
    """Draw a sheet of each kind of phantom, a row per class, every picture with another seed; return the paths."""
    paths = []
    for kind, drawing in KINDS.items():
        rows = {
            class_name(label): [
                phantom(kind, label, 100 * row + seed, size, view=seed % 2).image for seed in range(columns)
            ]
            for row, label in enumerate(drawing.LABELS)
        }
        figure = picture_grid(rows, title=f"{kind} phantoms (drawn images), {size} px")
        paths.append(save_figure(figure, from_root(figures_dir) / f"phantoms-{kind}.jpg"))
    return paths


def draw_figures(
    *,
    profile: str,
    runs_dir: str | None = None,
    figures_dir: str | None = None,
    results_dir: str | None = None,
    so_far: bool = False,
    seed: int | None = None,
) -> list[Path]:
    """Draw the figures of every task, backbone and seed that a profile lists, and write the numbers behind them.

    The profile says which models there are. What figures and tables say of them comes from the records of their runs.

    Args:
        profile: The name of a file in params/ ("quick"), or the path of a YAML file.
        runs_dir: Where the runs are; None: as the profile says.
        figures_dir: Where figures go; None: figures/<profile>. Relative paths start at the repository's root.
        results_dir: Where summary.csv and summary_explanations.csv go; None: no tables.
        so_far: Leave out models that are not finished.
        seed: Draw the models with this seed only; None: all. The tables have all of them.

    Returns:
        The paths of all files written.

    Raises:
        StudyError: no such profile; a model that was not attacked, or not explained where it should be.
    """
    configs = finished_models(profile, runs_dir=runs_dir) if so_far else read_models(profile, runs_dir=runs_dir)
    figures = from_root(figures_dir or f"figures/{profile_path(profile).stem}")
    results = from_root(results_dir) if results_dir else None
    explained = [config for config in configs if not config.is_adversarial]  # notebook 06 explains no others
    return [
        *_draw_accuracies(configs, figures, results, seed),
        *_draw_maps([config for config in explained if seed in (None, config.seed)], figures),
        *_write_measures(explained, results),
    ]


def _draw_accuracies(configs: Sequence[Config], figures: Path, results: Path | None, drawn: int | None) -> list[Path]:
    """Draw accuracies and adversarials of every task and backbone, and of one seed or all; write all accuracies."""
    paths, numbers = [], []
    for (task, backbone, seed), folders in _group(configs, lambda c: (c.task, c.backbone, c.seed)).items():
        group = f"{task}-{backbone}-seed{seed}"
        figure, accuracies = compare_models(folders, epsilons=configs[0].epsilons)
        numbers.append(accuracies)
        if drawn not in (None, seed):
            plt.close(figure)
            continue
        paths.append(save_figure(figure, figures / f"accuracy_against_epsilon-{group}.png"))
        paths.append(save_figure(show_adversarials(folders[0]), figures / f"perturbation_examples-{group}.jpg"))
    if results:
        paths.append(results / "summary.csv")
        files.write_table(pd.concat(numbers).round(6), paths[-1])
    return paths


def _draw_maps(configs: Sequence[Config], figures: Path) -> list[Path]:
    """Draw activation maps and perturbations of every task, backbone and seed."""
    paths = []
    for (task, backbone, seed), folders in _group(configs, lambda c: (c.task, c.backbone, c.seed)).items():
        group = f"{task}-{backbone}-seed{seed}"
        paths.append(save_figure(show_maps(folders, images=3), figures / f"grad_cam-{group}.jpg"))
        paths.append(save_figure(show_perturbations(folders), figures / f"perturbation_shapes-{group}.jpg"))
    return paths


def _write_measures(configs: Sequence[Config], results: Path | None) -> list[Path]:
    """Write the summary of all measures, if asked, and any model is explained."""
    if not configs or not results:
        return []
    measured = read_measures(map(RunFolder.from_config, configs))
    files.write_table(summarise_measures(measured).round(6), results / "summary_explanations.csv")
    return [results / "summary_explanations.csv"]


def _group(configs: Sequence[Config], key: Callable[[Config], tuple]) -> dict[tuple, list[RunFolder]]:
    """Return the run folders of models, those with the same key together."""
    groups: dict[tuple, list[RunFolder]] = {}
    for config in configs:
        groups.setdefault(key(config), []).append(RunFolder.from_config(config))
    return groups


def save_figure(figure: plt.Figure, path: Path) -> Path:
    """Write a figure to a file, atomically, and close it."""
    with files.atomic_write(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)
    return path


def main() -> None:
    """Read the command line and draw."""
    parser = profile_parser(__doc__)
    parser.add_argument("--figures-dir", help="default: figures/<profile> of the repository, and figures/ for phantoms")
    parser.add_argument("--results-dir", help="where summary tables go; default: none are written")
    parser.add_argument(
        "--so-far", action="store_true", help="of the models that are finished here only, in tables, too"
    )
    parser.add_argument("--seed", type=int, help="pictures of the models with this seed only; default: all")
    arguments = parser.parse_args()
    try:
        drawn = draw_figures(
            profile=arguments.profile,
            runs_dir=arguments.runs_dir,
            figures_dir=arguments.figures_dir,
            results_dir=arguments.results_dir,
            so_far=arguments.so_far,
            seed=arguments.seed,
        )
        for path in [*drawn, *draw_phantoms(arguments.figures_dir or "figures")]:
            print(f"wrote {display_path(path)}")
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
