"""Explain a model's decisions on the images that its attack kept: clean, attacked, and with noise in its place."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from helpers import files
from helpers.attacks.pgd import CompiledModel, Settings, random_starts
from helpers.attacks.sweep import attack_anew
from helpers.backend import keras
from helpers.config import Config
from helpers.explain.counterfactuals import draw_sign_differences
from helpers.explain.detection import detect, pixel_statistics
from helpers.explain.gradcam import ActivationMaps
from helpers.explain.kept import read_adversarials
from helpers.explain.measures import UndefinedError
from helpers.explain.perturbation import field_of_view
from helpers.explain.table import OF_MAP, OF_PERTURBATION, OF_TWO_MAPS, tabulate
from helpers.networks.backbones import load_model
from helpers.networks.weights import shuffle_weights
from helpers.paths import RunFolder
from helpers.progress import progress

PAPER_EPSILONS = (0.00125, 0.01, 0.32)  # at which the paper shows perturbations and maps
SHOWN = 8  # images whose pixels are kept for pictures; of all, numbers and maps
NOISE = 2  # takes the random noise apart from the attack's random starts


@dataclass(frozen=True)
class Explanation:
    """How a model is explained.

    Attributes:
        epsilons: L∞ radii on pixels in [0, 1], above 0, increasing.
        sample: How many of the images that notebook 04 kept.
        steps, rel_stepsize: Of the attack: Foolbox's PGD, every image at every epsilon.
        method, layer: Of the activation maps: see `ActivationMaps`.
    """

    epsilons: tuple[float, ...]
    sample: int = 15
    steps: int = 10
    rel_stepsize: float = 0.25
    method: str = "gradcam"
    layer: str | None = None

    @classmethod
    def of(cls, config: Config, **choices) -> "Explanation":
        """Return the default, at the epsilons of the grid that are nearest to the paper's, but for these choices."""
        grid = np.array([epsilon for epsilon in config.epsilons if epsilon > 0])
        nearest = {float(grid[np.abs(np.log(grid / wanted)).argmin()]) for wanted in PAPER_EPSILONS}
        chosen = {name: value for name, value in choices.items() if value is not None}
        return cls(**{"epsilons": tuple(sorted(nearest)), **chosen})


@dataclass(frozen=True)
class Look:
    """What a model makes of images: features (n, H, W, C), predictions (n,), {target: maps (n, H, W)}, attention."""

    images: np.ndarray
    features: np.ndarray
    predictions: np.ndarray
    maps: dict[str, np.ndarray]
    attention: np.ndarray | None


def look(maps: ActivationMaps, images: np.ndarray, labels: np.ndarray) -> Look:
    """Return what a model makes of images, with activation maps for their true and for the predicted classes."""
    features = maps.features(images)
    predictions = maps.logits(features).argmax(axis=1)
    targets = {"true": labels, "predicted": predictions}
    drawn = {target: maps(images, classes, features=features) for target, classes in targets.items()}
    return Look(images, features, predictions, drawn, maps.attention(features))


def explained_folder(config: Config, how: Explanation) -> RunFolder:
    """Return where an explanation lies: beside the model; explained otherwise than by default, under a digest."""
    return RunFolder.of(config).variant("" if how == Explanation.of(config) else files.short_digest(asdict(how)))


def explain_model(config: Config, how: Explanation | None = None) -> RunFolder:
    """Explain the model of a configuration, unless its run folder holds the outcome already.

    Leaves explanations.csv (columns: `helpers.explain.table.COLUMNS`), explanations.npz (the maps, and the pixels of
    a few images) and detection.csv. Conditions are "clean", "attack", "noise" of the same radius; and, beside the clean
    maps, "shuffled head" and "shuffled weights": what is left of a map that does not depend on what was learned
    (Adebayo et al.: "Sanity Checks for Saliency Maps", 2018, arXiv 1810.03292).

    Args:
        config: Names the model.
        how: None: `Explanation.of(config)`.

    Returns:
        The run folder, whose paths name the files.

    Raises:
        StudyError: no model, no adversarials (notebook 04 makes them), no such layer or method.
    """
    how = how or Explanation.of(config)
    folder, kept = explained_folder(config, how), read_adversarials(RunFolder.of(config), count=how.sample)
    parameters = asdict(how) | {
        "seed": config.seed,
        "model_digest": files.digest(folder.model),
        "adversarials_digest": files.digest(RunFolder.of(config).adversarials),
    }
    if files.is_made(folder.explanations, parameters) and folder.maps.is_file() and folder.detection.is_file():
        return folder
    with files.making(folder.explanations, parameters):
        rows, arrays, detection = _explain(config, kept, how)
        with files.whole(folder.maps) as temporary:
            np.savez_compressed(temporary, **arrays)
        files.write_table(detection, folder.detection)
        files.write_table(rows, folder.explanations)  # last: where it is, all is
    return folder


@dataclass(frozen=True)
class _Images:
    """The images that are explained, and what is known about where to look, each (n,) or a list of n."""

    kept: dict[str, np.ndarray]
    masks: list[np.ndarray | None]  # of the dataset
    signs: list[np.ndarray | None]  # where a phantom with its sign differs from itself without
    shapes: list[np.ndarray | None]  # the outline of the lesion, or of the eye

    @classmethod
    def of(cls, config: Config, kept: dict[str, np.ndarray]) -> "_Images":
        masks = [mask if known else None for mask, known in zip(kept["masks"], kept["has_mask"], strict=True)]
        signs = draw_sign_differences(config, list(kept["names"]))
        shapes = [field_of_view(image) for image in kept["images"]] if config.task == "retinopathy" else masks
        return cls(kept, masks, [None] * len(masks) if signs is None else list(signs), shapes)

    def tables(self, seen: Look, clean: Look, **condition) -> Iterator[pd.DataFrame]:
        """Yield the tables of all measures of what a model saw under a condition."""
        right, changed = clean.predictions == self.kept["labels"], seen.images - self.kept["images"]
        broken = right & (seen.predictions != self.kept["labels"])
        about = {"names": self.kept["names"], "groups": self.kept["groups"], "broken": broken, **condition}
        if changed.any():
            yield tabulate(
                OF_PERTURBATION, list(zip(changed, self.masks, self.signs, self.shapes, strict=True)), **about
            )
        for target, maps in seen.maps.items():
            yield tabulate(OF_MAP, list(zip(maps, self.masks, self.signs, strict=True)), **about, target=target)
            if seen is not clean:
                yield tabulate(OF_TWO_MAPS, list(zip(clean.maps[target], maps, strict=True)), **about, target=target)


def _explain(
    config: Config, kept: dict[str, np.ndarray], how: Explanation
) -> tuple[pd.DataFrame, dict[str, np.ndarray], pd.DataFrame]:
    """Return the rows of the table, the arrays for pictures, and the table of detection."""
    model, labels = load_model(RunFolder.of(config).path), kept["labels"]
    maps = ActivationMaps(model, method=how.method, layer=how.layer, batch_size=config.attack_batch_size)
    images, clean = _Images.of(config, kept), look(maps, kept["images"], labels)
    tables, detection, attacks = [*images.tables(clean, clean, condition="clean")], [], []
    for epsilon, *pair in _perturbed(config, model, kept, how):
        attack, noise = (look(maps, perturbed, labels) for perturbed in pair)
        for condition, seen in (("attack", attack), ("noise", noise)):
            tables += images.tables(seen, clean, condition=condition, epsilon=epsilon)
        detection.append(_detection(attack, {"clean": clean, "noise": noise}, kept["groups"], epsilon=epsilon))
        attacks.append(attack)
    arrays = _arrays(images, clean, attacks, how)
    for condition, behind in (("shuffled head", maps.layer), ("shuffled weights", None)):
        shuffle_weights(model, behind=behind, seed=config.seed)
        tables += images.tables(look(maps, kept["images"], labels), clean, condition=condition)
    return pd.concat(tables, ignore_index=True), arrays, pd.concat(detection, ignore_index=True)


def _perturbed(
    config: Config, model: keras.Model, kept: dict[str, np.ndarray], how: Explanation
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Yield each epsilon, the attacked images, and the images with uniform noise of the same radius."""
    images = kept["images"]
    batches = math.ceil(len(images) / config.attack_batch_size)
    compiled = CompiledModel(model, batch_size=math.ceil(len(images) / batches))  # even ones: none needs filling up
    settings = Settings(how.epsilons, how.steps, how.rel_stepsize, seed=config.seed)
    total = len(images) * len(how.epsilons)
    with progress(description=f"explaining {config.task}, {model.name}", total=total) as bar:
        attacked = attack_anew(compiled, images, kept["labels"], settings, bar.update)
        for epsilon, perturbed in zip(how.epsilons, attacked, strict=True):
            key = {"images": np.arange(len(images)), "epsilon": epsilon, "seed": config.seed + NOISE}
            noise = random_starts(images.shape[1:], **key)
            yield epsilon, perturbed, np.clip(images + np.float32(epsilon) * noise, 0, 1)


def _detection(attack: Look, others: dict[str, Look], groups: np.ndarray, *, epsilon: float) -> pd.DataFrame:
    """Return how well attacked images are told from others: a row for each kind of features and of other images."""
    kinds = {"pixels": lambda seen: pixel_statistics(seen.images), "deep": lambda seen: seen.features.mean(axis=(1, 2))}
    rows = []
    for kind, features_of in kinds.items():
        for name, other in others.items():
            try:
                numbers, reason = detect(features_of(other), features_of(attack), groups), ""
            except UndefinedError as undefined:
                numbers, reason = (np.nan,) * 3, str(undefined)
            rows.append((epsilon, kind, name, len(groups), *numbers, reason))
    return pd.DataFrame(rows, columns=["epsilon", "features", "against", "images", "auc", "low", "high", "reason"])


def _arrays(images: _Images, clean: Look, attacks: list[Look], how: Explanation) -> dict[str, np.ndarray]:
    """Return what pictures are drawn from: of all images the maps, of the first few the pixels."""
    kept, shown = images.kept, slice(SHOWN)
    changes = [
        (seen.images - kept["images"])[shown] / radius for seen, radius in zip(attacks, how.epsilons, strict=True)
    ]
    nothing = np.zeros(kept["images"].shape[1:3], bool)
    arrays = {
        **{name: kept[name] for name in ("names", "groups", "labels")},
        "epsilons": np.array(how.epsilons),
        "predictions": np.array([seen.predictions for seen in (clean, *attacks)]),  # clean first, as everywhere here
        **{f"maps_{target}": np.array([seen.maps[target] for seen in (clean, *attacks)]) for target in clean.maps},
        "images": kept["images"][shown],
        "changes": np.array(changes, np.float16),  # in units of epsilon
        "shapes": np.array([nothing if shape is None else shape for shape in images.shapes[shown]]),
    }
    if clean.attention is not None:
        arrays["attention"] = np.array([seen.attention for seen in (clean, *attacks)])
    return arrays
