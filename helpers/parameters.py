"""The parameters of a run in parts: what a step depends on is the fields of its part."""

from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, Field

from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.tasks import FINDINGS, TASKS
from helpers.trainings import check_training, split_training
from helpers.values import Count, Epsilons, Parameters, PathText, Positive, PositiveFraction, Seed, Share, choice_of


class PhantomParameters(Parameters):
    """Which phantoms to draw; used with source "phantom" only."""

    phantoms: Count
    """How many pictures are drawn."""
    phantom_size: Annotated[int, Field(ge=32)]
    """Their side, in pixels; at least 32."""
    ambiguity: Annotated[float, Field(ge=0, le=1)]
    """From 0, textbook pictures, to 1, hard ones."""
    spurious: Annotated[float, Field(ge=0, le=1)] = 0.0
    """From 0 to 1: how often a planted shortcut gives the class away."""


class ImageParameters(PhantomParameters):
    """Which images, and how they are split."""

    task: Annotated[str, choice_of(TASKS)] = "skin_lesion"
    """What is recognised: `skin_lesion`, `retinopathy` or `pneumothorax`."""
    source: Literal["phantom", "folder", "medmnist"]
    """Where images come from: drawn, the dataset's folder, or a file of MedMNIST+."""
    data_dir: PathText | None = None
    """Source `folder`: the dataset's folder. Source `medmnist`: its .npz file."""
    on_bad_image: Literal["stop", "skip"] = "stop"
    """What to do about an image that cannot be used."""
    threshold: Annotated[int, Field(ge=0, le=4)] = 1
    """Task `retinopathy`: the lowest grade that is disease, 1 to 4; 0 keeps all five grades apart."""
    finding: Annotated[str, choice_of(FINDINGS)] = "Pneumothorax"
    """Task `pneumothorax`: the finding to recognise, as ChestX-ray14 names it."""
    against: Literal["others", "no_finding"] = "others"
    """Task `pneumothorax`: recognised among all other images, or among those without any finding."""
    split: Literal["grouped", "datta"] = "grouped"
    """`datta`: as in the code behind the paper, without a validation split."""
    folds: Annotated[int, Field(ge=3)]
    """One is the test split, one the validation split, the others train; at least 3."""
    data_seed: Seed = 0
    """Phantoms, split and attacked images derive from it; all models of a task share it."""

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
    """Height and width of the pictures, in pixels."""
    epochs: Count
    """Rounds through the training splits of all tasks."""
    learning_rate: Positive
    """The largest learning rate."""


class OptimizerParameters(Parameters):
    """How weights are updated, in a training or a pretraining."""

    batch_size: Count
    """Number of images in a training step."""
    optimizer: Literal["adam", "adamw"]
    """Adam, or Adam with decoupled weight decay."""
    learning_rate: Positive
    """The largest learning rate."""
    adam_epsilon: Positive
    """What Adam adds to the root of the second moment."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """With `adamw`: the share of a weight that a step takes away, times the learning rate."""
    schedule: Literal["constant", "cosine"]
    """The learning rate stays, or falls to 0 along a cosine."""
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)]
    """How slowly the running statistics of batch norms change, between 0 and 1."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Of the training; all else is in float32."""


class TrainingParameters(OptimizerParameters):
    """Which network, and how it is trained."""

    backbone: Annotated[str, choice_of(BACKBONES)] = "resnet50"
    """The network: `resnet50` or `inception_resnet_v2`."""
    attention: Annotated[str, choice_of(ATTENTIONS)] = "none"
    """What stands behind the backbone: `none`, `soft`, `soft_released` or `placebo`."""
    seed: Seed = 0
    """Initial weights, batch order and the attack's starts derive from it."""
    image_size: Count
    """Height and width of the images, in pixels."""
    weights: PathText
    """Where they start: `random`, `imagenet`, `phantom` (pretrained on phantoms), or the path of a weight file."""
    pretraining: Pretraining | None = None
    """Weights `phantom`: a pretraining in the run, on the training images of all tasks; none: those in weights/."""
    head_epochs: Annotated[int, Field(ge=0)] = 0
    """Before the training: rounds in which only the layers behind the backbone learn."""
    head_learning_rate: Positive = 1.0e-3
    """The largest learning rate in these rounds."""
    epochs: Count
    """The largest number of rounds through the training split, or through `epoch_fraction` of it."""
    epoch_fraction: Share = 1.0
    """The share of the training split that an epoch sees, above 0, at most 1."""
    class_weights: bool
    """Whether the loss weights classes by their inverse frequency."""
    augment: Literal["none", "mirror", "flips", "affine"]
    """How training images vary: `mirror` sides, `flips` and quarter turns, `affine` moves, turns and scales."""
    patience: Count | None = None
    """Stop after so many epochs without a fall of the validation loss, and keep the best weights; none: never."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """The smallest fall of that loss that counts."""
    early_stopping_split: Literal["validation", "test"] = "validation"
    """`test`: as the code behind the paper; the clean accuracy is then optimistic."""
    devices: Literal["one", "all"] = "one"
    """`all`: every batch is spread over all GPUs."""
    deterministic: bool = False
    """Whether training, attack and explanation give the same numbers again on the same GPU; it is slower."""
    training: Annotated[str, AfterValidator(check_training)] = "standard"
    """`standard`, or `adversarial`: on images attacked with PGD (Madry et al., 2018); or a variant of one."""
    training_epsilon: PositiveFraction = 0.01
    """Adversarial training: the L∞ radius, on pixels in [0, 1]."""
    training_steps: Count = 7
    """Adversarial training: gradient steps of an attack."""

    @property
    def is_adversarial(self) -> bool:
        """Return whether the network is trained on attacked images."""
        return split_training(self.training)[0] == "adversarial"

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
    """`minimal` searches each image's radius; `paper` is Foolbox's PGD at each epsilon of the grid."""
    epsilons: Epsilons
    """L∞ radii on pixels in [0, 1], increasing: where robust accuracy is shown, and where protocol `paper` attacks."""
    steps: Count = 20
    """Gradient steps of one search for a radius, or of one attack at one epsilon."""
    rel_stepsize: PositiveFraction = 1 / 30
    """Protocol `paper`: the step size as a share of epsilon."""
    loss: Literal["cross_entropy", "margin"] | None = None
    """What the attack increases; none: the margin under protocol `minimal`, the cross-entropy under `paper`."""
    attack_images: Count | None = None
    """How many test images are attacked, a stratified sample of whole lesions or patients; none: all."""
    attack_batch_size: Count
    """Number of images in a batch of attacks and explanations."""

    @pydantic.model_validator(mode="after")
    def _check_attack(self) -> Self:
        if self.protocol == "minimal" and self.loss == "cross_entropy":
            raise ValueError("loss: expected margin under protocol minimal, got cross_entropy; choose protocol paper")
        return self
