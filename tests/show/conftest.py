"""Fixtures: an axis to draw on, and run folders with the files that an attack or an explanation leaves."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.artifacts import records
from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import EXPLANATIONS, ROBUSTNESS
from helpers.explain.measure_table import COLUMNS
from helpers.profiles import read_models

SIZE = 16  # side of an image in pixels
EPSILONS = (0.00125, 0.32)


@pytest.fixture(autouse=True)
def close_figures():
    """Close the figures that a test leaves open."""
    yield
    plt.close("all")


@pytest.fixture
def axis():
    """Return an axis to draw on."""
    return plt.subplots()[1]


@pytest.fixture
def smoke(tmp_path):
    """Return the configurations of profile smoke, with runs in a temporary folder."""
    return read_models("smoke", runs_dir=str(tmp_path / "runs"))


def robustness_table(images=10):
    """Return a table in which the first image is misclassified, and the others have radii of .05, .1, .15 …."""
    rows = [
        (
            f"image {number}",
            f"image {number}",
            "nv" if number else "mel",
            "minimum_norm_6",
            0,
            0.05 * number,
            0,
            40,
            "nv",
        )
        for number in range(images)
    ]
    columns = ["image", "group", "label", "attack", "seed", "radius", "failed_at", "calls", "prediction"]
    return pd.DataFrame(rows, columns=columns)


def paper_table(epsilons=(0.0, 0.1, 0.2), images=10):
    """Return the same outcome as a table of protocol "paper": a row per image and epsilon."""
    rows = robustness_table(images)[["image", "group", "label", "seed", "prediction"]]
    tables = [rows.assign(epsilon=e, correct=rows.index > 20 * e, attack="linf_pgd_40") for e in epsilons]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def robustness():
    """Return a function that makes a table of robustness."""
    return robustness_table


@pytest.fixture
def paper_robustness():
    """Return a function that makes a table of robustness under protocol "paper"."""
    return paper_table


@pytest.fixture
def leave_attack():
    """Return a function that writes what an attack of a model would leave, and returns the run folder."""

    def leave(config, *, folder=None, radii=(0, 0.01, np.inf)):
        folder, count = folder or RunFolder.from_config(config), len(radii)

        def make():
            table = robustness_table() if config.protocol == "minimal" else paper_table()
            ROBUSTNESS.save(table, folder.robustness)
            ChecksReport(verdict="trusted", checks=[]).save(folder.checks)
            Adversarials(
                images=np.zeros((count, SIZE, SIZE, 3)),
                adversarials=np.full((count, SIZE, SIZE, 3), 0.01),
                radii=np.array(radii),
                labels=np.zeros(count, int),
                names=np.array([f"image {number}" for number in range(count)]),
                groups=np.array([f"image {number}" for number in range(count)]),
                masks=np.zeros((count, SIZE, SIZE), bool),
                has_mask=np.zeros(count, bool),
            ).save(folder.adversarials)

        records.make_once(folder.robustness, stage="attack", parameters={}, make=make, config=config)
        return folder

    return leave


def explanation_table(names):
    """Return a table with a measure of maps and one of perturbations, under every condition but the shuffled ones."""
    rng = np.random.default_rng(0)
    conditions = [("clean", 0.0), *itertools.product(("attack", "noise", "other image"), EPSILONS)]
    rows = [
        (name, name, condition, epsilon, target, "held", measure, rng.uniform(), "")
        for name in names
        for condition, epsilon in conditions
        for target, measure in (("true", "entropy"), ("", "contrast"))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def explanation_arrays(config, *, explained, kept, image):
    """Return maps of 3×3 positions; the first epsilon breaks no image, the second breaks all."""
    rng = np.random.default_rng(0)
    labels = np.arange(explained) % len(config.classes)
    names = np.array([f"image {number}" for number in range(explained)])
    has_map = config.attention == "soft"
    return ExplanationArrays(
        names=names,
        groups=names,
        labels=labels,
        epsilons=np.array(EPSILONS),
        predictions=np.stack([labels, labels, (labels + 1) % len(config.classes)]),
        maps={
            "true": rng.uniform(size=(3, explained, 3, 3)),
            "predicted": np.zeros((3, explained, 3, 3)),
        },
        images=np.full((kept, SIZE, SIZE, 3), image),
        changes=rng.uniform(-1, 1, (2, kept, SIZE, SIZE, 3)).astype(np.float16),
        shapes=np.zeros((kept, SIZE, SIZE), bool),
        attention=np.full((3, explained, 3, 3), 1 / 9) if has_map else None,
    )


@pytest.fixture
def leave_explanation():
    """Return a function that writes what an explanation of a model would leave, and returns the run folder."""

    def leave(config, *, explained=4, kept=3, image=0.5, method="gradcam", layer=None):
        folder, parameters = RunFolder.from_config(config), {"method": method, "layer": layer}
        arrays = explanation_arrays(config, explained=explained, kept=kept, image=image)

        def make():
            arrays.save(folder.maps)
            EXPLANATIONS.save(explanation_table(arrays.names), folder.explanations)

        records.make_once(folder.explanations, stage="explanation", parameters=parameters, make=make, config=config)
        return folder

    return leave
