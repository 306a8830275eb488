"""Five claims judged again from the raw tables of `reference`, with pandas and SciPy alone: the ledger says the same.

Nothing of helpers.judge but the ledger that is checked, and the tables are read as a reader of results/ would.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from helpers.artifacts.results import StudyResults
from helpers.judge.claims import read_claims
from helpers.judge.ledger import judge
from helpers.paths import ROOT

FOLDER = ROOT / "results" / "reference"
TASKS = ("skin_lesion", "retinopathy", "pneumothorax")
CELLS = [(task, backbone) for backbone in ("resnet50", "inception_resnet_v2") for task in TASKS]
LEVEL = 0.025


@pytest.fixture(scope="module")
def ledger():
    found = judge(StudyResults.load(FOLDER), read_claims())
    return found.set_index(["claim", "task", "backbone"])


def table_of(name, task, backbone, arm):
    table = pd.read_csv(FOLDER / name)
    return table[(table.task == task) & (table.backbone == backbone) & (table.arm == arm)].set_index(["image", "seed"])


def clusters(values, of):
    """Return the variance of the mean of values over clusters, and the number of clusters."""
    sums = (values - values.mean()).groupby(of).sum()
    return len(sums) / (len(sums) - 1) * (sums**2).sum() / len(values) ** 2, len(sums)


def mean_with_error(values, group):
    """Return mean, standard error and degrees of freedom over groups and trainings (see `crossed_mean`)."""
    seed = values.index.get_level_values("seed")
    by_group, groups = clusters(values, group.to_numpy())
    by_seed, seeds = clusters(values, seed)
    twice, _ = clusters(values, group.astype(str).to_numpy() + "/" + seed.astype(str))
    variance = max(by_group + by_seed - twice, by_group, by_seed)
    freedom = variance**2 / (by_group**2 / (groups - 1) + by_seed**2 / (seeds - 1))
    return values.mean(), np.sqrt(variance), max((freedom - 1) / 2, seeds - 1)


def ratio(task, backbone, arm, other_arm):
    """Return the mean log ratio of radii of images that both models classify right, with its error and freedom."""
    one, other = (table_of("radii.csv.gz", task, backbone, name) for name in (arm, other_arm))
    both = one.assign(radius_other=other.radius).query("radius > 0 and radius_other > 0")
    return mean_with_error(np.log(both.radius / both.radius_other), both.group)


def adjusted(p_values):
    """Return p values after Holm: the smallest of n times n, the next one times n - 1, and none below one before it."""
    ranks = sorted(p_values, key=p_values.get)
    steps = np.maximum.accumulate([p_values[key] * (len(ranks) - rank) for rank, key in enumerate(ranks)])
    return dict(zip(ranks, steps, strict=True))


@pytest.mark.parametrize(
    ("claim", "other_arm", "count"), [("robustness", "none", 6), ("attention-alone", "placebo", 3)]
)
def test_a_gain_in_robustness(ledger, claim, other_arm, count):
    """Contradicted: a gain of 15% is ruled out, adjusted for the number of cells. No cell shows a gain."""
    found = {cell: ratio(*cell, "soft", other_arm) for cell in CELLS[:count]}
    no_gain = adjusted({c: student.cdf((mean - np.log(1.15)) / error, df) for c, (mean, error, df) in found.items()})
    for cell, (mean, error, freedom) in found.items():
        row = ledger.loc[(claim, *cell)]
        half = student.ppf(1 - LEVEL, freedom) * error
        np.testing.assert_allclose([row.value, row.low, row.high], np.exp([mean, mean - half, mean + half]), rtol=1e-6)
        assert student.sf(mean / error, freedom) > LEVEL
        assert row.verdict == ("contradicted" if no_gain[cell] < LEVEL else "cannot tell")
    assert set(ledger.verdict[claim]) == {"contradicted", "cannot tell"}


def test_a_difference_of_clean_accuracies(ledger):
    """Supported: without attention, ResNet-50 is right more often on skin lesions."""
    soft, none = (table_of("clean.csv.gz", *CELLS[0], arm) for arm in ("soft", "none"))
    mean, error, freedom = mean_with_error(soft.right - none.right, soft.group)
    row = ledger.loc[("skin-resnet50-clean", *CELLS[0])]
    assert row.value == pytest.approx(mean)
    assert student.cdf(mean / error, freedom) < LEVEL
    assert row.verdict == "supported"


def test_an_accuracy_of_zero(ledger):
    """Cannot tell: no radius reaches .01 in any training, but of lesions that count for 60, 5% might hide (Wilson)."""
    radii = table_of("radii.csv.gz", *CELLS[0], "none")
    row = ledger.loc[("skin-resnet50-none-zero", *CELLS[0])]
    assert (radii.radius > 0.01).mean() == row.value
    sizes = radii.xs(0, level="seed").group.value_counts()
    lesions, squared = sizes.sum() ** 2 / (sizes**2).sum(), norm.ppf(0.975) ** 2
    assert row.high == pytest.approx(squared / (lesions + squared))
    assert row.high > 0.05
    assert row.verdict == "cannot tell"


def test_the_parameters_of_the_block(ledger):
    """Supported: less than 1.3%, by the numbers of weights that the models have."""
    counts = pd.read_csv(FOLDER / "models.csv").set_index(["task", "backbone", "arm", "seed"]).parameters
    for task in TASKS[1:]:
        soft, none = (counts.loc[(task, "resnet50", arm, 0)] for arm in ("soft", "none"))
        row = ledger.loc[("parameters", task, "resnet50")]
        assert row.value == pytest.approx(soft / none - 1)
        assert soft / none - 1 < 0.013
        assert row.verdict == "supported"
