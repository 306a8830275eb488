"""Do the checks of the attack catch faults, and do they leave sound settings alone?

    .venv/bin/python benchmarks/judge_the_checks.py

The settings are those of `planted_cases.py`, `later_cases.py`, and `third_cases.py` to `sixth_cases.py`. A fault is
caught if the verdict is not "trusted"; a sound setting with another verdict is a false alarm. Settings that are held
back were written without a look at the checks. Since then, checks have been added and changed for them; README has the
outcomes of their first run.

Each outcome goes into `judged.csv` at once, in place of an earlier one; README's table is printed from there. A run
that was stopped goes on with `--missing`. Where the checks have changed, delete the file first.

Is a fault in the attack one at all? Beside it stands how much too large its radii are: their geometric mean over that
of the attack as it is, on the same images.

With `--autoattack`, the flags that AutoAttack raises on the same models stand beside (benchmarks/requirements.txt). It
brings an attack of its own, so it can only see what is wrong with a model.
"""

import argparse
from pathlib import Path

try:
    import torch_peers  # before TensorFlow: the other way round, PyTorch crashes
except ImportError:
    torch_peers = None
import numpy as np
import pandas as pd
from fifth_cases import FIFTH
from fourth_cases import FOURTH
from later_cases import LATER
from planted_cases import CASES
from sixth_cases import SIXTH
from third_cases import THIRD

from helpers import attack, check_attack
from helpers.attacks.compiled import CompiledModel

JUDGED = Path(__file__).parent / "judged.csv"
SETTINGS = [*CASES, *LATER, *THIRD, *FOURTH, *FIFTH, *SIXTH]


def judge(case):
    """Return the verdict of the checks, the names of those that failed, and how much too large the radii are.

    The verdict is "refused" where the attack or a check stops with an error: adversarials outside of their balls, or
    predictions that are not of the images they are for.
    """
    model, (images, labels) = case.model(case.of_network(case)), case.of_task(case)
    sound = attack(model, images, labels, batch_size=20, probabilities=True)
    with case.context():
        try:
            attacked = case.reading(attack(model, images, labels, batch_size=20, probabilities=True, **case.settings))
            checks = check_attack(model, images, labels, attacked, batch_size=20)
        except (ArithmeticError, ValueError):
            return "refused", [], np.nan
    ours, theirs = np.minimum(attacked.radii, 1), np.minimum(sound.radii, 1)  # where nothing is found: infinite
    both = (ours > 0) & (theirs > 0)
    too_large = np.exp(np.log(ours[both] / theirs[both]).mean()) if both.any() else np.nan
    return checks.verdict, [check.name for check in checks.checks if not check.passed], too_large


def flags(case):
    """Return AutoAttack's flags, at the median radius of the sound network."""
    model, (images, labels) = case.model(case.of_network(case)), case.of_task(case)
    epsilon = float(np.median(attack(case.of_network(case), images, labels, batch_size=20).radii))
    return torch_peers.autoattacks_flags(CompiledModel(model, batch_size=40), images, labels, epsilon=epsilon)


def keep(row):
    """Put an outcome into the table, in place of an earlier one, in the order of the cases."""
    rows = read() | {(row["kind"], row["name"]): row}
    ordered = [rows[case.kind, case.name] for case in SETTINGS if (case.kind, case.name) in rows]
    pd.DataFrame(ordered).to_csv(JUDGED, index=False, float_format="%.3f")


def read():
    """Return the outcomes so far, by kind and name of the case."""
    if not JUDGED.exists():
        return {}
    rows = pd.read_csv(JUDGED, keep_default_na=False, na_values={"radii": ""}).to_dict("records")
    return {(row["kind"], row["name"]): row for row in rows}


def in_markdown(table):
    """Return a table of how many faults were caught, and how many sound settings left alone."""
    is_sound = table.kind.str.startswith("sound")
    table = table.assign(is_right=(table.verdict == "trusted") == is_sound)
    lines = ["| settings | caught, or left alone if sound |", "|---|---|"]
    for (kind, place), rows in table.groupby(["kind", "place"], sort=False):
        lines.append(f"| {kind}{', in the ' if place else ''}{place} | {rows.is_right.sum()} of {len(rows)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases with this text in their kind or name")
    parser.add_argument("--missing", action="store_true", help="cases without an outcome in judged.csv")
    parser.add_argument("--autoattack", action="store_true", help="show the flags of AutoAttack, too")
    arguments = parser.parse_args()
    for case in SETTINGS:
        if arguments.only and arguments.only not in f"{case.kind}: {case.name}":
            continue
        if arguments.missing and (case.kind, case.name) in read():
            continue
        verdict, failed, too_large = judge(case)
        outcome = {"verdict": verdict, "failed": "; ".join(failed), "radii": too_large}
        keep({"kind": case.kind, "place": case.place, "name": case.name} | outcome)
        is_right = (verdict == "trusted") == case.is_sound
        print(f"{'ok   ' if is_right else 'WRONG'} {case.name}: {', '.join(map(str, outcome.values()))}", flush=True)
        if arguments.autoattack and (case.changes_model or case.is_sound):
            print(f"      AutoAttack: {', '.join(flags(case)) or 'nothing'}", flush=True)
    print(in_markdown(pd.DataFrame(read().values())))


if __name__ == "__main__":
    main()
