"""Fixtures: small data and models, and real images where there are any (REAL_IMAGES names their folder)."""

import os
import sys
from pathlib import Path

TESTS = Path(__file__).parent
os.environ["MPLBACKEND"] = "agg"
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # there is a worker a core
# Child processes, and their kernels, know the tiny backbones and import this clone, even with the .venv of another.
os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS / "extension"), str(TESTS.parent)])
sys.path.insert(0, str(TESTS / "extension"))

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import tiny_backbones  # noqa: E402
from clones import make_clone  # noqa: E402
from xdist.scheduler import LoadFileScheduling  # noqa: E402

from helpers.paths import ROOT  # noqa: E402

tiny_backbones.register()
REAL_IMAGES = Path(os.environ.get("REAL_IMAGES", ROOT.parent / "shared" / "data"))
SMOKE = str(TESTS / "smoke_tiny.yaml")  # profile smoke, with tiny backbones


def pytest_collection_modifyitems(items):
    """Put the longest files first, so that no worker is left with one of them at the end."""
    longest = ["test_workflow", "test_share"]
    items.sort(key=lambda item: longest.index(item.path.stem) if item.path.stem in longest else len(longest))


class WorkflowOnOneWorker(LoadFileScheduling):
    """A worker takes a whole file, and all files of tests/workflow: they share a study that takes minutes to run."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "tests/workflow" if file.startswith("tests/workflow/") else file


def pytest_xdist_make_scheduler(config, log):
    """Distribute tests by `WorkflowOnOneWorker` where the command line says loadfile."""
    return WorkflowOnOneWorker(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def smoke_profile():
    """Return the path of a profile like smoke, with tiny backbones."""
    return SMOKE


@pytest.fixture(scope="session")
def clone(tmp_path_factory, smoke_profile):
    """Return a clone in which the workflow ran to its end."""
    clone = make_clone(tmp_path_factory.mktemp("clones"), smoke_profile)
    result = clone.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert len(clone.tables) == 13
    return clone


@pytest.fixture(scope="session")
def ham10000(tmp_path_factory):
    """Return a folder of 84 phantoms in HAM10000's layout. Do not change it; copy it."""
    return _write_phantoms(tmp_path_factory, "skin_lesion", 84)


@pytest.fixture(scope="session")
def eyepacs(tmp_path_factory):
    """Return a folder of 40 phantoms in EyePACS' layout. Do not change it; copy it."""
    return _write_phantoms(tmp_path_factory, "retinopathy", 40)


@pytest.fixture(scope="session")
def chestxray14(tmp_path_factory):
    """Return a folder of 40 phantoms in ChestX-ray14's layout. Do not change it; copy it."""
    return _write_phantoms(tmp_path_factory, "pneumothorax", 40)


def _write_phantoms(tmp_path_factory, task, count):
    from helpers.datasets.phantom import write_phantoms

    return write_phantoms(tmp_path_factory.mktemp(task), task=task, count=count, size=32, seed=0, ambiguity=0.0)


@pytest.fixture(scope="session")
def real_images():
    """Return the folder of real images, with HAM10000/, EyePACS/, ChestX-ray14/ and labels/ in it, or skip."""
    if not REAL_IMAGES.is_dir():
        pytest.skip(f"no real images at {REAL_IMAGES}; name their folder in REAL_IMAGES to run this test")
    return REAL_IMAGES


@pytest.fixture(scope="session")
def small_task():
    """Return images float32 (40, 8, 8, 3) and labels int64 of two classes: which half is brighter."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = rng.uniform(0.3, 0.6, (40, 8, 8, 3)).astype(np.float32)
    images[labels == 0, :, :4] += 0.15
    images[labels == 1, :, 4:] += 0.15
    return images, labels.astype(np.int64)


@pytest.fixture(scope="session")
def small_model(small_task):
    """Return a convolutional network that has learned the small task."""
    from helpers.backend import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
    )
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*small_task, epochs=30, batch_size=20, verbose=0)
    assert (model.predict(small_task[0], verbose=0).argmax(1) == small_task[1]).mean() > 0.9
    return model
