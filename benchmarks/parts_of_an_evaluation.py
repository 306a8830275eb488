"""What do the checks of an attack cost, and the search for perturbations that survive a file, beside the attack itself?

    .venv/bin/python benchmarks/parts_of_an_evaluation.py --task skin_lesion --attention none --images 30

The model is one that `make study` left, the images are its first attacked ones. Printed is the processor time of each
part, as a multiple of the attack's. What the remedy costs, a repeat in twice the steps, is left out.
"""

import time

from radii import chosen_model, model_parser

from helpers.attacks.attack import attack
from helpers.attacks.checks import check_attack
from helpers.attacks.eight_bit import file_columns
from helpers.attacks.predict import predict


def main():
    arguments = model_parser(__doc__.splitlines()[0]).parse_args()
    name, model, images, labels = chosen_model(arguments)
    images, labels = images[: arguments.images], labels[: arguments.images]
    attack(model, images[:2], labels[:2], steps=1)  # compile
    seconds = {}

    def timed(part, run):
        began = time.process_time()
        outcome = run()
        seconds[part] = time.process_time() - began
        return outcome

    found = timed("attack", lambda: attack(model, images, labels, steps=20))
    checks = timed("checks", lambda: check_attack(model, images, labels, found, seed=0))
    timed("in whole grey levels", lambda: file_columns(model, images, labels, found.adversarials, steps=20))
    right = (predict(model, images) == labels).sum()
    print(f"{name}: {right} of {len(images)} images classified right, {checks.verdict}")
    for part, spent in seconds.items():
        print(f"  {part}: {spent:.0f} s, {spent / seconds['attack']:.2f} of the attack")


if __name__ == "__main__":
    main()
