# What the rules share: the models of the profile, the names of their files, and how a job is called.

import os
import re
import sys
from collections import defaultdict
from pathlib import Path

from helpers import files
from helpers.artifacts.folders import RUN_NAME, PretrainedFolder, ProfileFolder, RunFolder, TaskFolder
from helpers.artifacts.records import STAGES
from helpers.backbones import BACKBONES
from helpers.datasets.manifest import data_dir_state
from helpers.errors import StudyError
from helpers.paths import ROOT, from_root
from helpers.profiles import profile_tasks, read_config, read_models, select_models
from helpers.trainings import training_suffix

PROFILE, RUNS = config.get("profile", "quick"), config.get("runs_dir")  # run.py gives both; `snakemake --lint` does not
try:
    MODELS = read_models(PROFILE, runs_dir=RUNS)
    PROFILE_TASKS = profile_tasks(PROFILE)
except StudyError as error:
    raise WorkflowError(str(error))

FOLDER = ProfileFolder.from_config(MODELS[0])
QUESTIONED = MODELS[0]  # notebook 05 questions its attack, and compares it with all models of its task
PROFILE_COPY = FOLDER.profile.name  # changes only if the profile's content does
TASK, RUN = TaskFolder(Path("{task}")), RunFolder(Path("{task}") / RUN_NAME)  # their paths are patterns of wildcards
PRETRAINED = PretrainedFolder(Path("pretrained") / "{backbone}")
BY_TASK_AND_SEED = defaultdict(list)  # jobs ask for models of one task and seed; all may be thousands
for model in MODELS:
    BY_TASK_AND_SEED[model.task, model.seed].append(model)
SUFFIXES = {training_suffix(model.training): model.training for model in MODELS}
# Where run.py found GPUs, a job that computes has one of them for itself (`helpers.gpus`), and all others have none.
GPUS = [name for name in os.environ.get("STUDY_GPUS", "").split(",") if name]
GPUS_PER_JOB = min(1, len(GPUS))
WITHOUT_GPU = "CUDA_VISIBLE_DEVICES= " if GPUS else ""
# Two jobs side by side, or one on each GPU: tracing and decoding leave cores idle otherwise. On a cluster, run.py and the
# jobs on other nodes know the number from the environment.
CORES_PER_JOB = int(os.environ.get("STUDY_CORES_PER_JOB") or max(1, workflow.cores // max(2, len(GPUS))))


wildcard_constraints:
    task="[a-z0-9_]+",
    backbone="[a-z0-9_]+",
    attention="[a-z0-9_]+",
    training=f"(?:{'|'.join(map(re.escape, SUFFIXES))})",
    seed="[0-9]+",


def key_of(model):
    """Return the wildcards that name a model."""
    return {
        "task": model.task,
        "backbone": model.backbone,
        "attention": model.attention,
        "training": training_suffix(model.training),
        "seed": model.seed,
    }


def models_of(task, seed, **properties):
    """Return the profile's models with this task, seed and properties, such as backbone."""
    return select_models(BY_TASK_AND_SEED[task, int(seed)], **properties)  # a wildcard is text


def files_of(models, *names):
    """Return files in the folders of models, by their names in `RunFolder`."""
    folders = [RunFolder.from_config(model) for model in models]
    return [str(getattr(folder, name).relative_to(FOLDER.path)) for folder in folders for name in names]


def comparisons(models):
    """Return task, backbone and seed of models, each once: one notebook 04 or 06 shows those that share them."""
    return list(dict.fromkeys((model.task, model.backbone, str(model.seed)) for model in models))


STANDARD_MODELS = [model for model in MODELS if not model.is_adversarial]  # these are explained
COMPARED, EXPLAINED = comparisons(MODELS), comparisons(STANDARD_MODELS)
LARGEST_SIZE = max(model.image_size for model in MODELS)
LARGEST = {model.backbone for model in MODELS if model.image_size == LARGEST_SIZE}
PRETRAINED_BACKBONES = {m.backbone for m in MODELS if m.weights == "phantom" and m.pretraining is not None}  # in the run


def notebook_04(task, backbone, seed):
    """Return the executed notebook 04 of the models that share task, backbone and seed."""
    return f"notebooks/04_evaluate_pgd-{task}-{backbone}-seed{seed}.ipynb"


def notebook_05(**key):
    """Return the executed notebook 05 of a model, named by its wildcards."""
    return f"notebooks/05_question_the_attack-{key['task']}-{RUN_NAME.format(**key)}.ipynb"


def notebook_06(task, backbone, seed):
    """Return the executed notebook 06 of the models that share task, backbone and seed."""
    return f"notebooks/06_explain_gradcam-{task}-{backbone}-seed{seed}.ipynb"


def pretrained_weights(wildcards):
    """Return the weights that a backbone's models start from, if the profile pretrains it."""
    return [str(PRETRAINED.weights).format(backbone=b) for b in PRETRAINED_BACKBONES & {wildcards.backbone}]


def urgency(stage):
    """Return the priority of a stage's jobs.

    Early stages come first. Within a stage, the task of notebook 05 comes first: it takes long, and waits for all models
    of its task. Then come the largest images, which take longest. So the short jobs are left for the end, where they keep
    all cores busy.
    """
    return lambda wildcards: 4 * stage + 2 * (wildcards.task == QUESTIONED.task) + (wildcards.backbone in LARGEST)


# A job's command. Paths of this machine come from the environment: quoted by the shell, never read as
# patterns, and not part of the rules, so that another clone that shares the folder does not rerun the jobs.
os.environ |= {
    "STUDY_PYTHON": sys.executable,
    "STUDY_NOTEBOOKS": str(ROOT / "notebooks"),
    "STUDY_JOB": str(ROOT / "workflow" / "job.sh"),
    "STUDY_PROFILE": PROFILE,
    "STUDY_RUNS": str(from_root(MODELS[0].runs_dir)),
    "STUDY_CORES_PER_JOB": str(CORES_PER_JOB),
}
THREADS = "TF_NUM_INTRAOP_THREADS={threads} TF_NUM_INTEROP_THREADS={threads}"  # all cores for each would be slower
WHICH_RUN = '--profile "$STUDY_PROFILE" --runs-dir "$STUDY_RUNS"'
WHICH_MODEL = (
    "--task {wildcards.task} --backbone {wildcards.backbone} --attention {wildcards.attention} "
    "--training {params.training} --seed {wildcards.seed}"
)
shell.prefix("set -euo pipefail; trap : INT TERM HUP; ")  # a signal is for a job's command; the shell waits for its end
AS_JOB = 'bash "$STUDY_JOB" {log:q}'
AS_NEW_AS_INPUTS = "touch -c {output:q}"


def step(name, which):
    """Return the command of one step of the study."""
    command = f'"$STUDY_PYTHON" -m helpers.command {name} {WHICH_RUN} {which}'
    return f"{THREADS} {AS_JOB} {command} && {AS_NEW_AS_INPUTS}"


def notebook(*, computes=False, **parameters):
    """Return the command that executes a notebook with parameters; one that `computes` may do so on a GPU."""
    words = " ".join(f"-p {name} {value}" for name, value in parameters.items())
    source = '"$STUDY_NOTEBOOKS"/{params.notebook}.ipynb'
    run = '-r profile "$STUDY_PROFILE" -r runs_dir "$STUDY_RUNS"'
    command = f'"$STUDY_PYTHON" -m helpers.batch {source} {{output.notebook:q}} {run} {words}'
    return f"{'' if computes else WITHOUT_GPU}{THREADS} {AS_JOB} {command} && {AS_NEW_AS_INPUTS}"


def more_each_time(number):
    """Return a resource that is as much larger as a job is started again: it may have been killed for too little."""
    return lambda wildcards, attempt: number * attempt


# What a job depends on besides its inputs is among its `params`, too: a change runs it again.
def state_of_images(wildcards):
    """Return what changes when images of a task are added, removed or replaced, or their table is edited."""
    return data_dir_state(read_config(profile=PROFILE, runs_dir=RUNS, task=wildcards.task))


def state_of_weights(wildcards):
    """Return what changes when the weight file that a model starts from is replaced; None without such a file."""
    named = {"backbone": wildcards.backbone, "attention": wildcards.attention, "training": SUFFIXES[wildcards.training]}
    (model,) = models_of(wildcards.task, wildcards.seed, **named)
    path = from_root(model.weights)
    return files.fingerprint([path], relative_to=path.parent) if path.is_file() else None
