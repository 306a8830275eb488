"""The whole path on tiny backbones: workflow, papermill, notebooks, nbval, and what happens when something is wrong."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pandas as pd
import psutil
import pytest
import yaml
from clones import Clone, make_clone
from rocrate.rocrate import ROCrate

from helpers import StudyError, evaluate, files, load_model, prepare_manifest, read_config
from helpers.artifacts import records
from helpers.artifacts.folders import ProfileFolder, RunFolder
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.results import MODEL, StudyResults
from helpers.artifacts.tables import HISTORY, PREDICTIONS, ROBUSTNESS
from helpers.paths import ROOT
from helpers.profile_files import read_profile
from helpers.profiles import read_models
from helpers.show.crate import verify
from helpers.show.job_list import jobs_of
from helpers.show.jobs import State, look


def modified(folder):
    """Return when each visible file below a folder was last changed."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {p: p.stat().st_mtime_ns for p in found if not any(part.startswith(".") for part in p.parts)}


def test_a_run_leaves_every_file_of_the_design(clone):
    for name in ("skin_lesion/tiny-none", "skin_lesion/tiny-soft", "retinopathy/tiny_flat-soft-adversarial-strong"):
        folder = clone.folder / f"{name}-seed0"
        recorded = ["model.keras", "predictions.csv", "robustness.csv"]
        others = ["history.csv", "checks.json", "adversarials.npz", "tensorboard"]
        if not name.endswith("-strong"):
            recorded.append("explanations.csv")
            others += ["explanations.npz", "detection.csv"]
        records_beside = [f"{file}.record.json" for file in recorded]
        visible = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
        assert sorted(visible) == sorted([*recorded, *records_beside, *others])
        robustness = ROBUSTNESS.load(folder / "robustness.csv")
        expected = ["image", "group", "label", "attack", "seed", "radius", "failed_at", "calls", "prediction"]
        expected += ["levels", "fools_rounded", "fools_jpeg"]
        assert list(robustness.columns) == expected
        assert 6 <= robustness.image.nunique() == len(robustness) <= 8  # whole lesions
        predictions = PREDICTIONS.load(folder / "predictions.csv")
        assert predictions.iloc[:, 4:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
        assert ChecksReport.load(folder / "checks.json").verdict in ("trusted", "doubtful", "broken")
    drawn = {path.stem for path in (clone.folder / "figures").glob("*-seed0.*")}
    evaluated = ("accuracy_against_epsilon", "perturbation_examples")
    expected = {
        f"{kind}-{models}-seed0" for kind in evaluated for models in ("skin_lesion-tiny", "retinopathy-tiny_flat")
    }
    assert drawn == expected | {f"{kind}-skin_lesion-tiny-seed0" for kind in ("grad_cam", "perturbation_shapes")}
    results = pd.read_csv(clone.folder / "results" / "summary.csv")
    assert set(results.task) == {"skin_lesion", "retinopathy"}
    assert set(results.training) == {"standard", "adversarial-strong"}
    assert len(list((clone.folder / "notebooks").glob("*.ipynb"))) == 9
    assert not list(clone.folder.rglob(f"{files.UNFINISHED}*"))
    assert list((clone.folder / "logs").glob("attack-*.log"))
    assert list((clone.folder / "benchmarks").glob("attack-*.tsv"))


def test_the_results_hold_what_the_run_folders_hold(clone):
    results = StudyResults.load(clone.folder / "results")
    assert results.models.arm.tolist() == ["soft-adversarial-strong", "none", "soft"]
    for row in results.models.itertuples():
        suffix = "-adversarial-strong" if row.arm.endswith("-strong") else ""
        attention = row.arm.removesuffix("-adversarial-strong")
        folder = clone.folder / row.task / f"{row.backbone}-{attention}{suffix}-seed{row.seed}"
        assert row.parameters == load_model(folder).count_params()
        radii = ROBUSTNESS.load(folder / "robustness.csv")
        kept = results.radii[(results.radii.arm == row.arm) & (results.radii.task == row.task)]
        assert kept.image.tolist() == radii.image.tolist()
        assert kept.radius.to_numpy() == pytest.approx(radii.radius.to_numpy(), abs=1e-7)
        predictions = PREDICTIONS.load(folder / "predictions.csv")
        clean = results.clean[(results.clean.arm == row.arm) & (results.clean.task == row.task)]
        assert clean.right.sum() == (predictions.label == predictions.prediction).sum()
    assert set(results.maps.other_arm) == {"soft"}
    assert set(results.explanations.arm) == set(results.detection.arm) == {"none", "soft"}


def test_parts_of_a_run_from_two_machines_become_one_folder_of_results(clone, tmp_path):
    for machine, elsewhere in (
        ("one", ["tiny-none-seed0"]),
        ("two", ["tiny-soft-seed0", "tiny_flat-soft-adversarial-strong-seed0"]),
    ):
        runs = tmp_path / machine
        shutil.copytree(clone.runs, runs, symlinks=True)
        for name in elsewhere:
            next((runs / clone.folder.name).glob(f"*/{name}/checks.json")).unlink()
        options = ["--profile", clone.profile, "--runs-dir", runs, "--to", tmp_path / "results"]
        result = clone.call("-m", "helpers.show.collect", *options, "--so-far")
        assert result.returncode == 0, result.stderr
    joined, whole = StudyResults.load(tmp_path / "results"), StudyResults.load(clone.folder / "results")
    assert joined.about == whole.about
    for name in ("models", "radii", "clean", "explanations", "detection"):
        one, other = (getattr(results, name).sort_values(list(MODEL), kind="stable") for results in (joined, whole))
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))
    assert joined.maps.empty  # no two models of a task were on the same machine
    assert len(whole.maps)


def test_the_jobs_that_status_knows_are_those_that_ran(clone):
    found = look(ProfileFolder(clone.folder), jobs_of(read_models(str(clone.profile), runs_dir=str(clone.runs))))
    assert {each.job.name for each in found} == {path.stem for path in (clone.folder / "logs").glob("*.log")}
    assert {each.state for each in found} == {State.FINISHED}
    assert all(each.seconds > 0 for each in found)


def test_the_outputs_of_jobs_are_those_that_snakemake_knows(clone):
    result = clone.run("--detailed-summary")
    assert result.returncode == 0, result.stderr[-3000:]
    known = {line.split("\t")[0] for line in result.stdout.splitlines()[1:]}
    jobs = jobs_of(read_models(str(clone.profile), runs_dir=str(clone.runs)))
    assert {path.relative_to(clone.folder).as_posix() for job in jobs for path in job.outputs} == known - {""}


def test_the_metadata_of_a_run_list_its_files_and_its_jobs_and_say_what_changed(clone, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(clone.folder, folder, symlinks=True)
    crate = ROCrate(folder)  # another reader than the one under test
    listed = {unquote(each.id) for each in crate.get_by_type("File")}
    assert {
        "profile.yaml",
        "skin_lesion/tiny-none-seed0/model.keras",
        "notebooks/04_evaluate_pgd-skin_lesion-tiny-seed0.ipynb",
    } <= listed
    jobs = {each["name"]: each for each in crate.get_by_type("CreateAction")}
    trained = jobs["train-skin_lesion-tiny-none-seed0"]
    assert {unquote(each.id).split("/")[-1] for each in trained["result"]} > {"model.keras", "history.csv"}
    facts = {each["name"]: each["value"] for each in trained["additionalProperty"]}
    assert float(facts["seconds"]) > 0
    assert float(facts["peak memory in MB"]) > 50
    assert facts["made"] <= datetime.now(UTC).date().isoformat()
    assert not [line for line in verify(folder) if not line.endswith("not in the metadata")]
    (folder / "results" / "summary.csv").unlink()
    (folder / "skin_lesion" / "manifest.csv").write_text("")
    (folder / "stray.txt").write_text("")
    result = clone.call("-m", "helpers.show.crate", "--verify", folder)
    assert result.returncode == 1
    changes = {"results/summary.csv: missing", "skin_lesion/manifest.csv: changed", "stray.txt: not in the metadata"}
    assert changes <= set(result.stderr.splitlines())


def test_nothing_is_written_outside_the_folder_of_runs(clone):
    present = {path.relative_to(clone.path) for path in clone.path.rglob("*") if path.is_file()}
    assert all((ROOT / path).is_file() or "__pycache__" in path.parts for path in present)


def test_models_start_from_their_backbones_pretraining_on_the_tasks_of_the_profile(clone):
    pretrained = clone.folder / "pretrained" / "tiny"
    assert HISTORY.load(pretrained / "history.csv").epoch.tolist() == [1]
    record = records.recorded(clone.folder / "skin_lesion" / "tiny-none-seed0" / "model.keras")
    assert record["weights_digest"] == files.digest(pretrained / "backbone.weights.h5")
    assert len(records.recorded(pretrained / "backbone.weights.h5")["manifest_digests"]) == 2


def test_notebook_05_questions_the_first_model_of_the_profile(clone):
    name = "05_question_the_attack-retinopathy-tiny_flat-soft-adversarial-strong-seed0.ipynb"
    assert [path.name for path in (clone.folder / "notebooks").glob("05_*")] == [name]


def test_a_second_run_does_nothing(clone):
    before = modified(clone.folder)
    result = clone.run()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr
    assert modified(clone.folder) == before


def test_only_what_is_missing_is_made_again_and_it_comes_out_the_same(clone, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(clone.runs, runs, copy_function=shutil.copy2, symlinks=True)
    other = Clone(clone.path, clone.profile, runs)
    folder = other.folder / "skin_lesion" / "tiny-none-seed0"
    before = modified(other.folder)
    (folder / "checks.json").unlink()
    with (folder / "robustness.csv").open("r+") as file:
        file.truncate(100)
    assert other.run("-np").returncode == 0
    assert (folder / "robustness.csv").is_file()  # a plan sets nothing aside
    result = other.run("--until", "attack")
    assert "robustness.csv: it was cut off or changed; now it is robustness.csv.broken" in result.stdout
    (folder / "robustness.csv.broken").unlink()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    for name in ("robustness.csv", "checks.json", "adversarials.npz"):
        assert (folder / name).read_bytes() == (clone.folder / "skin_lesion" / "tiny-none-seed0" / name).read_bytes(), (
            name
        )
    changed = {path.name for path, time in modified(other.folder).items() if before.get(path) != time}
    assert changed == {
        *("robustness.csv", "robustness.csv.record.json", "checks.json", "adversarials.npz"),
        *("attack-skin_lesion-tiny-none-seed0.log", "attack-skin_lesion-tiny-none-seed0.tsv"),
    }


def test_a_table_of_results_that_was_cut_off_is_made_again(clone, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(clone.runs, runs, copy_function=shutil.copy2, symlinks=True)
    other = Clone(clone.path, clone.profile, runs)
    table = other.folder / "results" / "models.csv"
    with table.open("r+") as file:
        file.truncate(100)
    result = other.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "models.csv: it was cut off or changed; now it is models.csv.broken" in result.stdout
    assert table.read_bytes() == (clone.folder / "results" / "models.csv").read_bytes()


@pytest.mark.parametrize("arguments", [(), ("--lint",)])
def test_the_plan_and_the_style_of_the_workflow(clone, tmp_path, arguments):
    """The plan lists all jobs. What `--lint` objects to is listed here, each with the reason why it stays."""
    result = Clone(clone.path, clone.profile, tmp_path).run("-n", *arguments)
    printed = result.stdout + result.stderr
    if not arguments:
        assert result.returncode == 0, printed
        jobs = {"prepare_data": 2, "pretrain": 1, "train": 3, "attack": 3, "explain": 2, "figures": 1}
        jobs |= {"show_evaluation": 2, "question": 1, "show_explanation": 1, "collect": 1, "describe": 1, "all": 1}
        jobs["total"] = sum(jobs.values())  # no job that judges: the claims are about the paper's networks
        assert dict(re.findall(r"^(\w+) +(\d+)$", printed, flags=re.MULTILINE)) == {n: str(c) for n, c in jobs.items()}
    else:
        accepted = (
            "Specify a conda environment or container for each rule",  # all use one pinned environment
        )
        objections = re.findall(r"^ +\* (.+?):?$", printed, flags=re.MULTILINE)
        assert not [text for text in objections if not text.startswith(accepted)], printed


def test_early_stages_and_what_notebook_05_waits_for_start_first(clone, tmp_path):
    planned = clone.call("workflow/run.py", "-n", "--config", "profile=quick", f"runs_dir={tmp_path}").stdout
    priorities, of_tasks = defaultdict(set), defaultdict(set)
    for job in re.split(r"^(?:local)?rule ", planned, flags=re.MULTILINE)[1:]:
        named = re.search(r"^    priority: (\d+)$", job, flags=re.MULTILINE)  # none: 0
        priorities[job.split(":")[0]].add(priority := int(named[1]) if named else 0)
        if task := re.search(r"^    wildcards: task=(\w+)", job, flags=re.MULTILINE):
            of_tasks[job.split(":")[0], task[1]].add(priority)
    for earlier, later in itertools.pairwise(("prepare_data", "train", "attack", "question", "explain")):
        assert min(priorities[earlier]) > max(priorities[later]), (earlier, later)
    for stage in ("train", "attack"):  # notebook 05 takes long, and waits for all models of its task
        (largest,), (others,) = of_tasks[stage, "pneumothorax"], of_tasks[stage, "retinopathy"]
        assert min(of_tasks[stage, "skin_lesion"]) > largest > others


def test_other_seeds_are_a_run_of_their_own(clone, tmp_path):
    config = [f"profile={clone.profile}", f"runs_dir={tmp_path}", "seeds=[3,5]"]
    result = clone.call("workflow/run.py", "-n", "--config", *config)
    assert result.returncode == 0, result.stderr[-3000:]
    assert re.search(r"^train +6$", result.stdout, flags=re.MULTILINE)  # three models, two seeds
    assert {path.name for path in tmp_path.iterdir()} == {"_profiles", f"{clone.profile.stem}-seeds3-5"}


def test_a_report_has_the_figures_and_tables_of_the_run_with_captions(clone, tmp_path):
    result = clone.run("--report", str(tmp_path / "report.html"))
    assert result.returncode == 0, result.stderr[-3000:]
    page = (tmp_path / "report.html").read_text()
    drawn = [path.name for path in (clone.folder / "figures").glob("[!.]*")]
    assert drawn
    assert [name for name in drawn if f'"{name}"' in page] == drawn
    for text in ("Robust accuracy against the radius", "Activation maps of each model", "Accuracy at each epsilon"):
        assert text in page
    assert "the run of profile" in page


def test_a_job_that_computes_has_a_gpu_for_itself_and_others_have_none(clone, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(clone.runs, runs, copy_function=shutil.copy2, symlinks=True)
    other = Clone(clone.path, clone.profile, runs)
    (other.folder / "skin_lesion" / "tiny-none-seed0" / "robustness.csv").unlink()
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0,1"}  # TensorFlow finds neither here, and takes the CPU
    plan = other.run("-n", "-p", environment=environment).stdout
    assert re.search(r"CUDA_VISIBLE_DEVICES= .*04_evaluate_pgd", plan)
    assert not re.search(r"CUDA_VISIBLE_DEVICES= .*helpers.command attack", plan)
    result = other.run("--until", "attack", environment=environment)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    log = (other.folder / "logs" / "attack-skin_lesion-tiny-none-seed0.log").read_text()
    assert "on GPU 0" in log or "on GPU 1" in log
    provided = re.search(r"Provided resources: (.*)", result.stdout + result.stderr)[1]
    assert re.search(r"gpu\W.*\b2\b", provided)
    assert re.search(rf"mem_mb\W.*\b{psutil.virtual_memory().total // 2**20}\b", provided)


def leave_lock(clone):
    """Leave a lock of Snakemake's, as a killed run does."""
    stale = clone.folder / ".snakemake" / "locks" / "0.output.lock"
    stale.parent.mkdir(exist_ok=True)
    stale.write_text("results/summary.csv\n")
    return stale


def test_a_lock_that_a_killed_run_left_does_not_stop_the_next_but_a_living_run_does(clone):
    stale = leave_lock(clone)
    assert clone.run().returncode == 0
    assert not stale.exists()
    with files.lock(clone.folder / "workflow"):
        result = clone.run()
    assert result.returncode == 1
    assert "another process is working on it" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_living_snakemake_is_not_unlocked_even_if_it_was_started_by_hand(clone):
    stale = leave_lock(clone)
    code = "import time; time.sleep(60)"
    living = subprocess.Popen([sys.executable, "-c", code, "snakemake"], cwd=clone.folder)
    try:
        result = clone.run("--forceall")
        assert result.returncode != 0
        assert stale.exists()
    finally:
        living.kill()
        living.wait()
        stale.unlink()


def test_two_clones_that_share_a_folder_of_runs_exclude_each_other(clone, tmp_path, smoke_profile):
    second = make_clone(tmp_path, smoke_profile)
    shared = Clone(second.path, clone.profile, clone.runs)
    with files.lock(clone.folder / "workflow"):
        assert "another process is working on it" in shared.run().stderr
    result = shared.run()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


def test_the_executed_notebooks_repeat_themselves_under_nbval(clone):
    kinds = ("01_*-retinopathy", "train-*-soft-*", "04_*-retinopathy-*", "05_*", "06_*-skin_lesion-*")
    copies = [min((clone.folder / "notebooks").glob(f"{kind}.ipynb")) for kind in kinds]
    result = clone.call(
        "-m", "pytest", "--nbval-lax", "-q", "-c", os.devnull, "-p", "no:cacheprovider", *map(str, copies)
    )
    assert result.returncode == 0, result.stdout[-3000:]
    executed = sum(cell.cell_type == "code" for path in copies for cell in nbformat.read(path, as_version=4).cells)
    assert f"{executed} passed" in result.stdout


def test_a_profile_with_only_an_adversarially_trained_model_has_nothing_to_explain(clone, tmp_path):
    """Its plan, that is. The steps in it are those of the first model of the other profile, which run there."""
    content = read_profile(str(clone.profile))
    content["models"] = content["models"][:1]
    profile = tmp_path / "only.yaml"
    profile.write_text(yaml.safe_dump(content))
    result = Clone(clone.path, profile, tmp_path / "runs").run("-n")
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", printed, flags=re.MULTILINE))
    once = ("prepare_data", "train", "attack", "figures", "show_evaluation", "question", "collect", "describe")
    assert jobs == dict.fromkeys([*once, "all"], "1") | {"total": "9"}


def test_a_single_file_can_be_asked_for(clone, tmp_path):
    result = Clone(clone.path, clone.profile, tmp_path).run("skin_lesion/manifest.csv", "-n")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"prepare_data +1\ntotal +1\n", result.stdout)


def test_a_model_is_not_tested_on_a_split_that_it_was_not_trained_for(clone, tmp_path):
    shutil.copytree(clone.runs, tmp_path / "runs")
    config = read_config(profile=str(clone.profile), runs_dir=str(tmp_path / "runs"), backbone="tiny", folds=7)
    prepare_manifest(config)
    with pytest.raises(StudyError, match="model.keras: expected a model of the images and split in"):
        evaluate(config)


@pytest.mark.parametrize(("protocol", "tables"), [("minimal", 0), ("paper", 1)])
def test_other_epsilons_by_papermill_leave_the_profiles_outcome_alone(clone, tmp_path, protocol, tables):
    """Radii give the accuracy at any epsilon; Foolbox's PGD attacks anew, and its table lies beside the profile's."""
    before = modified(clone.folder)
    parameters = {"profile": clone.profile, "runs_dir": clone.runs, "backbone": "tiny", "epsilons": "2/255, 8/255, 1"}
    words = [word for name, value in (parameters | {"protocol": protocol}).items() for word in ("-r", name, str(value))]
    result = clone.call(
        *("-m", "papermill", "notebooks/04_evaluate_pgd.ipynb", str(tmp_path / "out.ipynb"), "-k", "python3", *words)
    )
    assert result.returncode == 0, result.stderr[-2000:]
    after = modified(clone.folder)
    assert {path: after[path] for path in before} == before
    config = read_config(profile=str(clone.profile), runs_dir=str(clone.runs), backbone="tiny", attention="soft")
    others = list(RunFolder.from_config(config).path.glob("robustness-*.csv"))
    assert len(others) == tables
    for table in others:
        assert ROBUSTNESS.load(table).epsilon.unique() == pytest.approx([0, 2 / 255, 8 / 255, 1])


def test_a_bad_profile_stops_the_workflow_before_any_job(tmp_path, smoke_profile):
    content = yaml.safe_load(Path(smoke_profile).read_text())
    content["parameters"]["epsilon"] = content["parameters"].pop("epsilons")
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    command = [sys.executable, "workflow/run.py", "--config", f"profile={path}", f"runs_dir={tmp_path}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Did you mean 'epsilons'?" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_no_process_of_the_tests_is_left():
    assert not [p for p in psutil.Process().children(recursive=True) if "snakemake" in " ".join(p.cmdline())]
