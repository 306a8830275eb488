"""A run that is handed on: packed in one clone, unpacked and read in another."""

import hashlib
import json
import shutil
import zipfile

import nbformat
import numpy as np
import pandas as pd
import pytest
from clones import make_clone

from helpers import StudyError
from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.broken import broken_files
from helpers.artifacts.folders import OWNER, RunFolder
from helpers.datasets.archives import unpack
from helpers.explain.explanation import Explanation, explain_model
from helpers.paths import ROOT
from helpers.profiles import read_models
from helpers.show.perturbation_figures import show_adversarials
from helpers.show.share import CONTENTS, share, use


@pytest.fixture(scope="module")
def other(tmp_path_factory, smoke_profile):
    """Return another clone, without a run, whose profile is not the first one's."""
    return make_clone(tmp_path_factory.mktemp("other"), smoke_profile)


@pytest.fixture
def packed(clone, tmp_path):
    return share(clone.folder, tmp_path / "run.zip", task="skin_lesion")


def test_another_clone_reads_a_shared_run_without_its_models(clone, other, packed, tmp_path):
    with zipfile.ZipFile(packed) as archive:
        names = set(archive.namelist())
    assert not [name for name in names if name.startswith("retinopathy/") or name.endswith(".keras")]
    result = other.call("-m", "helpers.show.share", "--use", packed, "--runs-dir", other.runs)
    assert result.returncode == 0, result.stderr
    name = clone.folder.name
    assert (other.path / "params" / f"{name}.yaml").read_text() == clone.profile.read_text()
    which = ["-r", "profile", name, "-r", "runs_dir", other.runs, "-p", "task", "skin_lesion", "-p", "backbone", "tiny"]
    for notebook in ("04_evaluate_pgd", "06_explain_gradcam"):
        output = tmp_path / f"{notebook}.ipynb"
        result = other.call("-m", "helpers.batch", f"notebooks/{notebook}.ipynb", output, *which)
        assert result.returncode == 0, result.stderr[-2000:]
        shown = [each for cell in nbformat.read(output, 4).cells for each in cell.get("outputs", ())]
        printed = "".join(each.text for each in shown if each.output_type == "stream")
        assert "There is no run here" not in printed
        assert "There are no attacked models here" not in printed
        assert [each for each in shown if each.output_type != "stream"]  # tables
    for path in ("tiny-none-seed0/robustness.csv", "tiny-soft-seed0/explanations.csv"):
        there = pd.read_csv(other.runs / name / "skin_lesion" / path)
        pd.testing.assert_frame_equal(there, pd.read_csv(clone.folder / "skin_lesion" / path))
    result = other.call("-m", "helpers.batch", "notebooks/05_question_the_attack.ipynb", tmp_path / "05.ipynb", *which)
    assert result.returncode == 1
    assert "model.keras: expected a trained model, found none" in result.stderr


def test_of_the_adversarials_those_that_a_figure_shows_are_packed(clone, tmp_path):
    shared = unpack(share(clone.folder, tmp_path / "run.zip"), tmp_path)
    model = "retinopathy/tiny_flat-soft-adversarial-strong-seed0"
    folders = [RunFolder(run / model) for run in (clone.folder, shared)]
    kept, shown = (Adversarials.load(folder.adversarials) for folder in folders)
    assert len(kept.names) > kept.is_broken.sum() > 5 == len(shown.names)
    figures = [show_adversarials(folder) for folder in folders]
    pictures = [[axis.images[0].get_array() for axis in figure.axes if axis.images] for figure in figures]
    assert len(pictures[0]) == 3 * 5
    np.testing.assert_array_equal(*pictures)
    assert not broken_files(shared)


def test_a_figures_adversarials_are_not_taken_for_all_that_were_kept(clone, tmp_path):
    runs = tmp_path / "runs"
    unpack(share(clone.folder, tmp_path / f"{clone.folder.name}.zip"), runs)
    models = read_models(str(clone.profile), runs_dir=str(runs))
    config = next(model for model in models if model.training == "standard")
    explained = Explanation.from_config(config)
    assert explain_model(config, explained).maps.is_file()
    with pytest.raises(StudyError, match=r"adversarials.npz: expected all adversarials that were kept, found those"):
        explain_model(config, explained.model_copy(update={"sample": 3}))


def test_a_damaged_run_is_not_packed(clone, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(clone.folder, run, symlinks=True)
    table = run / "results" / "models.csv"
    table.write_text(table.read_text()[:300])
    with pytest.raises(StudyError, match=r"results/models.csv: expected a whole file, it was cut off or changed"):
        share(run, tmp_path / "out.zip")


def test_with_the_models_all_adversarials_are_packed(clone, tmp_path):
    archive = share(clone.folder, tmp_path / "run.zip", task="retinopathy", models=True)
    with zipfile.ZipFile(archive) as packed:
        for name in [name for name in packed.namelist() if name != CONTENTS]:
            assert packed.read(name) == (clone.folder / name).read_bytes()


def with_changed(archive, path, **changes):
    """Write an archive anew, with other content of some members, or with more; None: without them."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for name in dict.fromkeys([*old.namelist(), *changes]):
            content = changes[name] if name in changes else old.read(name)
            if content is not None:
                new.writestr(name, content)
    return path


def with_contents(archive, path, *, profile=None, **more):
    """Write an archive anew with more files, all of them in its list, or for another profile."""
    with zipfile.ZipFile(archive) as old:
        contents = json.loads(old.read(CONTENTS))
    contents["files"] |= {name: hashlib.sha256(content).hexdigest() for name, content in more.items()}
    contents["profile"] = profile if profile is not None else contents["profile"]
    return with_changed(archive, path, **more, **{CONTENTS: json.dumps(contents)})


@pytest.mark.parametrize("content", [b"changed", None])
def test_a_shared_run_that_is_not_whole_is_refused_and_leaves_nothing(packed, tmp_path, content):
    damaged = with_changed(packed, tmp_path / "damaged.zip", **{"results/models.csv": content})
    with pytest.raises(StudyError, match=r"damaged.zip: expected what was packed; .*results/models.csv"):
        use(damaged, tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("name", ["yaml.py", "helpers/__init__.py", ".snakemake/iocache", "notebooks/a.ipynb", "a.pkl"])
def test_files_of_other_kinds_are_refused(packed, tmp_path, name):
    archive = with_contents(packed, tmp_path / "odd.zip", **{name: b"print('code')"})
    with pytest.raises(StudyError, match=r"odd.zip: expected tables and arrays of a run, got"):
        use(archive, tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("name", ["", "..", "../../x", "_images", ".ci", "a/b", "x.yaml", "a\n", ["quick"], 3])
def test_a_name_that_is_no_profiles_is_refused(packed, tmp_path, name):
    before = sorted((ROOT / "params").iterdir())
    with pytest.raises(StudyError, match=r"odd.zip: expected the name of a profile, got"):
        use(with_contents(packed, tmp_path / "odd.zip", profile=name), tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())
    assert sorted((ROOT / "params").iterdir()) == before


@pytest.mark.parametrize("content", [None, "[1]", '"text"', "{}", '{"profile": "quick"}'])
def test_what_is_no_shared_run_is_refused(packed, tmp_path, content):
    with pytest.raises(StudyError, match=rf"expected a shared run, which has {CONTENTS}"):
        use(with_changed(packed, tmp_path / "other.zip", **{CONTENTS: content}), tmp_path / "runs")
    with pytest.raises(StudyError, match=r"expected the folder of a profile's run, such as runs/quick, it is none"):
        share(tmp_path, tmp_path / "out.zip")


def test_a_profile_that_is_none_is_refused_and_not_kept(packed, tmp_path):
    before = sorted((ROOT / "params").iterdir())
    archive = with_contents(packed, tmp_path / "odd.zip", **{"profile.yaml": b"script: evil"})
    with pytest.raises(StudyError, match=r"profile.yaml: expected the entries"):
        use(archive, tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())
    assert sorted((ROOT / "params").iterdir()) == before


def shared_smoke(clone, folder, content):
    """Share a run of profile smoke, whose file has this content; return the archive."""
    run = folder / "smoke"
    shutil.copytree(clone.folder / "results", run / "results")
    (run / "profile.yaml").write_text(content)
    (run / OWNER).write_text("{}")
    return share(run, folder / "smoke.zip")


def test_a_run_that_is_there_or_is_of_another_profile_of_this_name_is_refused(clone, tmp_path):
    own = (ROOT / "params" / "smoke.yaml").read_text()
    archive = shared_smoke(clone, tmp_path, own)
    assert use(archive, tmp_path / "runs") == tmp_path / "runs" / "smoke"
    with pytest.raises(StudyError, match="expected no run of profile smoke yet"):
        use(archive, tmp_path / "runs")
    (tmp_path / "second").mkdir()
    archive = shared_smoke(clone, tmp_path / "second", own.replace("epochs: 1", "epochs: 7"))
    with pytest.raises(StudyError, match=r"smoke.yaml: expected the profile of .*smoke.zip, it is another"):
        use(archive, tmp_path / "elsewhere")


@pytest.mark.parametrize("source", ["folder", "medmnist", None])
def test_real_images_are_not_packed_whatever_the_profile_says(clone, tmp_path, source):
    run = tmp_path / "run"
    shutil.copytree(clone.folder, run, symlinks=True)
    record = run / "skin_lesion" / "manifest.csv.record.json"
    content = json.loads(record.read_text())
    content["parameters"]["source"] = source
    record.write_text(json.dumps(content))
    with pytest.raises(StudyError, match="manifest.csv: expected phantoms, these images are real"):
        share(run, tmp_path / "out.zip")
    (run / "results" / "about.json").unlink()
    with pytest.raises(StudyError, match="expected a finished run"):
        share(run, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
