"""The state of a training after its last complete epoch, in one file, so that a killed run can be resumed."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers import files
from helpers.backend import keras
from helpers.paths import display_path


class Checkpoint:
    """One file with all weights, the state of the optimizer, the history, and the weights of the best epoch.

    Args:
        path: An .npz file.
        key: What the training depends on. A checkpoint of another key is not used.
    """

    def __init__(self, path: Path, key: Mapping[str, Any]):
        self.path, self.key = path, files.short_digest(dict(key))

    def save(self, model: keras.Model, history: list[dict[str, float]], best: list[np.ndarray]) -> None:
        """Write the state after an epoch, atomically."""
        text = json.dumps({"key": self.key, "history": history})
        arrays = {f"state{n}": variable.numpy() for n, variable in enumerate(_state(model))}
        arrays |= {f"best{n}": weights for n, weights in enumerate(best)}
        with files.atomic_write(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, text=np.array(text), **arrays)

    def restore(self, model: keras.Model) -> tuple[list[dict[str, float]], list[np.ndarray]]:
        """Set the state of a compiled model; return the history and the best weights, both empty if there is none.

        A file that cannot be read, or that is of another training, is not used; a line says so.
        """
        if not self.path.is_file():
            return [], []
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                text = json.loads(str(saved["text"]))
                state = [saved[f"state{n}"] for n in range(len(_state(model)))]
                best = [saved[name] for name in saved.files if name.startswith("best")]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            return self._ignore(f"cannot be read ({error})")
        shapes = [tuple(variable.shape) for variable in _state(model)]
        if text["key"] != self.key or [values.shape for values in state] != shapes:
            return self._ignore("is of another training")
        for variable, values in zip(_state(model), state, strict=True):
            variable.assign(values)
        return text["history"], best

    def remove(self) -> None:
        """Delete the file: the training has ended."""
        self.path.unlink(missing_ok=True)

    def _ignore(self, reason: str) -> tuple[list, list]:
        print(f"{display_path(self.path)} {reason}; training starts at its first epoch")
        return [], []


def _state(model: keras.Model) -> list:
    model.optimizer.build(model.trainable_variables)  # otherwise it has no variables before the first step
    return [*model.weights, *model.optimizer.variables]
