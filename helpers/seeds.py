"""A profile with other seeds: a file of its own, with a run of its own."""

import re
from pathlib import Path

import yaml

from helpers import files
from helpers.errors import StudyError
from helpers.lists import read_list
from helpers.profile_files import profile_path, read_profile

SEED_TEXT = re.compile(r"[0-9]{1,9}")
MOST_IN_A_NAME = 10  # seeds; of more, the name has a digest


def profile_with_seeds(profile: str, seeds: str, runs: Path) -> Path:
    """Write a profile whose models are those of another, each with all of these seeds, and return its path.

    Args:
        profile: The name of a file in params/ ("quick"), or the path of a YAML file.
        seeds: A list as text, such as "[0, 1, 2]".
        runs: The folder of runs that the new profile goes into; its name says which seeds it has.

    Raises:
        StudyError: these are no seeds, or the profile cannot be read.
    """
    words = [str(word) for word in read_list(seeds)]
    numbers = [int(word) for word in words if SEED_TEXT.fullmatch(word)]
    if not words or len(set(numbers)) < len(words):
        raise StudyError(f"seeds: expected different whole numbers, such as [0, 1, 2], got {seeds!r:.80}.")
    content = read_profile(profile)
    models: list[dict] = []
    for model in content["models"]:
        without = {key: value for key, value in model.items() if key != "seed"}
        if without not in models:
            models.append(without)
    content["models"] = [{**model, "seed": seed} for seed in numbers for model in models]
    named = "-".join(words) if len(words) <= MOST_IN_A_NAME else files.short_digest(numbers)
    path = runs / "_profiles" / f"{profile_path(profile).stem}-seeds{named}.yaml"
    with files.atomic_write(path) as temporary:
        temporary.write_text(f"# {profile}, with other seeds.\n{yaml.safe_dump(content, sort_keys=False)}")
    return path
