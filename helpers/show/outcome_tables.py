"""Tables of attacks' outcomes as notebooks 04 and 05 show them, and sentences about them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import ROBUSTNESS
from helpers.judge.pairs import Pairs, holm
from helpers.show.names import with_interval


def tabulate_accuracies(numbers: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return robust accuracies with their intervals as text: a row for each epsilon, a column for each model.

    Args:
        numbers: What `compare_outcomes` returned.
        names: Of its models, in its order.
    """
    shown = pd.DataFrame({"epsilon": numbers.epsilon, "ε · 255": (255 * numbers.epsilon).map("{:.3g}".format)})
    shown["model"] = [name for name in names for _ in range(len(numbers) // len(names))]
    shown["attacked"] = [with_interval(row.accuracy, row.low, row.high) for row in numbers.itertuples()]
    columns = ["attacked"]
    if "accuracy_8_bit" in numbers:
        shown["attacked in whole grey levels"] = numbers.accuracy_8_bit.map("{:.2f}".format, na_action="ignore")
        columns.append("attacked in whole grey levels")
    keys = {"index": ["epsilon", "ε · 255"], "columns": "model"}
    return shown.pivot_table(values=columns, **keys, aggfunc="first", sort=False)


def tabulate_beside_paper(said: pd.DataFrame, numbers: pd.DataFrame) -> pd.DataFrame:
    """Return what the paper's text says of models of a task and backbone, beside ours at the same epsilon.

    Args:
        said: Rows of `results/paper.csv`.
        numbers: What `compare_outcomes` returned, of one task and backbone; only models trained in the standard way are
            compared.

    Returns:
        attention, epsilon, "the paper says", "accuracy here", low, high; the last three are NaN where nothing here was
        measured.
    """
    keys, found = ["task", "backbone", "attention", "epsilon"], ["accuracy here", "low", "high"]
    ours = numbers[numbers.training == "standard"].rename(columns={"accuracy": "accuracy here"})
    is_beside = said.task.isin(numbers.task) & said.backbone.isin(numbers.backbone)
    beside = said[is_beside].merge(ours[[*keys, *found]], on=keys, how="left")
    return beside.rename(columns={"says": "the paper says"})[["attention", "epsilon", "the paper says", *found]]


def say_where_accuracies_end(numbers: pd.DataFrame, names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence on each model: its accuracy clean, at the smallest epsilon, and where it is 0 or at the end.

    Args:
        numbers: What `compare_outcomes` returned.
        names: Of its models, in its order.
    """
    curves = numbers.groupby((numbers.epsilon == 0).cumsum().to_numpy())  # each begins clean
    for name, (_, curve) in zip(names, curves, strict=True):
        highest_from = curve.accuracy[::-1].cummax()[::-1]  # under protocol "paper", an accuracy may rise again
        zero = curve.epsilon[(curve.epsilon > 0) & (highest_from == 0)]
        at = [f"{row.accuracy:.3f} at epsilon = {row.epsilon:g}" for row in curve.itertuples()]
        end = f"0 from epsilon = {zero.min():g} on" if len(zero) else f"still {at[-1]}"
        yield f"{name}: {curve.accuracy.iloc[0]:.3f} clean, {at[1]}, {end}"


def say_what_survives(folder: RunFolder) -> Iterator[str]:
    """Yield how many adversarials still fool the model as a picture file, and how many grey levels an image needs.

    Args:
        folder: The run folder of a model, the `variant` of the attack.
    """
    table = ROBUSTNESS.load(folder.robustness)
    if "levels" not in table:
        yield "Protocol paper does not search whole grey levels."
        return
    broken = table[(table.radius > 0) & np.isfinite(table.radius)]
    for how, column in (("rounding", "fools_rounded"), ("JPEG of quality 95", "fools_jpeg")):
        yield f"Of {len(broken)} adversarials, {broken[column].sum()} still fool the model after {how}."
    levels = broken.levels[np.isfinite(broken.levels)]  # infinite where nothing was found in whole levels
    if len(levels):
        needed = f"{levels.min():g} to {levels.max():g} whole grey levels, {levels.median():g} in the median"
        unknown = len(broken) - len(levels)
        yield f"An image needs {needed}" + f"; for {unknown}, none was found" * bool(unknown) + "."


def tabulate_pairs(tables: Mapping[str, pd.DataFrame], epsilons: Sequence[float]) -> pd.DataFrame:
    """Compare each model with the first one, on the same images: a row for each of the others.

    Args:
        tables: {model's name: table of robustness}.
        epsilons: At which curves and single accuracies are compared.

    Returns:
        model, "both right" (number of images that both classify right), two ratios and the area between curves with
        their 95% intervals as text, and the smallest p of exact McNemar tests at `epsilons`, adjusted for all tests of
        the table (Holm, 1979).

    Raises:
        StudyError: two models were attacked on different images.
    """
    (first, own), *others = tables.items()
    rows, tests = [], []
    for name, table in others:
        pairs = Pairs.from_tables(own, table)
        found = {
            "ratio of geometric means": pairs.ratio_of_geometric_means(),
            "ratio of medians": pairs.ratio_of_medians(),
            "area between curves": pairs.area_between_curves(epsilons),
        }
        shown = {what: with_interval(one.value, one.low, one.high) for what, one in found.items()}
        rows.append({f"model (against: {first})": name, "both right": pairs.both_right.sum(), **shown})
        tests += [pairs.mcnemar(epsilon) for epsilon in epsilons]
    smallest = np.reshape(holm(tests), (len(rows), len(epsilons))).min(axis=1)
    return pd.DataFrame(rows).assign(**{"smallest p": smallest})


def tabulate_checks(folders: Mapping[str, RunFolder]) -> pd.DataFrame:
    """Return the checks of some models' attacks: a row for each check, a column for each model, then its meaning."""
    made = pd.concat(ChecksReport.load(folder.checks).table.assign(model=name) for name, folder in folders.items())
    made["shown"] = [
        (f"{row.value:.3g}" if pd.isna(row.low) else with_interval(row.value, row.low, row.high))
        + ", failed" * (not row.passed)
        for row in made.itertuples()
    ]
    values = made.pivot_table(index="name", columns="model", values="shown", aggfunc="first", sort=False).reset_index()
    return values.merge(made[["name", "threshold", "meaning"]].drop_duplicates("name"), on="name")
