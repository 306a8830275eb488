"""Golden tests: the numbers that a stage makes change only together with the stage's version."""

import importlib.util

import numpy as np
import pytest

from helpers.artifacts.records import STAGES
from helpers.paths import ROOT
from helpers.phantoms import dermatoscopy_scene


@pytest.fixture(scope="module")
def golden():
    spec = importlib.util.spec_from_file_location("golden_write", ROOT / "tests" / "golden" / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawings_change_only_with_the_version_of_their_stage(golden):
    change = golden.find_change("drawing")
    assert not change, change


def test_a_changed_colour_is_noticed(golden, monkeypatch):
    monkeypatch.setattr(dermatoscopy_scene, "HAEMOGLOBIN", 1.1 * dermatoscopy_scene.HAEMOGLOBIN)
    change = golden.find_change("drawing")
    assert "the drawings changed: raise STAGES['drawing'] in helpers/artifacts/records.py" in change
    assert "write the golden file anew (python tests/golden/write.py drawing)" in change
    assert "dermatoscopy vasc" in change


def test_another_version_of_the_stage_is_noticed(golden, monkeypatch):
    monkeypatch.setitem(STAGES, "drawing", STAGES["drawing"] + 1)
    assert "write the golden file anew" in golden.find_change("drawing")


def test_a_rounding_difference_is_no_change_but_a_missing_case_is(golden, tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    numbers = golden.drawing_numbers()
    rounded = {case: (np.array(values) + 0.1).tolist() for case, values in numbers.items()}
    monkeypatch.setitem(golden.GOLDENS, "drawing", golden.Golden("the drawings", lambda: rounded, 0.2))
    golden.write("drawing")
    monkeypatch.setitem(golden.GOLDENS, "drawing", golden.Golden("the drawings", lambda: numbers, 0.2))
    assert golden.find_change("drawing") == ""
    del numbers["fundus 3"]
    assert golden.find_change("drawing").endswith("Changed: fundus 3")
