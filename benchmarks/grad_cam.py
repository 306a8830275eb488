"""Time Grad-CAM in batches against tf-keras-vis called an image at a time, and compare the maps.

    .venv/bin/python benchmarks/grad_cam.py

Both run once before they are timed: what is timed is the use of a network, not its tracing.
"""

import argparse
import time

import numpy as np
from tf_keras_vis.gradcam import Gradcam

from helpers import build_model
from helpers.backend import tf
from helpers.explain.gradcam import ActivationMaps


def an_image_at_a_time(model, images, classes):
    explainer, maps = Gradcam(model), []
    settings = {"penultimate_layer": "features", "seek_penultimate_conv_layer": False}
    for image, label in zip(images, classes, strict=True):
        maps.append(
            explainer(
                lambda logits, label=label: logits[:, label],
                image[None],
                **settings,
                expand_cam=False,
                normalize_cam=False,
            )[0]
        )
    maps = np.array(maps)
    largest = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(largest > 0, largest, 1)


def seconds_of(function, *arguments):
    began = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - began, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbones", nargs="+", default=["resnet50", "inception_resnet_v2"])
    parser.add_argument("--image-size", type=int, default=139)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    size = arguments.image_size
    images = np.random.default_rng(0).uniform(size=(arguments.images, size, size, 3)).astype(np.float32)
    classes = np.arange(len(images)) % 7
    for backbone in arguments.backbones:
        model = build_model(backbone=backbone, attention="soft", image_size=size, classes=7)
        for layer in model.layers:  # random branches start at zero: let them say something
            for weight in (getattr(layer, "gamma", None), getattr(layer, "kernel", None)):
                if weight is not None and not np.any(weight):
                    weight.assign(tf.random.stateless_normal(weight.shape, (0, 0), stddev=0.05))
        maps = ActivationMaps(model)
        maps(images[:2], classes[:2])
        an_image_at_a_time(model, images[:2], classes[:2])
        pairs = []
        for _ in range(arguments.rounds):
            theirs, alone = seconds_of(an_image_at_a_time, model, images, classes)
            ours, together = seconds_of(maps, images, classes)
            pairs.append(theirs / ours)
        apart = np.abs(alone - together).max()
        print(
            f"{backbone} at {size} px: {np.median(pairs):.1f} times as fast ({min(pairs):.1f} to {max(pairs):.1f}; "
            f"{len(images)} images, {arguments.rounds} rounds); largest difference of two maps {apart:.1e}, "
            f"{(together.max(axis=(1, 2)) > 0).sum()} maps not zero"
        )


if __name__ == "__main__":
    main()
