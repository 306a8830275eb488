"""Explain a model's decisions on the images that its attack kept: clean, attacked, and with controls."""

from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator

from helpers import files
from helpers.artifacts import records
from helpers.artifacts.adversarials import SHORTENED, Adversarials
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import DETECTION, EXPLANATIONS
from helpers.backbones import BACKBONES
from helpers.backend import use_deterministic_operations
from helpers.config import Config, check_parameters
from helpers.errors import StudyError
from helpers.explain.detection import detection_table
from helpers.explain.gradcam import METHODS, ActivationMaps
from helpers.explain.images import ExplainedImages
from helpers.explain.responses import Response, attack_and_controls, respond
from helpers.networks.build import load_model, model_digest
from helpers.networks.weights import shuffle_weights
from helpers.tasks import paper_epsilons
from helpers.values import Count, Epsilons, Parameters, PositiveFraction, choice_of

KEPT_IMAGES = 8  # images whose pixels are kept for pictures; of all, numbers and maps


def _check_above_zero(epsilons: tuple[float, ...]) -> tuple[float, ...]:
    if epsilons[0] == 0:
        raise ValueError("expected radii above 0, got 0, too: clean images are explained in any case, leave it out")
    return epsilons


class Explanation(Parameters):
    """How a model is explained.

    Attributes:
        epsilons: L∞ radii on pixels in [0, 1], above 0, increasing.
        sample: How many of the images that notebook 04 kept.
        steps, rel_stepsize: Of the attack: Foolbox's PGD, every image at every epsilon.
        method, layer: Of the activation maps: see `ActivationMaps`.
    """

    epsilons: Annotated[Epsilons, AfterValidator(_check_above_zero)]
    sample: Count = 15
    steps: Count = 10
    rel_stepsize: PositiveFraction = 0.25
    method: Annotated[str, choice_of(METHODS)] = "gradcam"
    layer: str | None = None

    @classmethod
    def from_config(cls, config: Config, **choices: Any) -> "Explanation":
        """Return the default, at the epsilons of the grid nearest to the paper's, with some attributes replaced.

        The default method is Grad-CAM, or HiResCAM where the head flattens the features: it treats each position in its
        own way, so that averaging gradients over positions would say nothing about it.

        Args:
            config: Its epsilons are the grid.
            choices: Attributes by name; None leaves the default.

        Raises:
            StudyError: one error that lists all choices that are wrong.
        """
        grid = np.array([epsilon for epsilon in config.epsilons if epsilon > 0])
        nearest = {float(grid[np.abs(np.log(grid / wanted)).argmin()]) for wanted in paper_epsilons()}
        chosen = {name: value for name, value in choices.items() if value is not None}
        method = "hirescam" if BACKBONES[config.backbone].pooling == "Flatten" else "gradcam"
        return check_parameters(cls, {"epsilons": tuple(sorted(nearest)), "method": method, **chosen})


def explained_folder(config: Config, how: Explanation) -> RunFolder:
    """Return the run folder of an explanation; if it is not the default one, its files are named after a digest."""
    name = "" if how == Explanation.from_config(config) else files.short_digest(how.model_dump())
    return RunFolder.from_config(config).variant(name)


def explain_model(config: Config, how: Explanation | None = None) -> RunFolder:
    """Explain the model of a configuration, unless its run folder already holds the outcome.

    Leaves explanations.csv (columns: `helpers.explain.measure_table.COLUMNS`), explanations.npz (the maps, and the
    pixels of a few images) and detection.csv. Conditions are "clean", "attack", the controls "noise" and "other image"
    (see `attack_and_controls`); and, beside the clean maps, "shuffled head" and "shuffled weights": maps of a network
    that has lost what it learned (Adebayo et al.: "Sanity Checks for Saliency Maps", 2018, arXiv 1810.03292).

    Args:
        config: Names the model.
        how: None: `Explanation.from_config(config)`.

    Returns:
        The run folder, whose paths name the files.

    Raises:
        StudyError: no model, no adversarials (notebook 04 makes them), no such layer or method.
    """
    how = how or Explanation.from_config(config)
    folder, attacked = explained_folder(config, how), RunFolder.from_config(config).adversarials
    kept = Adversarials.load(attacked).first(how.sample)
    parameters = how.model_dump() | {
        "seed": config.seed,
        "model_digest": model_digest(folder.path),
        "adversarials_digest": files.digest(attacked),
    }

    def make() -> None:
        _check_all_are_kept(RunFolder.from_config(config))
        use_deterministic_operations(config.deterministic)
        table, arrays, detection = _explain(config, kept, how)
        arrays.save(folder.maps)
        DETECTION.save(detection, folder.detection)
        EXPLANATIONS.save(table, folder.explanations)

    records.make_once(
        folder.explanations,
        stage="explanation",
        parameters=parameters,
        make=make,
        config=config,
        also=[folder.maps, folder.detection],
    )
    return folder


def _check_all_are_kept(folder: RunFolder) -> None:
    """Raise a StudyError if a shared run brought only the adversarials of a figure, all broken: a chosen few."""
    made = records.recorded_facts(folder.robustness, "files")["files"] or {}
    if SHORTENED in made.get(folder.adversarials.name, {}):
        raise StudyError(
            f"{folder.adversarials}: expected all adversarials that were kept, found those of a figure, as a run has "
            "that was shared without its models. Share it with them, or delete this file and run notebook 04 first."
        )


def _explain(
    config: Config, kept: Adversarials, how: Explanation
) -> tuple[pd.DataFrame, ExplanationArrays, pd.DataFrame]:
    """Return the table of measures, the arrays for pictures, and the table of detection."""
    model = load_model(RunFolder.from_config(config).path)
    maps = ActivationMaps(model, method=how.method, layer=how.layer, batch_size=config.attack_batch_size)
    images, clean = ExplainedImages.from_config(config, kept), respond(maps, kept.images, kept.labels)
    tables, detections, attacks = [*images.tables(clean, clean, condition="clean")], [], []
    for epsilon, changed in attack_and_controls(
        config, model, kept, epsilons=how.epsilons, steps=how.steps, rel_stepsize=how.rel_stepsize
    ):
        responses = {condition: respond(maps, pixels, kept.labels) for condition, pixels in changed.items()}
        for condition, response in responses.items():
            tables += images.tables(response, clean, condition=condition, epsilon=epsilon)
        against = {"clean": clean, "noise": responses["noise"]}
        detections.append(detection_table(responses["attack"], against, kept.groups, epsilon=epsilon))
        attacks.append(responses["attack"])
    arrays = _arrays(images, clean, attacks, how)
    for condition, behind in (("shuffled head", maps.layer), ("shuffled weights", None)):
        shuffle_weights(model, behind=behind, seed=config.seed)
        tables += images.tables(respond(maps, kept.images, kept.labels), clean, condition=condition)
    return pd.concat(tables, ignore_index=True), arrays, pd.concat(detections, ignore_index=True)


def _arrays(images: ExplainedImages, clean: Response, attacks: list[Response], how: Explanation) -> ExplanationArrays:
    """Return what pictures are drawn from: the maps of all images, and the pixels of the first few."""
    kept, responses = images.kept, (clean, *attacks)
    changes = [
        (attack.images - kept.images)[:KEPT_IMAGES] / epsilon
        for attack, epsilon in zip(attacks, how.epsilons, strict=True)
    ]
    nothing = np.zeros(kept.images.shape[1:3], bool)
    shapes = [nothing if shape is None else shape for shape in images.shapes[:KEPT_IMAGES]]
    attention = None if clean.attention is None else np.array([response.attention for response in responses])
    return ExplanationArrays(
        names=kept.names,
        groups=kept.groups,
        labels=kept.labels,
        epsilons=np.array(how.epsilons),
        predictions=np.array([response.predictions for response in responses]),
        maps={target: np.array([response.maps[target] for response in responses]) for target in clean.maps},
        images=kept.images[:KEPT_IMAGES],
        changes=np.array(changes),
        shapes=np.array(shapes),
        attention=attention,
    )
