"""Which attack finds the smallest perturbations, at how many gradient calls an image?

    .venv/bin/python benchmarks/radii.py --task skin_lesion --attention none --images 48

The model is one that `make study` left, the images are its attacked ones that it classifies right. Each contender runs
with several budgets. Printed is the geometric mean of its radii over that of the smallest radii that anything found:
all contenders, and the study's own search with ten times its budget, from other starts, and PGD towards each class.
"""

import argparse
import time

import foolbox
import numpy as np

from helpers import load_model, read_model_config
from helpers.artifacts.folders import RunFolder
from helpers.attacks.attack import attack
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.evaluate import attacked_rows
from helpers.attacks.minimum_norm import Nearest, search_nearest
from helpers.attacks.pgd import attack_balls, random_starts
from helpers.attacks.predict import padded_batches, predict
from helpers.backend import tf
from helpers.datasets.manifest import data_folder
from helpers.datasets.pipeline import load_arrays

LARGEST = 0.5  # where bisections start
FAR_STARTS = (0.01, 0.03, 0.1)  # radii of balls in which long searches start


def study(model, images, labels, *, steps):
    """Return radii and mean calls of protocol minimal."""
    found = attack(model, images, labels, steps=steps)
    return found.radii, found.table.calls.mean()


def foolboxs_minimum_norm(model, images, labels, *, steps):
    """Return the same of Foolbox's LInfFMNAttack, as it is."""
    wrapped = foolbox.TensorFlowModel(model.logits, bounds=(0, 1), device="/CPU:0")
    radii = []
    for rows, count in padded_batches(model, np.arange(len(images))):
        criterion = foolbox.criteria.Misclassification(tf.constant(labels[rows]))
        found = foolbox.attacks.LInfFMNAttack(steps=steps).run(wrapped, tf.constant(images[rows]), criterion).numpy()
        radii.append(distances(model, images[rows], found, labels[rows])[:count])
    return np.concatenate(radii), steps


def bisected_pgd(model, images, labels, *, steps, rounds=8):
    """Return the same of PGD on the margin, from a random start, in a ball that is bisected on a logarithmic scale."""
    low, high = np.full(len(images), 1e-4, np.float32), np.full(len(images), LARGEST, np.float32)
    radii, calls = np.full(len(images), np.inf), np.zeros(len(images))
    for number in range(rounds):
        middle = np.sqrt(low * high)
        starts = random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=LARGEST, seed=0, restart=number)
        found, is_fooled, taken = attack_balls(model, images, labels, epsilons=middle, starts=starts, steps=steps)
        calls += taken
        reached = distances(model, images, found, labels)
        radii = np.minimum(radii, np.where(is_fooled, reached, np.inf))
        high, low = np.where(is_fooled, middle, high), np.where(is_fooled, low, middle)
    return radii, calls.mean()


def distances(model, images, found, labels):
    """Return the L∞ distances of perturbed images, infinite where they do not fool the model."""
    reached = np.abs(found - images).max(axis=(1, 2, 3))
    return np.where(predict(model, found) != labels, reached, np.inf)


def best_of_all(model, images, labels):
    """Return the smallest radii of long searches from several starts, and of PGD towards each class."""
    best = search_nearest(model, images, labels, steps=200).radii
    for number, distance in enumerate(FAR_STARTS):
        numbers, nothing = np.arange(len(images)), np.full(len(images), np.inf, np.float32)
        directions = random_starts(images.shape[1:], images=numbers, epsilon=LARGEST, seed=0, restart=10 + number)
        starts = Nearest(nothing, np.clip(images + np.float32(distance) * directions, 0, 1))
        best = np.minimum(best, search_nearest(model, images, labels, steps=100, known=starts).radii)
    for target in range(model.model.output_shape[-1]):
        starts = random_starts(
            images.shape[1:], images=np.arange(len(images)), epsilon=LARGEST, seed=0, restart=20 + target
        )
        found, is_fooled, _ = attack_balls(
            model, images, labels, epsilons=np.float32(0.98) * best, starts=starts, steps=40, target=target
        )
        best = np.where(is_fooled, np.minimum(best, distances(model, images, found, labels)), best)
    return best


CONTENDERS = {
    "the study": (study, (10, 20, 40)),
    "Foolbox's LInfFMNAttack": (foolboxs_minimum_norm, (20, 40, 80)),
    "bisected PGD on the margin": (bisected_pgd, (5, 10, 20)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--runs-dir")
    parser.add_argument("--task", default="skin_lesion")
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--attention", default="none")
    parser.add_argument("--training", default="standard")
    parser.add_argument("--images", type=int, default=48)
    arguments = parser.parse_args()
    chosen = {name: getattr(arguments, name) for name in ("profile", "task", "backbone", "attention", "training")}
    config = read_model_config(**chosen, runs_dir=arguments.runs_dir)
    rows = attacked_rows(config.replace(attack_images=None))
    images, labels = load_arrays(
        rows, data_dir=data_folder(config), classes=config.classes, image_size=config.image_size
    )
    model = CompiledModel(load_model(RunFolder.from_config(config).path), batch_size=config.attack_batch_size)
    right = np.flatnonzero(predict(model, images) == labels)[: arguments.images]
    images, labels = images[right], labels[right]
    print(f"{', '.join(chosen.values())}: {len(images)} images")
    measured, best = [], best_of_all(model, images, labels)
    for name, (run, budgets) in CONTENDERS.items():
        for steps in budgets:
            began = time.perf_counter()
            radii, calls = run(model, images, labels, steps=steps)
            measured.append((name, calls, time.perf_counter() - began, radii))
            best = np.minimum(best, radii)
    print(f"geometric mean of the smallest radii: {np.exp(np.log(best).mean()):.6f}")
    for name, calls, seconds, radii in measured:
        ratio = radii / best
        print(
            f"  {name}: {calls:.0f} calls, {np.exp(np.log(ratio).mean()):.3f} times the smallest "
            f"(worst image {ratio.max():.2f}), {seconds:.0f} s"
        )


if __name__ == "__main__":
    main()
