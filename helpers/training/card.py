"""The model card of the weights that come with the study, in Markdown."""

from collections.abc import Mapping
from typing import Any

from helpers.backbones import BACKBONES

TEMPLATE = """# {title}, pretrained on phantoms

The weights of {title} without its head, {megabytes} MB: kernels in 8 bits with a scale for each output channel, all
else in float32. `weights: phantom` starts from them. SHA-256: `{sha256}`.

**Data.** Drawn pictures only, no photograph. It learned from {count} phantoms of all three tasks, drawn with data_seed
{data_seed}. No other profile uses that seed, so none of its pictures is among them.

**Recipe.** From random weights; the classes of all tasks together; {epochs} epochs at {image_size} pixels, {optimizer},
learning rate {rate:g}, {schedule} schedule, batches of {batch_size}, {precision}. `params/pretrain.yaml` has all of it,
`make pretrain` makes the file anew.

**What it is worth.** A linear classifier learned from its features of {probed} of these phantoms a task, or of all if
there are fewer. Here is the classifier's balanced accuracy on other phantoms, which neither has seen:

| task | phantoms learned from | tested on | before rounding | in 8 bits |
|---|---|---|---|---|
{rows}

**What it must not be used for.** It has never seen a patient. It is where this study's trainings start, and must not be
used for any decision about a person.
"""


def describe(card: Mapping[str, Any]) -> str:
    """Return the model card, from what `helpers.training.ship.ship` measured."""
    before, after = card["balanced_accuracy"], card["balanced_accuracy_in_8_bits"]
    rows = [
        f"| {task} | {count} | {card['tested_on'][task]} | {before[task]:.3f} | {after[task]:.3f} |"
        for task, count in card["learned_from"].items()
    ]
    chosen = {**card["optimization"], **card["pretraining"], **card}
    return TEMPLATE.format(
        title=BACKBONES[card["backbone"]].title,
        count=sum(card["learned_from"].values()),
        probed=card["probed"],
        rate=card["pretraining"]["learning_rate"],
        rows="\n".join(rows),
        **{name: chosen[name] for name in ("megabytes", "sha256", "data_seed", "epochs", "image_size", "optimizer")},
        **{name: chosen[name] for name in ("schedule", "batch_size", "precision")},
    )
