"""The jobs of a profile's run, and the files that each makes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.artifacts.folders import PretrainedFolder, ProfileFolder, RunFolder, TaskFolder
from helpers.artifacts.results import ABOUT, TABLES
from helpers.config import Config
from helpers.judge.testable import can_be_judged, leave_radii


@dataclass(frozen=True)
class Job:
    """A job of the workflow.

    Attributes:
        rule: As the workflow calls it.
        name: Of its log and of its timing.
        like: What takes about as long: rule, backbone and kind of training.
        outputs: The files that it makes, or their folder.
    """

    rule: str
    name: str
    like: tuple[str, ...]
    outputs: tuple[Path, ...] = ()


def jobs_of(models: Sequence[Config]) -> list[Job]:
    """Return the jobs of a profile's models, in the order of the study's steps."""
    notebooks = ProfileFolder.from_config(models[0]).notebooks
    return [
        *_preparing(models, notebooks),
        *(job for rule in ("train", "attack", "explain") for job in _of_each_model(rule, models, notebooks)),
        *_showing(models, notebooks),
        *_concluding(models),
    ]


def _preparing(models: Sequence[Config], notebooks: Path) -> Iterable[Job]:
    for model in _first_of_each(models, lambda model: model.task):
        folder, name = TaskFolder.from_config(model), f"prepare_data-{model.task}"
        outputs = (folder.manifest, folder.manifest_report, notebooks / f"01_{name}.ipynb")
        yield Job("prepare_data", name, ("prepare_data",), outputs)
    pretrained = [model for model in models if model.weights == "phantom" and model.pretraining]
    for model in _first_of_each(pretrained, lambda model: model.backbone):
        start = PretrainedFolder.from_config(model)
        like = ("pretrain", model.backbone)
        yield Job("pretrain", f"pretrain-{model.backbone}", like, (start.weights, start.history))


def _of_each_model(rule: str, models: Sequence[Config], notebooks: Path) -> Iterable[Job]:
    for model in models:
        folder, name = RunFolder.from_config(model), f"{rule}-{_named(model)}"
        outputs = {
            "train": (folder.model, folder.history, folder.predictions, notebooks / f"{name}.ipynb"),
            "attack": (folder.robustness, folder.checks, folder.adversarials),
            "explain": (folder.explanations, folder.maps, folder.detection),
        }
        if rule != "explain" or not model.is_adversarial:
            kind = "adversarial" if model.is_adversarial else "standard"
            yield Job(rule, name, (rule, model.backbone, kind), outputs[rule])


def _showing(models: Sequence[Config], notebooks: Path) -> Iterable[Job]:
    standard = [model for model in models if not model.is_adversarial]
    for rule, notebook, chosen, named in (
        ("show_evaluation", "04_evaluate_pgd", models, _compared),
        ("question", "05_question_the_attack", models[:1], _named),
        ("show_explanation", "06_explain_gradcam", standard, _compared),
    ):
        for name in dict.fromkeys(f"{notebook}-{named(model)}" for model in chosen):
            yield Job(rule, name, (rule,), (notebooks / f"{name}.ipynb",))


def _concluding(models: Sequence[Config]) -> Iterable[Job]:
    folder = ProfileFolder.from_config(models[0])
    has_standard = not all(model.is_adversarial for model in models)
    summaries = ["summary.csv", *(["summary_explanations.csv"] if has_standard else [])]
    tables = [*TABLES.values(), ABOUT] if leave_radii(models) else ["none"]
    drawn = (*(folder.results / name for name in summaries), folder.figures)
    yield Job("figures", "figures", ("figures",), drawn)
    yield Job("collect", "collect", ("collect",), tuple(folder.results / name for name in tables))
    if can_be_judged(models):
        yield Job("judge", "07_judge_claims", ("judge",), (folder.notebooks / "07_judge_claims.ipynb",))
    yield Job("describe", "describe", ("describe",), (folder.metadata,))


def _first_of_each(models: Sequence[Config], key: Callable[[Config], str]) -> list[Config]:
    found: dict[str, Config] = {}
    for model in models:
        found.setdefault(key(model), model)
    return list(found.values())


def _named(model: Config) -> str:
    return f"{model.task}-{RunFolder.from_config(model).path.name}"


def _compared(model: Config) -> str:
    return f"{model.task}-{model.backbone}-seed{model.seed}"
