"""The images that are explained, what is known of where to look, and the measures of a model's response to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.artifacts.adversarials import Adversarials
from helpers.config import Config
from helpers.explain.counterfactuals import draw_sign_differences
from helpers.explain.measure_table import MAP_MEASURES, MAP_PAIR_MEASURES, PERTURBATION_MEASURES, tabulate
from helpers.explain.perturbation_measures import field_of_view
from helpers.explain.responses import Response
from helpers.tasks import TASKS


@dataclass(frozen=True)
class ExplainedImages:
    """n images, and where to look in each: bool (height, width), or None if unknown.

    Attributes:
        kept: The images.
        masks: The dataset's masks.
        signs: Where a phantom with its signs of disease differs from itself without.
        shapes: The outline of the lesion, or of the eye.
    """

    kept: Adversarials
    masks: list[np.ndarray | None]
    signs: list[np.ndarray | None]
    shapes: list[np.ndarray | None]

    @classmethod
    def from_config(cls, config: Config, kept: Adversarials) -> "ExplainedImages":
        masks: list = [mask if known else None for mask, known in zip(kept.masks, kept.has_mask, strict=True)]
        differences = draw_sign_differences(config, list(kept.names))
        signs: list = [None] * len(masks) if differences is None else list(differences)
        uses_field_of_view = TASKS[config.task].outline == "field_of_view"
        shapes: list = [field_of_view(image) for image in kept.images] if uses_field_of_view else masks
        return cls(kept, masks, signs, shapes)

    def tables(
        self, response: Response, clean: Response, *, condition: str, epsilon: float = 0.0
    ) -> Iterator[pd.DataFrame]:
        """Yield the tables of all measures of a model's response under a condition.

        Args:
            response: To the images as changed by the condition.
            clean: To the unchanged images.
            condition: "clean", "attack", "noise", "other image", "shuffled head" or "shuffled weights".
            epsilon: L∞ radius on pixels in [0, 1]; 0 if the images are unchanged.
        """
        labels, changes = self.kept.labels, response.images - self.kept.images
        was_right, is_right = clean.predictions == labels, response.predictions == labels
        outcomes = np.where(~was_right, "wrong before", np.where(is_right, "held", "broken"))
        about: dict[str, Any] = {
            "names": self.kept.names,
            "groups": self.kept.groups,
            "outcomes": outcomes,
            "condition": condition,
            "epsilon": epsilon,
        }
        if changes.any():
            perturbations = list(zip(changes, self.masks, self.signs, self.shapes, strict=True))
            yield tabulate(PERTURBATION_MEASURES, perturbations, **about)
        for target, maps in response.maps.items():
            yield tabulate(MAP_MEASURES, list(zip(maps, self.masks, self.signs, strict=True)), **about, target=target)
            if response is not clean:
                pairs = list(zip(clean.maps[target], maps, strict=True))
                yield tabulate(MAP_PAIR_MEASURES, pairs, **about, target=target)
