"""Write the golden files: what each stage of the study makes on a tiny case. Tests compare the code with them.

The numbers are coarse, so that they are the same on all processors. Write a file anew after raising a stage's version:

    python tests/golden/write.py drawing
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.artifacts.records import STAGES
from helpers.phantoms import KINDS, phantom

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "extension")]

import cases  # noqa: E402

SEEDS = {"dermatoscopy": 252, "fundus": 6, "chest_xray": 95}  # with these, every sign is in one of the pictures


@dataclass(frozen=True)
class Golden:
    """What is pinned of a stage.

    Attributes:
        makes: What the stage makes, in words.
        numbers: Returns {case: numbers}.
        tolerance: Largest difference of a number that does not count as a change.
    """

    makes: str
    numbers: Callable[[], dict[str, list[float]]]
    tolerance: float


def drawing_numbers() -> dict[str, list[float]]:
    """Return the mean grey levels, 0 to 255, in the cells of a 4×4 grid: of red, green, blue and the mask."""
    numbers = {}
    for kind, seed in SEEDS.items():
        for label in KINDS[kind].LABELS:
            drawn = phantom(kind, label, seed, 32)
            channels = np.dstack([drawn.image, 255.0 * drawn.mask])
            cells = channels.reshape(4, 8, 4, 8, 4).mean(axis=(1, 3))
            numbers[f"{kind} {label}"] = cells.ravel().round(1).tolist()
    return numbers


GOLDENS = {
    "drawing": Golden("the drawings", drawing_numbers, tolerance=0.2),
    "splitting": Golden("the splits", cases.splitting_numbers, tolerance=0.0),
    "training": Golden("the trainings", cases.training_numbers, tolerance=0.02),
    "attack": Golden("the attacks", cases.attack_numbers, tolerance=0.15),
    "explanation": Golden("the explanations", cases.explanation_numbers, tolerance=0.02),
}


def find_change(stage: str) -> str:
    """Return what differs between the golden file of a stage and the code, and what to do; "" if nothing differs."""
    golden, stored = GOLDENS[stage], json.loads((FOLDER / f"{stage}.json").read_text())
    command = f"python tests/golden/write.py {stage}"
    if stored["version"] != STAGES[stage]:
        return (
            f"the golden file is of version {stored['version']} of stage {stage!r}, the code of version "
            f"{STAGES[stage]}: write the golden file anew ({command})"
        )
    now = golden.numbers()
    changed = [
        case for case in {**stored["numbers"], **now} if _differs(stored["numbers"], now, case, golden.tolerance)
    ]
    if not changed:
        return ""
    return (
        f"{golden.makes} changed: raise STAGES[{stage!r}] in helpers/artifacts/records.py and write the golden file "
        f"anew ({command}). Changed: {', '.join(changed)}"
    )


def _differs(stored: dict[str, list[float]], now: dict[str, list[float]], case: str, tolerance: float) -> bool:
    """Return whether a case is in one of the two only, or has other numbers."""
    if case not in stored or case not in now or len(stored[case]) != len(now[case]):
        return True
    return not np.allclose(now[case], stored[case], rtol=0, atol=tolerance)


def write(stage: str) -> Path:
    """Write the golden file of a stage, one case per line, and return its path."""
    lines = [f"    {json.dumps(case)}: {json.dumps(numbers)}" for case, numbers in GOLDENS[stage].numbers().items()]
    path = FOLDER / f"{stage}.json"
    path.write_text(f'{{\n  "version": {STAGES[stage]},\n  "numbers": {{\n' + ",\n".join(lines) + "\n  }\n}\n")
    return path


if __name__ == "__main__":
    for name in sys.argv[1:] or GOLDENS:
        print(write(name))
