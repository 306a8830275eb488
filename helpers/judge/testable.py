"""Whether the models of a profile can be judged, said without the packages that judging takes."""

from collections.abc import Iterable, Sequence

import yaml

from helpers.config import Config
from helpers.paths import ROOT

CLAIMS = ROOT / "results" / "claims.yaml"


def can_be_judged(models: Sequence[Config]) -> bool:
    """Return whether a run leaves radii of a pair that a claim compares: with attention, and without."""
    standard = [model for model in models if model.training == "standard"]
    attentions: dict[str, set[str]] = {}
    for model in standard:
        attentions.setdefault(f"{model.task}/{model.backbone}", set()).add(model.attention)
    cells = {cell for claim in yaml.safe_load(CLAIMS.read_text()) for cell in claim.get("cells", ())}
    has_pairs = any({"none", "soft"} <= found and cell in cells for cell, found in attentions.items())
    return has_pairs and leave_radii(models)


def leave_radii(models: Iterable[Config]) -> bool:
    """Return whether the attacks on all models leave radii: protocol "paper" does not."""
    return all(model.protocol == "minimal" for model in models)
