"""The names of models, backbones, sources of images and activation maps in titles and legends."""

from collections.abc import Iterable

import pandas as pd

from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.config import Config
from helpers.tasks import TASKS
from helpers.trainings import split_training

SOURCES = {
    "phantom": "phantoms (drawn images)",
    "folder": "images from a folder",
    "medmnist": "images from MedMNIST+",
}
MAP_METHODS = {"gradcam": "Grad-CAM", "hirescam": "HiResCAM", "gradcam++": "Grad-CAM++", "scorecam": "Score-CAM"}


def model_name(config: Config) -> str:
    """Return what a model is called beside others of its task and backbone, such as "with soft attention"."""
    _, variants = split_training(config.training)
    kind = ["adversarially trained"] if config.is_adversarial else []
    return ", ".join([ATTENTIONS[config.attention].title, *kind, *(variant.replace("_", " ") for variant in variants)])


def arm_name(arm: str) -> str:
    """Return what the models of an arm are called (see results/README), such as "with soft attention"."""
    return ATTENTIONS[arm].title if arm in ATTENTIONS else {"adversarial": "adversarially trained"}.get(arm, arm)


def backbone_name(config: Config) -> str:
    """Return what a model's backbone is called, such as "ResNet-50"."""
    return BACKBONES[config.backbone].title


def images_of(task: str) -> str:
    """Return what a task's images are called, such as "skin lesions"."""
    return TASKS[task].images


def cell_name(task: str, backbone: str) -> str:
    """Return what a task and a backbone together are called, such as "skin lesions, ResNet-50"."""
    return f"{images_of(task)}, {BACKBONES[backbone].title}"


def setting_name(configs: Iterable[Config]) -> str:
    """Return what models have in common, such as "skin lesions, ResNet-50, phantoms (drawn images)".

    Where they differ in task, network or source of images, all that applies.
    """
    of_each = zip(*((images_of(c.task), backbone_name(c), source_name(c)) for c in configs), strict=True)
    return ", ".join(map(join_distinct, of_each))


def source_name(config: Config) -> str:
    """Return what a model's images are called, such as "phantoms (drawn images)"."""
    return SOURCES[config.source]


def class_name(name: str) -> str:
    """Return what a class is called in pictures: its title if its task's record has one, else its name."""
    return next((task.class_titles[name] for task in TASKS.values() if name in task.class_titles), name)


def join_distinct(names: Iterable[str], separator: str = ", ") -> str:
    """Return the different names among several, in their order, as one text."""
    return separator.join(dict.fromkeys(names))


def span(counts: pd.Series) -> str:
    """Return the smallest and the largest of some counts, such as "2 to 3", or the one that they all are."""
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def with_interval(value: float, low: float, high: float) -> str:
    """Return a number with its interval, such as "0.83 (0.71 to 0.91)"."""
    return f"{value:.2f} ({low:.2f} to {high:.2f})"
