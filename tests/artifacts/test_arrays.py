"""What a run leaves comes back as it was written, without pickle, or is refused in words."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.arrays import load_arrays
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.reports import ChecksReport, ManifestReport
from helpers.artifacts.tables import EXPLANATIONS, ROBUSTNESS
from helpers.errors import StudyError


@pytest.fixture
def adversarials():
    rng = np.random.default_rng(0)
    return Adversarials(
        images=rng.uniform(size=(3, 4, 4, 3)).astype(np.float32),
        adversarials=rng.uniform(size=(3, 4, 4, 3)).astype(np.float32),
        radii=np.array([0, 0.1, np.inf]),
        labels=np.array([0, 1, 0]),
        names=np.array(["a.png", "b.png", "c.png"]),
        groups=np.array(["1", "1", "2"]),
        masks=np.zeros((3, 4, 4), bool),
        has_mask=np.array([True, False, False]),
    )


def test_adversarials_come_back_as_they_were_written(adversarials, tmp_path):
    adversarials.save(tmp_path / "adversarials.npz")
    loaded = Adversarials.load(tmp_path / "adversarials.npz")
    for field in fields(Adversarials):
        assert np.array_equal(getattr(loaded, field.name), getattr(adversarials, field.name))
    assert loaded.is_broken.tolist() == [False, True, False]
    assert loaded.first(2).names.tolist() == ["a.png", "b.png"]
    assert len(loaded.first(None).names) == 3


def test_explanations_come_back_with_and_without_attention(tmp_path):
    plain = dict.fromkeys(("names", "groups", "labels", "epsilons", "predictions", "images", "changes", "shapes"))
    arrays = {name: np.arange(3) for name in plain}
    maps = {"true": np.ones((2, 3, 2, 2)), "predicted": np.zeros((2, 3, 2, 2))}
    for attention in (None, np.full((2, 3, 2, 2), 0.25)):
        ExplanationArrays(**arrays, maps=maps, attention=attention).save(tmp_path / "explanations.npz")
        loaded = ExplanationArrays.load(tmp_path / "explanations.npz")
        assert loaded.maps.keys() == maps.keys()
        assert np.array_equal(loaded.maps["true"], maps["true"])
        assert (loaded.attention is None) == (attention is None)


def test_a_missing_a_damaged_and_an_old_file_are_named_with_what_makes_them(adversarials, tmp_path):
    path = tmp_path / "adversarials.npz"
    with pytest.raises(
        StudyError, match=r"adversarials.npz: expected adversarials.*Run notebook 04_evaluate_pgd first"
    ):
        Adversarials.load(path)
    adversarials.save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(StudyError, match=r"adversarials.npz: expected arrays .*Delete it, and run notebook 04"):
        Adversarials.load(path)
    np.savez(path, images=np.zeros(1), labels=np.zeros(1))
    with pytest.raises(StudyError, match=r"masks, names, radii missing, an older version"):
        Adversarials.load(path)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array([print], dtype=object))
    with pytest.raises(StudyError, match="expected arrays"):
        load_arrays(tmp_path / "a.npz", needed=["images"], made_by="nothing")


def test_tables_keep_text_that_looks_like_numbers_and_tell_empty_text_from_none(tmp_path):
    table = pd.DataFrame({"image": ["007"], "label": ["1"], "attack": ["x"], "epsilon": [0.1], "prediction": ["0"]})
    ROBUSTNESS.save(table, tmp_path / "robustness.csv")
    pd.testing.assert_frame_equal(ROBUSTNESS.load(tmp_path / "robustness.csv"), table)
    rows = pd.DataFrame({"image": ["1"], "target": [""], "reason": [""], "value": [1.0]})
    EXPLANATIONS.save(rows, tmp_path / "explanations.csv")
    assert EXPLANATIONS.load(tmp_path / "explanations.csv").target.tolist() == [""]


def test_a_missing_or_broken_table_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"robustness.csv: expected a table, it is not there. Run notebook 04"):
        ROBUSTNESS.load(tmp_path / "robustness.csv")
    (tmp_path / "robustness.csv").write_text("")
    with pytest.raises(StudyError, match=r"robustness.csv: expected a CSV table .*Delete it, and run notebook 04"):
        ROBUSTNESS.load(tmp_path / "robustness.csv")


def test_reports_come_back_and_broken_ones_are_named(tmp_path):
    report = ManifestReport(3, {"a.png": "empty"}, [("b.png", "c.png", 0.999)], "12345678")
    report.save(tmp_path / "manifest_report.json")
    loaded = ManifestReport.load(tmp_path / "manifest_report.json")
    assert (loaded.images, loaded.skipped, loaded.images_digest) == (3, {"a.png": "empty"}, "12345678")
    checks = ChecksReport("trusted", [{"name": "deterministic", "passed": True}])
    checks.save(tmp_path / "checks.json")
    assert ChecksReport.load(tmp_path / "checks.json") == checks
    assert ChecksReport.load(tmp_path / "checks.json").table.name.tolist() == ["deterministic"]
    (tmp_path / "checks.json").write_text("{")
    with pytest.raises(StudyError, match=r"checks.json: expected JSON"):
        ChecksReport.load(tmp_path / "checks.json")


def test_arrays_with_changed_bytes_are_named(tmp_path):
    path = tmp_path / "explanations.npz"
    np.savez_compressed(path, names=np.random.default_rng(0).integers(9, size=10_000))
    content = bytearray(path.read_bytes())
    content[200:300] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"explanations.npz: expected arrays \(.*Delete it, and run notebook"):
        load_arrays(path, needed=["names"], made_by="notebook")
