"""Time one gradient step of the attack against what its multiply-adds need at the machine's own matrix rate.

    .venv/bin/python benchmarks/gradient_step.py --image-size 224 --batch-size 16

The gradient by the pixels needs each convolution twice, forward and backward; the weights need none. The matrix rate
is that of float32 products of square matrices, measured in turn with the steps.
"""

import argparse
import time

import numpy as np
from memory import peak_megabytes

from helpers import build_model
from helpers.attacks.compiled import CompiledModel
from helpers.backend import keras, tf
from helpers.networks.fold import fold_batch_norms
from helpers.training.optimize import precision


def multiply_adds(model):
    """Return the multiply-adds of one image's forward pass through the convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


def time_matrix_product(size=2048, times=8):
    """Return seconds for one float32 multiply-add, at the rate of square matrices."""
    one, other = (tf.random.normal((size, size)) for _ in range(2))
    product = tf.function(tf.linalg.matmul)
    product(one, other)
    began = time.perf_counter()
    for _ in range(times):
        product(one, other)
    return (time.perf_counter() - began) / times / size**3


def time_step(compiled, pixels, labels, times):
    """Return seconds for one gradient step on a batch."""
    compiled.differentiate(pixels, labels)
    began = time.perf_counter()
    for _ in range(times):
        compiled.differentiate(pixels, labels)[1].numpy()
    return (time.perf_counter() - began) / times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    settings = {"backbone": arguments.backbone, "attention": "none", "image_size": arguments.image_size, "classes": 7}
    model = build_model(**settings)
    with precision("mixed_bfloat16"):
        half = build_model(**settings)
    contenders = {"as trained": model, "batch norms folded": fold_batch_norms(model), "in bfloat16": half}
    contenders |= {"folded, in bfloat16": fold_batch_norms(half)}
    compiled = {name: CompiledModel(each, batch_size=arguments.batch_size) for name, each in contenders.items()}
    shape = (arguments.batch_size, arguments.image_size, arguments.image_size, 3)
    pixels, labels = tf.random.uniform(shape), tf.zeros(arguments.batch_size, tf.int64)
    work = 2 * multiply_adds(model) * arguments.batch_size
    shares, rates = {name: [] for name in compiled}, []
    for _ in range(arguments.repeats):
        multiply_add = time_matrix_product()
        rates.append(2e-9 / multiply_add)
        for name, each in compiled.items():
            shares[name].append(work * multiply_add / time_step(each, pixels, labels, arguments.steps))
    print(f"float32 matrix rate: {np.median(rates):.0f} billion additions and multiplications a second")
    print(f"{arguments.backbone} at {arguments.image_size} px, batch {arguments.batch_size}: {work / 1e9:.0f} billion")
    print("multiply-adds a step; time they need at the float32 matrix rate, as a share of the step's time:")
    for name, values in shares.items():
        print(f"  {name}: {np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    print(f"peak memory, all contenders: {peak_megabytes():.0f} MB")


if __name__ == "__main__":
    main()
