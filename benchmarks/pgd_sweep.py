"""Time L∞ PGD sweeps side by side: Foolbox, ART, CleverHans, torchattacks, and the study's two protocols.

    .venv/bin/python -m pip install -r benchmarks/requirements.txt        # the peers; any of them may be missing
    .venv/bin/python -m pip install --no-deps torchattacks==3.5.1
    .venv/bin/python benchmarks/pgd_sweep.py --json pgd_sweep.json

One ResNet-50, the same images, epsilons, steps and step size; each contender runs once in a process of its own, one
after the other. The model is trained for a minute, or taken from what `make study` left (`--training`). Image-steps are
those that all images need at all epsilons, whether or not a contender leaves some out. torchattacks attacks
torchvision's ResNet-50 with random weights and its own predictions for labels, so that it takes every step: its
accuracies say nothing.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from memory import peak_megabytes

CONTENDERS = ("foolbox", "art", "cleverhans", "torchattacks", "paper", "minimal")


def attack_with_foolbox(model, images, labels, settings):
    import foolbox
    import tensorflow as tf

    wrapped = foolbox.TensorFlowModel(model, bounds=(0, 1), device="/CPU:0")
    attack = foolbox.attacks.LinfPGD(steps=settings["steps"], rel_stepsize=settings["rel_stepsize"])
    for epsilon in settings["epsilons"]:
        yield attack(wrapped, tf.constant(images), tf.constant(labels), epsilons=epsilon)[1].numpy()


def attack_with_art(model, images, labels, settings):
    import keras
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import TensorFlowV2Classifier

    wrapped = TensorFlowV2Classifier(
        model=model,
        nb_classes=model.output_shape[-1],
        input_shape=images.shape[1:],
        loss_object=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0.0, 1.0),
    )
    common = {"max_iter": settings["steps"], "num_random_init": 1, "batch_size": len(images), "verbose": False}
    for epsilon in settings["epsilons"]:
        steps = {"eps": epsilon, "eps_step": settings["rel_stepsize"] * epsilon}
        yield ProjectedGradientDescent(wrapped, **steps, **common).generate(images, labels)


def attack_with_cleverhans(model, images, labels, settings):
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    for epsilon in settings["epsilons"]:
        length, count = settings["rel_stepsize"] * epsilon, settings["steps"]
        limits = {"clip_min": 0.0, "clip_max": 1.0, "sanity_checks": False}
        yield projected_gradient_descent(model, images, epsilon, length, count, np.inf, y=labels, **limits).numpy()


def attack_with_torchattacks(model, images, labels, settings):
    import torch
    import torchattacks

    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    for epsilon in settings["epsilons"]:
        length = settings["rel_stepsize"] * epsilon
        attack = torchattacks.PGD(model, eps=epsilon, alpha=length, steps=settings["steps"])
        yield attack(pixels, torch.from_numpy(labels)).numpy().transpose(0, 2, 3, 1)


PEERS = {
    "foolbox": attack_with_foolbox,
    "art": attack_with_art,
    "cleverhans": attack_with_cleverhans,
    "torchattacks": attack_with_torchattacks,
}


def run_peer(name, folder, images, labels, settings):
    """Return seconds, and which images are classified right, bool (epsilons, images)."""
    if name == "torchattacks":
        import torch
        import torchvision

        torch.manual_seed(0)
        model = torchvision.models.resnet50(weights=None, num_classes=7).eval()

        def predict(pixels):
            with torch.no_grad():
                return model(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).numpy().argmax(axis=1)

        labels = predict(images)
    else:
        from helpers import load_model

        model = load_model(folder)

        def predict(pixels):
            return model.predict(pixels, verbose=0).argmax(axis=1)

    batch = settings["batch_size"]
    batches = [slice(start, start + batch) for start in range(0, len(images), batch)]
    warm_up = {**settings, "steps": 1, "epsilons": settings["epsilons"][:1]}
    list(PEERS[name](model, images[:batch], labels[:batch], warm_up))
    began = time.perf_counter()
    found = [list(PEERS[name](model, images[rows], labels[rows], settings)) for rows in batches]
    seconds = time.perf_counter() - began
    return seconds, np.array([predict(np.concatenate(each)) == labels for each in zip(*found, strict=True)])


def run_ours(name, folder, images, labels, settings):
    """Return the same of a protocol of the study's attack; "minimal" takes its own number of steps."""
    from helpers import attack, load_model
    from helpers.attacks.attack import PROTOCOLS
    from helpers.attacks.compiled import CompiledModel

    model = CompiledModel(load_model(folder), batch_size=settings["batch_size"], loss=PROTOCOLS[name])
    chosen = {"protocol": name}
    if name == "paper":
        chosen |= {key: settings[key] for key in ("epsilons", "steps", "rel_stepsize")}
    first = slice(settings["batch_size"])
    attack(model, images[first], labels[first], **chosen | {"steps": 1})
    began = time.perf_counter()
    found = attack(model, images, labels, **chosen)
    seconds = time.perf_counter() - began
    if name == "minimal":
        return seconds, found.radii > np.array(settings["epsilons"])[:, None]
    table = found.table[found.table.epsilon > 0]
    return seconds, table.pivot(index="epsilon", columns="image", values="correct").to_numpy()


def run_one(name, folder):
    """Run one contender in this process; return its row, or None if it is not installed."""
    settings = json.loads((folder / "settings.json").read_text())
    with np.load(folder / "images.npz") as data:
        images, labels = data["images"], data["labels"]
    try:
        seconds, correct = (run_peer if name in PEERS else run_ours)(name, folder, images, labels, settings)
    except ModuleNotFoundError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None
    steps = len(images) * len(settings["epsilons"]) * settings["steps"]
    accuracies = zip(settings["epsilons"], correct.mean(axis=1), strict=True)
    return {
        "name": name,
        "wall_s": round(seconds, 2),
        "image_steps_per_s": round(steps / seconds, 2),
        "robust_accuracy": {f"{epsilon:g}": round(float(share), 4) for epsilon, share in accuracies},
        "images": len(images),
        "peak_mb": round(peak_megabytes()),
    }


def of_the_study(folder, training, count):
    """Copy the ResNet-50 that `make study` trained on skin lesions; return test images and labels."""
    from helpers import read_model_config
    from helpers.artifacts.folders import RunFolder
    from helpers.attacks.evaluate import attacked_rows
    from helpers.datasets.manifest import data_folder
    from helpers.datasets.pipeline import load_arrays

    config = read_model_config(profile="quick", task="skin_lesion", backbone="resnet50", training=training)
    shutil.copy(RunFolder.from_config(config).model, folder / "model.keras")
    shown = {"classes": config.classes, "image_size": config.image_size}
    rows = attacked_rows(config).sample(count, random_state=0)
    return load_arrays(rows, data_dir=data_folder(config), **shown)


def prepare(folder, arguments):
    """Leave in a folder what all contenders share: a model, images, settings."""
    if arguments.training:
        images, labels = of_the_study(folder, arguments.training, arguments.images)
    else:
        from compare_sweep_with_foolbox import draw, train_briefly

        train_briefly(arguments.image_size, attention=arguments.attention).save(folder / "model.keras")
        images, labels = draw(arguments.images, arguments.image_size, first=100_000)
    np.savez(folder / "images.npz", images=images, labels=labels)
    names = ("epsilons", "steps", "rel_stepsize", "batch_size")
    (folder / "settings.json").write_text(json.dumps({name: getattr(arguments, name) for name in names}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--attention", default="none")
    parser.add_argument("--training", choices=("standard", "adversarial"), help="take the model of make study")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rel-stepsize", type=float, default=0.01 / 0.3, help="default: Foolbox's")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[0.00125 * 2**k for k in range(9)])
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--run-one", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run_one:
        name, folder = arguments.run_one
        print(json.dumps(run_one(name, Path(folder))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), arguments)
        for name in arguments.only:
            command = [sys.executable, __file__, "--run-one", name, folder]
            row = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])
            if row:
                rows.append(row)
                print(f"{name}: {row['wall_s']} s, {row['image_steps_per_s']} image-steps/s, {row['peak_mb']} MB")
                print(f"  robust accuracy: {row['robust_accuracy']}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
