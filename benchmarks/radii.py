"""Which attack finds the smallest perturbations, at how many gradient calls an image?

    .venv/bin/python -m pip install -r benchmarks/requirements.txt       # the peers; they may be missing
    .venv/bin/python benchmarks/radii.py --task skin_lesion --attention none --images 48

The model is one that `make study` left, the images are its attacked ones that it classifies right. Each contender runs
with several budgets. Measured is the geometric mean of its radii over that of the smallest radii that anything found:
all contenders, and the study's own search with ten times its budget, from other starts, and towards each class. And
at each epsilon of the paper's grid, how many images more than that stay right. The rows go to `radii.csv`, which
`draw_radii.py` draws. What a contender found is kept, so a benchmark that was stopped goes on.
"""

import argparse
import hashlib
import time
from functools import partial
from pathlib import Path

try:
    import torch_peers  # before TensorFlow: the other way round, PyTorch crashes
except ImportError:
    torch_peers = None
import foolbox
import numpy as np
import pandas as pd

from helpers import load_model, read_model_config
from helpers.artifacts.folders import RunFolder
from helpers.attacks.attack import attack
from helpers.attacks.balls import attack_balls
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.evaluate import attacked_rows
from helpers.attacks.minimum_norm import Nearest, search_nearest
from helpers.attacks.pgd import random_starts
from helpers.attacks.predict import padded_batches, predict, predict_logits
from helpers.backend import tf
from helpers.datasets.manifest import data_folder
from helpers.datasets.pipeline import load_arrays
from helpers.paths import ROOT

TABLE = Path(__file__).with_name("radii.csv")
LARGEST = 0.5  # where bisections start
FAR_STARTS = (0.01, 0.05)  # radii of balls in which long searches start
GRID = tuple(0.00125 * 2**k for k in range(9))  # the paper's


def study(model, images, labels, *, steps):
    """Return adversarials and mean calls of protocol minimal."""
    found = attack(model, images, labels, steps=steps)
    return found.adversarials, found.table.calls.mean()


def first_search(model, images, labels, *, steps):
    """Return the same of its first search, from the image, with no other start and no confirmation."""
    found = attack(model, images, labels, steps=steps, enough=np.inf)
    return found.adversarials, found.table.calls.mean()


def foolboxs_minimum_norm(model, images, labels, *, steps):
    """Return the same of Foolbox's LInfFMNAttack, as it is."""
    wrapped = foolbox.TensorFlowModel(model.logits, bounds=(0, 1), device="/CPU:0")
    found = []
    for rows, count in padded_batches(model, np.arange(len(images))):
        criterion = foolbox.criteria.Misclassification(tf.constant(labels[rows]))
        attack = foolbox.attacks.LInfFMNAttack(steps=steps)
        found.append(attack.run(wrapped, tf.constant(images[rows]), criterion).numpy()[:count])
    return np.concatenate(found), steps


def foolboxs_pgd(model, images, labels, *, steps):
    """Return the same of Foolbox's LinfPGD, at each epsilon of the paper's grid, on the model as it is."""
    wrapped = foolbox.TensorFlowModel(model.model, bounds=(0, 1), device="/CPU:0")
    best = images.copy()
    for rows, count in padded_batches(model, np.arange(len(images))):
        attack, true = foolbox.attacks.LinfPGD(steps=steps), tf.constant(labels[rows])
        _, clipped, success = attack(wrapped, tf.constant(images[rows]), true, epsilons=GRID)
        for found, is_fooled in list(zip(clipped, success.numpy(), strict=True))[::-1]:  # the smallest epsilon last
            kept = np.flatnonzero(is_fooled[:count])
            best[rows[kept]] = found.numpy()[kept]
    return best, steps * len(GRID)


def bisected_pgd(model, images, labels, *, steps, rounds=8):
    """Return the same of PGD on the margin, from a random start, in a ball that is bisected on a logarithmic scale."""
    low, high = np.full(len(images), 1e-4, np.float32), np.full(len(images), LARGEST, np.float32)
    best, calls = images.copy(), np.zeros(len(images))
    for number in range(rounds):
        middle = np.sqrt(low * high)
        starts = random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=LARGEST, seed=0, restart=number)
        found, is_fooled, taken = attack_balls(model, images, labels, epsilons=middle, starts=starts, steps=steps)
        calls += taken
        best[is_fooled] = found[is_fooled]
        high, low = np.where(is_fooled, middle, high), np.where(is_fooled, low, middle)
    return best, calls.mean()


def distances(model, images, found, labels):
    """Return the L∞ distances of perturbed images, infinite where they do not fool the model."""
    reached = np.abs(found - images).max(axis=(1, 2, 3))
    return np.where(predict(model, found) != labels, reached, np.inf)


def best_of_all(model, images, labels):
    """Return the smallest radii of long searches from several starts, and of searches towards each class."""
    best = search_nearest(model, images, labels, steps=200).radii
    for number, distance in enumerate(FAR_STARTS):
        numbers, nothing = np.arange(len(images)), np.full(len(images), np.inf, np.float32)
        directions = random_starts(images.shape[1:], images=numbers, epsilon=LARGEST, seed=0, restart=10 + number)
        starts = Nearest(nothing, np.clip(images + np.float32(distance) * directions, 0, 1))
        best = np.minimum(best, search_nearest(model, images, labels, steps=80, known=starts).radii)
    rows, targets = model.wrong_classes(labels)
    found = search_nearest(model, images[rows], labels[rows], steps=40, targets=targets)
    np.minimum.at(best, rows, found.radii)
    return best


def contenders(model, best):
    """Return the contenders by name, each with its budgets in steps."""
    chosen = {
        "the study": (study, (5, 10, 20, 40)),
        "the study's first search": (first_search, (10, 20, 40)),
        "Foolbox's LInfFMNAttack": (foolboxs_minimum_norm, (20, 40)),
        "bisected PGD on the margin": (bisected_pgd, (5, 10)),
        "Foolbox's LinfPGD on the grid": (foolboxs_pgd, (40,)),
    }
    if torch_peers:
        largest = 1.1 * best.max()
        chosen |= {
            "AdvLib's APGD, cross-entropy": (partial(torch_peers.advlibs_apgd, "ce", largest=largest), (5, 10)),
            "AutoAttack's FAB, targeted": (partial(torch_peers.autoattacks_fab, largest=largest), (20, 40)),
        }
        if model.model.output_shape[-1] > 3:  # its DLR needs four classes
            chosen["AdvLib's APGD, targeted"] = (partial(torch_peers.advlibs_apgd, "dlr", largest=largest), (8,))
    return chosen


def remembered(path, compute):
    """Return what `compute` returns, a dictionary of numbers and arrays; from a file if an earlier run wrote it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez(unfinished, **compute())
        unfinished.replace(path)
    with np.load(path) as found:
        return {key: found[key][()] for key in found}


def timed(run, model, images, labels, *, steps):
    """Return the radii that a contender finds, its mean calls and its seconds."""
    began = time.perf_counter()
    found, calls = run(model, images, labels, steps=steps)
    seconds = time.perf_counter() - began
    return {"calls": calls, "seconds": seconds, "radii": distances(model, images, found, labels)}


def measure(model, images, labels, *, largest_budget, folder):
    """Return a row for each contender and budget, and the smallest radii; keep in the folder what each found."""
    best = remembered(folder / "all_starts.npz", lambda: {"radii": best_of_all(model, images, labels)})["radii"]
    rows = []
    study(model, images[:1], labels[:1], steps=1)  # traces
    for name, (run, budgets) in contenders(model, best).items():
        for steps in budgets:
            if steps * (len(GRID) if run is foolboxs_pgd else 1) > largest_budget:
                continue
            path = folder / f"{name.replace(' ', '_')}-{steps}.npz"
            row = remembered(path, partial(timed, run, model, images, labels, steps=steps))
            best = np.minimum(best, row["radii"])
            rows.append({"contender": name, "steps": steps} | row)
            print(f"  {name}, {steps} steps: {row['calls']:.0f} calls, {row['seconds']:.0f} s", flush=True)
    return rows, best


def summarise(rows, best):
    """Return a table of how near each contender came to the smallest radii."""
    table = pd.DataFrame(rows)
    ratios = table.radii.map(lambda radii: np.minimum(radii, LARGEST) / best)
    least = (best > np.array(GRID)[:, None]).sum(axis=1)
    table["ratio"] = [np.exp(np.log(ratio).mean()) for ratio in ratios]
    table["worst"] = [ratio.max() for ratio in ratios]
    table["more_right"] = [max((radii > np.array(GRID)[:, None]).sum(axis=1) - least) for radii in table.radii]
    return table.drop(columns="radii").assign(images=len(best), smallest=np.exp(np.log(best).mean()))


def model_parser(description):
    """Return a parser of the arguments that choose a model of a run, and how many images."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--runs-dir")
    parser.add_argument("--task", default="skin_lesion")
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--attention", default="none")
    parser.add_argument("--training", default="standard")
    parser.add_argument("--images", type=int, default=48)
    return parser


def chosen_model(arguments):
    """Return the name of the chosen model, the model itself, and test images with labels, in the order of attacks."""
    chosen = {name: getattr(arguments, name) for name in ("profile", "task", "backbone", "attention", "training")}
    config = read_model_config(**chosen, runs_dir=arguments.runs_dir)
    rows = attacked_rows(config.replace(attack_images=None))
    images, labels = load_arrays(
        rows, data_dir=data_folder(config), classes=config.classes, image_size=config.image_size
    )
    model = CompiledModel(load_model(RunFolder.from_config(config).path), batch_size=config.attack_batch_size)
    return "/".join(list(chosen.values())[1:]), model, images, labels


def main():
    parser = model_parser(__doc__.splitlines()[0])
    parser.add_argument("--largest-budget", type=int, default=1000, help="leave out contenders with more steps")
    parser.add_argument("--keep", type=Path, default=ROOT / "runs" / "_radii", help="folder for what contenders found")
    arguments = parser.parse_args()
    name, model, images, labels = chosen_model(arguments)
    right = np.flatnonzero(predict(model, images) == labels)[: arguments.images]
    images, labels = images[right], labels[right]
    print(f"{name}: {len(right)} images", flush=True)
    same = hashlib.sha256(predict_logits(model, images).tobytes()).hexdigest()[:12]  # of the same model and images
    folder = arguments.keep / same
    table = summarise(*measure(model, images, labels, largest_budget=arguments.largest_budget, folder=folder))
    print(table.round(3).to_string())
    table.insert(0, "model", name)
    others = pd.read_csv(TABLE).query("model != @name") if TABLE.exists() else None
    pd.concat([others, table]).round(5).to_csv(TABLE, index=False)


if __name__ == "__main__":
    main()
