"""Results of a study in which the truth is known: how much attention changes radii, and how much trainings differ."""

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults

SPREAD = 0.6  # of the logarithm of radii between images
PAIR_SPREAD = 0.5  # of what one model adds to it, of its own


def planted_results(
    *, effect, images, seeds, rng, seed_spread=0.05, tasks=("skin_lesion",), backbones=("resnet50",), accuracy=0.85
) -> StudyResults:
    """Return results in which attention multiplies radii by `effect`.

    Images come in groups of two. `seed_spread` is the standard deviation of the log ratio between trainings.
    """
    models, radii, clean = [], [], []
    for task in tasks:
        names = [f"{task}-{number}" for number in range(images)]
        groups = [f"{task}-{number // 2}" for number in range(images)]
        of_image = rng.normal(-5.5, SPREAD, images)
        for backbone in backbones:
            for seed in range(seeds):
                for arm, log_ratio in (("none", 0.0), ("soft", np.log(effect))):
                    key = {"task": task, "backbone": backbone, "arm": arm, "seed": seed}
                    logs = of_image + rng.normal(0, PAIR_SPREAD, images) + log_ratio
                    logs += rng.normal(0, seed_spread) if arm == "soft" else 0
                    right = rng.random(images) < accuracy
                    radius = np.where(right, np.exp(logs), 0.0)
                    about = {"source": "phantom", "classes": 7, "image_size": 96, "parameters": 1000, "data_seed": 0}
                    models.append({**key, **about, "protocol": "minimal", "attack_version": 3, "verdict": "trusted"})
                    rows = pd.DataFrame({**key, "image": names, "group": groups, "label": "nv"})
                    radii.append(
                        rows.assign(attack="minimum_norm_20", radius=radius, failed_at=0.0, calls=50, levels=1.0)
                    )
                    clean.append(rows.assign(right=right.astype(int)))
    nothing = pd.DataFrame(columns=["task", "backbone", "arm", "seed"])
    return StudyResults(
        {"profile": "planted", "epsilons": [0.00125]},
        pd.DataFrame(models),
        pd.concat(radii, ignore_index=True),
        pd.concat(clean, ignore_index=True),
        nothing,
        nothing,
        nothing,
    )
