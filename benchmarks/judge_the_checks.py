"""Do the checks of the attack catch faults, and do they leave sound settings alone?

    .venv/bin/python benchmarks/judge_the_checks.py

The settings are those of `planted_cases.py` and `later_cases.py`. A fault is caught if the verdict is not "trusted"; a
sound setting with another verdict is a false alarm. Settings that are held back were written when the checks were
finished.

Is a fault in the attack one at all? Beside it stands how much too large its radii are: their geometric mean over that
of the attack as it is, on the same images.

With `--autoattack`, the flags that AutoAttack raises on the same models stand beside (benchmarks/requirements.txt). It
brings an attack of its own, so it can only see what is wrong with a model.
"""

import argparse

try:
    import torch_peers  # before TensorFlow: the other way round, PyTorch crashes
except ImportError:
    torch_peers = None
import numpy as np
import pandas as pd
from later_cases import LATER
from planted_cases import CASES

from helpers import attack, check_attack
from helpers.attacks.compiled import CompiledModel


def judge(case):
    """Return the verdict of the checks, the names of those that failed, and how much too large the radii are.

    The verdict is "refused" where the attack or a check stops with an error: adversarials outside of their balls.
    """
    model, (images, labels) = case.model(case.of_network(case)), case.of_task(case)
    sound = attack(model, images, labels, batch_size=20, probabilities=True)
    with case.context():
        try:
            attacked = case.reading(attack(model, images, labels, batch_size=20, probabilities=True, **case.settings))
            checks = check_attack(model, images, labels, attacked, batch_size=20)
        except ArithmeticError:
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases with this text in their kind or name")
    parser.add_argument("--autoattack", action="store_true", help="show the flags of AutoAttack, too")
    arguments = parser.parse_args()
    rows = []
    for case in [*CASES, *LATER]:
        if arguments.only and arguments.only not in f"{case.kind}: {case.name}":
            continue
        verdict, failed, too_large = judge(case)
        row = {"kind": case.kind, "checks": (verdict == "trusted") == case.is_sound}
        outcome = f"{verdict} ({', '.join(failed)})" if failed else verdict
        print(f"{'ok   ' if row['checks'] else 'WRONG'} {case.name}: {outcome}; radii × {too_large:.2f}", flush=True)
        if arguments.autoattack and (case.changes_model or case.is_sound):
            raised = flags(case)
            row["autoattack"] = (not raised) == case.is_sound
            row["kind"] += " in the model" if case.changes_model else ""
            print(f"      AutoAttack: {', '.join(raised) or 'nothing'}", flush=True)
        rows.append(row)
    print(pd.DataFrame(rows).groupby("kind").agg(["sum", "size"]))


if __name__ == "__main__":
    main()
