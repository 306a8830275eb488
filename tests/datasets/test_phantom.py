"""Whole datasets of phantoms: their files, their tables, and the images that share a lesion or a patient."""

import subprocess
import sys

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

from helpers.datasets import phantom as phantom_module
from helpers.datasets.layout import layout_of
from helpers.datasets.phantom import write_phantoms
from helpers.tasks import TASKS


def dataset_files(folder):
    """Return all files of a dataset, without hidden ones such as locks."""
    return [path for path in sorted(folder.rglob("*.*")) if not path.name.startswith(".")]


def test_a_dataset_is_complete_has_lesions_with_several_views_and_can_be_repeated(tmp_path):
    first, second = (
        write_phantoms(tmp_path / name, task="skin_lesion", count=42, size=32, seed=4, ambiguity=0.3)
        for name in ("first", "second")
    )
    table = pd.read_csv(first / "HAM10000_metadata.csv")
    assert len(table) == 42
    assert table.image_id.is_unique
    assert table.groupby("lesion_id").size().max() > 1
    assert table.groupby("lesion_id").dx.nunique().max() == 1
    assert np.ptp(table.drop_duplicates("lesion_id").dx.value_counts()) <= 1
    names = [path.relative_to(first) for path in dataset_files(first)]
    assert len(names) == 2 * 42 + 1
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_about_half_of_the_eyes_and_chests_are_healthy_and_patients_have_several_images():
    rng = np.random.default_rng(0)
    eyes, chests = (layout_of(TASKS[task]).plan(1000, rng) for task in ("retinopathy", "pneumothorax"))
    assert (eyes["_label"] == "0").mean() == pytest.approx(0.5, abs=0.05)
    assert eyes.groupby("_subject").size().eq(2).all()
    assert eyes["_label"].value_counts()[["1", "2", "3", "4"]].min() > 80
    assert (chests["_label"] == "none").mean() == pytest.approx(0.5, abs=0.05)
    assert chests.groupby("_subject").size().max() == 3
    assert chests.groupby("_subject")["_label"].nunique().max() == 2  # the label changes in some later images


@pytest.mark.parametrize("task", TASKS)
def test_an_interrupted_drawing_continues_and_ends_with_the_same_files(tmp_path, task):
    complete, torn = (
        write_phantoms(tmp_path / name, task=task, count=14, size=32, seed=4, ambiguity=0.3)
        for name in ("complete", "torn")
    )
    (torn / layout_of(TASKS[task]).table).unlink()
    for path in dataset_files(torn)[9:]:
        path.unlink()
    write_phantoms(torn, task=task, count=14, size=32, seed=4, ambiguity=0.3)
    for path in dataset_files(complete):
        assert path.read_bytes() == (torn / path.relative_to(complete)).read_bytes()


def test_masks_are_black_and_white_and_as_large_as_their_images(ham10000):
    for path in sorted(ham10000.rglob("*_segmentation.png"))[:5]:
        mask = Image.open(path)
        assert mask.size == (32, 32)
        assert set(np.unique(np.asarray(mask.convert("L")))) == {0, 255}


@pytest.mark.parametrize(("count", "drawn_here"), [(30, 30), (60, 0)])
def test_a_few_phantoms_are_drawn_without_other_processes(tmp_path, monkeypatch, count, drawn_here):
    here, write = [], phantom_module._write_one

    def noted(*arguments, **settings):
        here.append(arguments)
        return write(*arguments, **settings)

    monkeypatch.setattr(phantom_module, "_write_one", noted)
    write_phantoms(tmp_path, task="skin_lesion", count=count, size=16, seed=4, ambiguity=0.3)
    assert len(here) == drawn_here
    assert len(list(tmp_path.rglob("*.jpg"))) == count


def test_the_processes_that_draw_end_with_the_drawing_and_if_it_is_interrupted(tmp_path, monkeypatch):
    def interrupted(written, **_):
        next(iter(written))
        raise KeyboardInterrupt

    def drawing():
        return [child for child in psutil.Process().children() if "popen_loky" in " ".join(child.cmdline())]

    settings = {"task": "skin_lesion", "count": 60, "size": 16, "seed": 4, "ambiguity": 0.3}
    during = []
    monkeypatch.setattr(phantom_module, "progress", lambda written, **_: [during.append(drawing()) for _ in written])
    write_phantoms(tmp_path / "whole", **settings)
    assert len(during) == 60
    assert during[0]
    assert not drawing()
    monkeypatch.setattr(phantom_module, "progress", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "part", **settings)
    assert not drawing()
    assert not (tmp_path / "part" / "HAM10000_metadata.csv").exists()


DRAW = """
import sys
from pathlib import Path
from helpers.datasets.phantom import write_phantoms
write_phantoms(Path(sys.argv[1]), task="skin_lesion", count=100, size=32, seed=4, ambiguity=0.3)
"""


def test_two_processes_that_draw_the_same_phantoms_leave_what_one_leaves(tmp_path):
    alone = write_phantoms(tmp_path / "alone", task="skin_lesion", count=100, size=32, seed=4, ambiguity=0.3)
    command = [sys.executable, "-c", DRAW, str(tmp_path / "both")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert any("another process is making it; waiting" in text for text in printed)
    names = [path.relative_to(alone) for path in alone.rglob("*.*") if not path.name.startswith(".")]
    assert len(names) == 2 * 100 + 1
    assert all((alone / name).read_bytes() == (tmp_path / "both" / name).read_bytes() for name in names)
