"""The parameters of a run in parts: what a step depends on is the fields of its part."""

from collections.abc import Collection
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field

from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.errors import choice_problem
from helpers.lists import read_number, read_numbers
from helpers.paths import path_problem
from helpers.tasks import FINDINGS, TASKS

TRAININGS = ("standard", "adversarial")


def choice_of(choices: Collection[str]) -> AfterValidator:
    """Return a validator that looks the choices up when it is used, so that later registrations count."""

    def check(value: str) -> str:
        if problem := choice_problem(value, choices):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _check_path(value: str) -> str:
    if problem := path_problem(value):
        raise ValueError(problem)
    return value


def _check_epsilons(value: tuple[float, ...]) -> tuple[float, ...]:
    if value[0] < 0 or not 0 < value[-1] <= 1 or any(b <= a for a, b in pairwise(value)):
        raise ValueError(
            'expected L∞ radii on pixels in [0, 1], at most 1, strictly increasing, such as "1/255, 2/255", '
            f"got {list(value)}"
        )
    return value


Epsilons = Annotated[tuple[float, ...], BeforeValidator(read_numbers), AfterValidator(_check_epsilons)]
PathText = Annotated[str, AfterValidator(_check_path)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
PositiveFraction = Annotated[float, BeforeValidator(read_number), Field(gt=0)]  # a number, or text such as "1/4"
Share = Annotated[float, Field(gt=0, le=1)]


class Parameters(pydantic.BaseModel):
    """What all parts share: frozen, unknown names refused, no infinity, no NaN, and no boolean for a number."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @pydantic.field_validator("*", mode="wrap")
    @classmethod
    def _refuse_booleans_as_numbers(cls, value: Any, validate: pydantic.ValidatorFunctionWrapHandler) -> Any:
        checked = validate(value)
        if isinstance(value, bool) and not isinstance(checked, bool):  # pydantic takes True for 1
            raise ValueError(f"expected a number, got {value}")
        return checked


class PhantomParameters(Parameters):
    """Which phantoms to draw; used with source "phantom" only."""

    phantoms: Count
    """How many pictures."""
    phantom_size: Annotated[int, Field(ge=32)]
    """Their side in pixels."""
    ambiguity: Annotated[float, Field(ge=0, le=1)]
    """0 (textbook) to 1 (hard)."""
    spurious: Annotated[float, Field(ge=0, le=1)] = 0.0
    """0 to 1: how often a planted shortcut gives the class away."""


class ImageParameters(PhantomParameters):
    """Which images, and how they are split."""

    task: Annotated[str, choice_of(TASKS)] = "skin_lesion"
    source: Literal["phantom", "folder", "medmnist"]
    data_dir: PathText | None = None
    """Source "folder": the dataset's folder; source "medmnist": its .npz file."""
    on_bad_image: Literal["stop", "skip"] = "stop"
    """What to do about an image that cannot be used."""
    threshold: Annotated[int, Field(ge=0, le=4)] = 1
    """Retinopathy: the lowest grade that is disease; 0: five classes."""
    finding: Annotated[str, choice_of(FINDINGS)] = "Pneumothorax"
    """Pneumothorax: the finding to recognise."""
    against: Literal["others", "no_finding"] = "others"
    """In all other images, or in those without any finding."""
    split: Literal["grouped", "datta"] = "grouped"
    """Datta: as in the code behind the paper, without validation."""
    folds: Annotated[int, Field(ge=3)]
    """One is the test split, one the validation split, the others train."""
    data_seed: Seed = 0
    """Phantoms and split derive from it; all models of a task share them."""

    @pydantic.model_validator(mode="after")
    def _check_images(self) -> Self:
        if self.source != "phantom" and not self.data_dir:
            wanted = {"folder": "the dataset's folder", "medmnist": "the dataset's .npz file"}[self.source]
            raise ValueError(f"data_dir: expected {wanted} for source {self.source!r}, got nothing")
        if self.source == "medmnist" and TASKS[self.task].medmnist is None:
            raise ValueError(f"source: MedMNIST+ has no images of task {self.task!r}; choose 'phantom' or 'folder'")
        if self.split == "datta" and (not TASKS[self.task].has_datta_split or self.source == "medmnist"):
            known = [task.name for task in TASKS.values() if task.has_datta_split]
            raise ValueError(
                f"split: expected 'grouped' for task {self.task!r} and source {self.source!r}, got 'datta', which is "
                f"known for {', '.join(known)} only, from a folder or phantoms"
            )
        return self

    @property
    def task_options(self) -> dict[str, Any]:
        """Return the task's own parameters by name."""
        return {name: getattr(self, name) for name in TASKS[self.task].parameters}

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class names, in the order of the logits."""
        return TASKS[self.task].classes(**self.task_options)


class Pretraining(Parameters):
    """A backbone's pretraining on the profile's tasks together: at which image size, how long, how fast."""

    image_size: Count
    """Pixels."""
    epochs: Count
    """Rounds through the training splits of all tasks."""
    learning_rate: Positive


class OptimizerParameters(Parameters):
    """How weights are updated, in a training or a pretraining."""

    batch_size: Count
    optimizer: Literal["adam", "adamw"]
    learning_rate: Positive
    adam_epsilon: Positive
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Adamw only."""
    schedule: Literal["constant", "cosine"]
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)]
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Of training; all else is float32."""


class TrainingParameters(OptimizerParameters):
    """Which network, and how it is trained."""

    backbone: Annotated[str, choice_of(BACKBONES)] = "resnet50"
    attention: Annotated[str, choice_of(ATTENTIONS)] = "none"
    seed: Seed = 0
    """Initial weights, batch order and attack starts derive from it."""
    image_size: Count
    """Pixels."""
    weights: PathText
    """Random, imagenet, phantom (pretrained on phantoms), or a path."""
    pretraining: Pretraining | None = None
    """Weights phantom: in the run, on the profile's tasks; None: in advance."""
    head_epochs: Annotated[int, Field(ge=0)] = 0
    """Before: rounds in which only the layers behind the backbone learn."""
    head_learning_rate: Positive = 1.0e-3
    """In these rounds."""
    epochs: Count
    epoch_fraction: Share = 1.0
    """Share of the training split seen in an epoch."""
    class_weights: bool
    """Weight classes by inverse frequency."""
    augment: Literal["none", "mirror", "flips", "affine"]
    """See helpers.datasets.pipeline.augment."""
    patience: Count | None = None
    """Early stopping, epochs."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    early_stopping_split: Literal["validation", "test"] = "validation"
    """Test: as the paper's code; optimistic."""
    devices: Literal["one", "all"] = "one"
    """All: every batch spread over all GPUs."""
    training: Annotated[str, choice_of(TRAININGS)] = "standard"
    """Adversarial: on PGD's images (Madry et al.)."""
    training_epsilon: PositiveFraction = 0.01
    """Adversarial training only: L∞ radius on pixels in [0, 1]."""
    training_steps: Count = 7
    """Adversarial training only: gradient steps per attack."""

    @pydantic.model_validator(mode="after")
    def _check_training(self) -> Self:
        smallest = BACKBONES[self.backbone].smallest_image
        sizes = {"image_size": self.image_size}
        if self.pretraining:
            sizes["pretraining.image_size"] = self.pretraining.image_size
        for name, size in sizes.items():
            if size < smallest:
                raise ValueError(f"{name}: expected at least {smallest} pixels for {self.backbone}, got {size}")
        if self.weights == "phantom" and not self.pretraining and not BACKBONES[self.backbone].shipped_digest:
            raise ValueError(
                "pretraining: expected image_size, epochs and learning_rate for weights 'phantom', got none, and no "
                f"weights come with the study for {self.backbone}"
            )
        return self


class AttackParameters(Parameters):
    """How a trained network is attacked."""

    protocol: Literal["minimal", "paper"] = "minimal"
    """Each image's radius, or Foolbox's PGD at each epsilon."""
    epsilons: Epsilons
    """L∞ radii on pixels in [0, 1]: where robust accuracy is shown; protocol paper: where it attacks."""
    steps: Count = 20
    """Gradient steps of one search for a radius, or of one attack at one epsilon."""
    rel_stepsize: PositiveFraction = 1 / 30
    """Protocol paper only: step size as a share of epsilon."""
    loss: Literal["cross_entropy", "margin"] | None = (
        None  # what it maximises; None: minimal the margin, paper the other
    )
    attack_images: Count | None = None
    """How many test images; None: all."""
    attack_batch_size: Count

    @pydantic.model_validator(mode="after")
    def _check_attack(self) -> Self:
        if self.protocol == "minimal" and self.loss == "cross_entropy":
            raise ValueError("loss: expected margin under protocol minimal, got cross_entropy; choose protocol paper")
        return self
