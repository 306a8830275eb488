"""The parameters of a run: read from a profile, overridden by a notebook, checked, frozen."""

import difflib
from collections.abc import Collection, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
import yaml
from pydantic import Field

from helpers.paths import ROOT, from_root

TASKS = ("skin_lesion", "retinopathy", "pneumothorax")
SKIN_LESIONS = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
GRADES = ("0", "1", "2", "3", "4")  # of diabetic retinopathy
FINDINGS = (  # of ChestX-ray14, as its table spells them
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax"),
    *("Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia"),
)
BACKBONES = ("resnet50", "inception_resnet_v2")
ATTENTIONS = ("none", "soft", "soft_released", "placebo")
TRAININGS = ("standard", "adversarial")
PAPER_SPLITS = {("skin_lesion", "folder"), ("skin_lesion", "phantom")}
SMALLEST_IMAGE = {"resnet50": 32, "inception_resnet_v2": 75}  # pixels, as Keras has it


class StudyError(ValueError):
    """Something the user can mend. The message names it, what was expected, what was found, and the way out."""


def one_of(name: str, value: Any, known: Collection[str]) -> Any:
    """Return `value` if it is among `known`, else raise a StudyError that lists them and guesses what was meant."""
    if value in known:
        return value
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise StudyError(f"{name}: expected one of {', '.join(known)}; got {value!r}.{hint}")


def grade_classes(threshold: int) -> tuple[str, ...]:
    """Return the retinopathy classes: grades below and from `threshold` on; the five grades if it is 0."""
    if threshold == 0:
        return tuple(f"grade {grade}" for grade in GRADES)
    spans = (range(threshold), range(threshold, len(GRADES)))
    return tuple(f"grade {span[0]}" if len(span) == 1 else f"grade {span[0]}-{span[-1]}" for span in spans)


def finding_classes(finding: str) -> tuple[str, str]:
    """Return the two classes of a chest x-ray finding: without it and with it."""
    name = finding.replace("_", " ").lower()
    return (f"no {name}", name)


def _epsilon(value: Any) -> float:
    """Read an epsilon given as a number or as text such as "4/255"."""
    return float(Fraction(value.strip())) if isinstance(value, str) else value


def _epsilons(value: Any) -> Any:
    if isinstance(value, str):  # how papermill's -p hands a list over: "[1/255, 2/255]"
        value = value.strip("[]() ").replace(",", " ").split()
    return tuple(map(_epsilon, value)) if isinstance(value, list | tuple) else value


def _check_epsilons(value: tuple[float, ...]) -> tuple[float, ...]:
    if not value or value[0] < 0 or not 0 < value[-1] <= 1 or any(b <= a for a, b in pairwise(value)):
        raise ValueError("expected L∞ radii on pixels in [0, 1], at most 1, strictly increasing")
    return value


Epsilons = Annotated[tuple[float, ...], pydantic.BeforeValidator(_epsilons), pydantic.AfterValidator(_check_epsilons)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class Pretraining(pydantic.BaseModel):
    """A backbone's pretraining on all three tasks together: at which image size, how long, how fast."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    image_size: Count  # pixels
    epochs: Count  # rounds through the training splits of all tasks
    learning_rate: Positive


class Config(pydantic.BaseModel):
    """Every parameter of one model's way from images to robust accuracy; frozen, unknown names refused."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Which model
    profile: str  # a name in params/, or the path of a YAML file
    task: Literal[TASKS] = "skin_lesion"
    backbone: Literal[BACKBONES] = "resnet50"
    attention: Literal[ATTENTIONS] = "none"
    seed: Seed = 0  # initial weights, batch order and attack starts derive from it
    runs_dir: str = "runs"

    # Which images
    source: Literal["phantom", "folder", "medmnist"]
    data_dir: str | None = None  # source "folder": the dataset's folder; source "medmnist": its .npz file
    on_bad_image: Literal["stop", "skip"] = "stop"  # what to do about an image that cannot be used
    threshold: Annotated[int, Field(ge=0, le=4)] = (
        1  # retinopathy: the lowest grade that counts as disease; 0: tell all five apart
    )
    finding: Literal[FINDINGS] = "Pneumothorax"  # pneumothorax: the finding to tell…
    against: Literal["others", "no_finding"] = "others"  # …from all other images, or from those without any finding
    phantoms: Count  # source "phantom": how many pictures to draw
    phantom_size: Annotated[int, Field(ge=32)]  # their side in pixels
    ambiguity: Annotated[float, Field(ge=0, le=1)]  # 0 (textbook) to 1 (hard)
    spurious: Annotated[float, Field(ge=0, le=1)] = 0.0  # 0 to 1: how often a planted shortcut gives the class away
    split: Literal["grouped", "paper"] = "grouped"  # paper: skin lesions as in the paper's code, without validation
    folds: Annotated[int, Field(ge=3)]  # one is the test split, one the validation split, the others train
    data_seed: Seed = 0  # phantoms and split derive from it; all models of a task share them

    # How to train
    image_size: Count  # pixels
    weights: str  # random, imagenet, phantom (pretrained on the training splits of all three tasks), or a path
    pretraining: Pretraining | None = None  # weights "phantom" only
    head_epochs: Annotated[int, Field(ge=0)] = 0  # before: rounds in which only the layers behind the backbone learn
    head_learning_rate: Positive = 1.0e-3  # in these rounds
    epochs: Count
    epoch_fraction: Share = 1.0  # share of the training split seen in an epoch
    batch_size: Count
    optimizer: Literal["adam", "adamw"]
    learning_rate: Positive
    adam_epsilon: Positive
    weight_decay: Annotated[float, Field(ge=0)] = 0.0  # adamw only
    schedule: Literal["constant", "cosine"]
    class_weights: bool  # weigh classes by inverse frequency
    augment: Literal["none", "mirror", "flips", "affine"]  # see helpers.datasets.pipeline.augment
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)]
    patience: Count | None = None  # early stopping, epochs
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    early_stopping_split: Literal["validation", "test"] = "validation"  # test: as the paper's code; optimistic
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"  # of training; all else is float32
    devices: Literal["one", "all"] = "one"  # all: every batch spread over all GPUs
    training: Literal[TRAININGS] = "standard"  # adversarial: on PGD's images (Madry et al.)
    training_epsilon: Positive = 0.01  # adversarial training only: L∞ radius on pixels in [0, 1]
    training_steps: Count = 7  # adversarial training only: gradient steps an attack

    # How to attack
    epsilons: Epsilons  # L∞ radii on pixels in [0, 1]
    protocol: Literal["paper", "nested"]
    steps: Count
    rel_stepsize: Positive  # step size as a share of epsilon
    loss: Literal["cross_entropy", "margin"] = "cross_entropy"  # what the attack climbs; Foolbox: cross_entropy
    restarts: Annotated[int, Field(ge=0)] = 0  # further attacks on what survived; protocol nested only
    attack_images: Count | None = None  # how many test images; None: all
    attack_batch_size: Count

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Self:
        smallest = SMALLEST_IMAGE[self.backbone]
        for name, one in (("image_size", self), ("pretraining.image_size", self.pretraining)):
            if one and one.image_size < smallest:
                raise ValueError(
                    f"{name}: expected at least {smallest} pixels for {self.backbone}, got {one.image_size}"
                )
        if self.weights == "phantom" and not self.pretraining:
            raise ValueError(
                "pretraining: expected image_size, epochs and learning_rate for weights 'phantom', got none"
            )
        if self.source != "phantom" and not self.data_dir:
            wanted = {"folder": "the dataset's folder", "medmnist": "the dataset's .npz file"}[self.source]
            raise ValueError(f"data_dir: expected {wanted} for source {self.source!r}, got nothing")
        if self.split == "paper" and (self.task, self.source) not in PAPER_SPLITS:
            raise ValueError(
                f"split: expected 'grouped' for task {self.task!r} and source {self.source!r}, got 'paper', which is "
                "known for skin_lesion only, from a folder or phantoms"
            )
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        if self.task == "skin_lesion":
            return SKIN_LESIONS
        return grade_classes(self.threshold) if self.task == "retinopathy" else finding_classes(self.finding)

    def but(self, **changes: Any) -> "Config":
        """Return a copy with some parameters changed, checked again."""
        return make_config({**self.model_dump(), **changes})


# What each step's outcome depends on, besides the files it reads
PHANTOM_PARAMETERS = ("phantoms", "phantom_size", "ambiguity", "spurious")
TASK_PARAMETERS = {"skin_lesion": (), "retinopathy": ("threshold",), "pneumothorax": ("finding", "against")}
DATA_PARAMETERS = (
    *("task", "source", "data_dir", "on_bad_image", "threshold", "finding", "against"),
    *("split", "folds", "data_seed", *PHANTOM_PARAMETERS),
)
MODEL_PARAMETERS = (
    *("backbone", "attention", "seed", "image_size", "weights", "epochs"),
    *("head_epochs", "head_learning_rate"),
    *("epoch_fraction", "batch_size", "optimizer", "learning_rate", "adam_epsilon", "weight_decay", "schedule"),
    *("class_weights", "augment", "batch_norm_momentum", "patience", "min_delta", "early_stopping_split"),
    *("precision", "devices", "training", "training_epsilon", "training_steps"),
)
PRETRAINING_PARAMETERS = (
    *("backbone", "pretraining", "batch_size", "optimizer"),
    *("adam_epsilon", "weight_decay", "schedule", "batch_norm_momentum", "precision"),
)
ATTACK_PARAMETERS = (
    *("epsilons", "protocol", "steps", "rel_stepsize", "loss", "restarts"),
    *("attack_images", "attack_batch_size"),
)


def make_config(parameters: Mapping[str, Any]) -> Config:
    """Return a checked configuration, or raise one StudyError that lists everything wrong with it."""
    for name in parameters:
        one_of("parameter", name, Config.model_fields)
    try:
        return Config(**parameters)
    except pydantic.ValidationError as error:
        raise StudyError("; ".join(map(_explain, error.errors()))) from None


def _explain(error: Mapping[str, Any]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    if error["type"] == "missing":
        return f"{error['loc'][0]}: expected a value, found none; give it in the profile or to the notebook"
    name = ".".join(map(str, error["loc"]))
    return f"{name}: {message[0].lower()}{message[1:]}, got {error['input']!r}"


def profile_path(profile: str) -> Path:
    """Return where a profile lies: the name of a file in params/ ("quick"), or the path of any YAML file."""
    return from_root(profile if profile.endswith((".yaml", ".yml")) else f"params/{profile}.yaml")


# Sections of a profile with what differs from `parameters`
SPECIAL = {"backbones": BACKBONES, "tasks": TASKS, "trainings": TRAININGS}


def read_profile(profile: str) -> dict[str, Any]:
    """Return a profile's file: its `models`, its `parameters`, and what differs by task or backbone.

    Args:
        profile: The name of a file in params/ ("quick"), or a path to a YAML file.
    """
    path = profile_path(profile)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in (ROOT / "params").glob("*.yaml")))
        raise StudyError(
            f"profile: expected one of {known}, or the path of a YAML file; got {profile!r}, and {path} is not there."
        )
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: expected YAML; {error}") from error
    if not isinstance(content, dict) or content.keys() - SPECIAL.keys() != {"models", "parameters"}:
        raise StudyError(
            f"{path}: expected the entries `models`, `parameters` and, if need be, {', '.join(SPECIAL)}; "
            f"got {content!r:.80}"
        )
    for section, known in SPECIAL.items():
        for name in content.setdefault(section, {}):
            one_of(f"{path}: {section}", name, known)
    return content


def read_config(*, profile: str, **overrides: Any) -> Config:
    """Return the profile's parameters, over them those of its special sections, and over all the overrides but None."""
    content = read_profile(profile)
    parameters = dict(content["parameters"])
    for section in SPECIAL:
        field = section.removesuffix("s")
        value = overrides.get(field) or Config.model_fields[field].default
        parameters |= content[section].get(value, {})
    parameters.update({name: value for name, value in overrides.items() if value is not None})
    return make_config({"profile": profile, **parameters})


def read_models(profile: str) -> list[Config]:
    """Return the configuration of every model that a profile lists."""
    models = read_profile(profile)["models"]
    return [read_config(profile=profile, **model) for model in models]
