"""The study's helpers: what other code may rely on is named here. TensorFlow loads when it is first needed."""

import importlib

_FACE = {
    "StudyError": "helpers.config",
    "build_model": "helpers.networks.backbones",
    "check_attack": "helpers.attacks.checks",
    "evaluate": "helpers.attacks.evaluate",
    "explain_model": "helpers.explain.explanation",
    "load_manifest": "helpers.datasets.manifest",
    "load_model": "helpers.networks.backbones",
    "phantom": "helpers.phantoms",
    "predict_test": "helpers.training.fit",
    "prepare_manifest": "helpers.datasets.manifest",
    "pretrain": "helpers.training.pretrain",
    "read_config": "helpers.config",
    "read_manifest": "helpers.datasets.manifest",
    "read_model_config": "helpers.datasets.manifest",
    "read_models": "helpers.config",
    "sweep": "helpers.attacks.sweep",
    "train": "helpers.training.fit",
    "wilson": "helpers.judge.statistics",
}

__all__ = sorted(_FACE)


def __getattr__(name: str):
    if name not in _FACE:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_FACE[name]), name)
