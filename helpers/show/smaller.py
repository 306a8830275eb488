"""Smaller copies of a model's pictures, for readers of a shared run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers import files
from helpers.artifacts.adversarials import SHORTENED, Adversarials
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.records import SUFFIX
from helpers.show.chosen_images import SHOWN_ADVERSARIALS, spread_over_epsilons


def smaller_copies(chosen: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Write smaller copies of arrays into a folder, and of records, which then speak of the copies.

    Of a model's adversarials, those that its figure shows are left, and their record says so; explanations of older
    versions, which hold pixels in floating point, get 8 bits.

    Args:
        chosen: The files of a run, by their paths in it.
        folder: Where the copies go.

    Returns:
        The copies, by the same paths.
    """
    copies: dict[str, Path] = {}
    for name, path in chosen.items():
        content: Adversarials | ExplanationArrays
        facts: dict[str, Any] = {}
        if path.match("adversarials*.npz"):
            kept = Adversarials.load(path)
            content = kept.only(spread_over_epsilons(kept, SHOWN_ADVERSARIALS))
            facts = {SHORTENED: "to those of a figure"}
        elif path.match("explanations*.npz"):
            content = ExplanationArrays.load(path)
        else:
            continue
        copies[name] = folder / name
        files.make_folder(copies[name].parent)
        content.save(copies[name])
        facts |= {"bytes": copies[name].stat().st_size, "sha256": files.digest(copies[name])}
        for other in [other for other in chosen if other.endswith(SUFFIX) and Path(other).parent == Path(name).parent]:
            text = copies.get(other, chosen[other]).read_text()
            record = json.loads(text.replace(files.digest(path), facts["sha256"]))
            if path.name in record.get("files", {}):
                record["files"][path.name] = facts
            copies[other] = folder / other
            files.write_json(record, copies[other])
    return copies
