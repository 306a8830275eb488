import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from foolbox.criteria import Misclassification

from helpers import StudyError, files, load_manifest, load_model, prepare_manifest, read_config, train
from helpers.artifacts import records
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import ROBUSTNESS
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import CompiledLinfPGD, perturb
from helpers.backbones import BACKBONES
from helpers.backend import keras, tf
from helpers.networks.build import build_model
from helpers.paths import ROOT
from helpers.profile_files import read_profile
from helpers.training.adversarial import AdversarialTraining
from helpers.training.head import train_head
from helpers.training.optimize import compile_model, learning_rate, make_optimizer
from helpers.training.pretrain import _parameters_of_pretraining, training_rows

SMALL = {"backbone": "tiny", "weights": "random", "epochs": 3, "folds": 3, "batch_size": 8, "augment": "flips"}

PRETRAINING = {"image_size": 16, "epochs": 1, "learning_rate": 1e-3}


@pytest.fixture
def small(ham10000, tmp_path, smoke_profile):
    """Return the parameters of a small training on phantoms, whose manifest is prepared."""
    settings = {
        "profile": smoke_profile,
        "source": "folder",
        "data_dir": str(ham10000),
        "runs_dir": str(tmp_path),
        **SMALL,
    }
    prepare_manifest(read_config(**settings))
    return settings


def test_the_cosine_schedule_warms_up_over_a_tenth_and_ends_at_0():
    rate = learning_rate(read_config(profile="quick", learning_rate=1e-3), steps=100)
    values = [float(rate(step)) for step in (0, 5, 10, 55, 100)]
    assert values == pytest.approx([0, 0.5e-3, 1e-3, 0.5e-3, 0], abs=1e-9)


@pytest.mark.parametrize(("backbone", "pixels"), [("resnet50", 224), ("inception_resnet_v2", 299)])
def test_the_papers_protocol(backbone, pixels):
    config = read_config(profile="paper", backbone=backbone)
    optimizer = make_optimizer(config, steps=100)
    assert (type(optimizer).__name__, optimizer.decay) == ("Adam", 0)
    assert (float(optimizer.learning_rate), optimizer.epsilon) == (pytest.approx(0.01), 0.1)
    assert (config.image_size, config.weights, config.epochs) == (pixels, "imagenet", 300)
    assert (config.patience, config.min_delta, config.class_weights) == (40, 0.001, True)
    shares = [
        read_config(profile="paper", task=t).epoch_fraction for t in ("skin_lesion", "retinopathy", "pneumothorax")
    ]
    assert shares == [0.1, 1.0, 1.0]
    assert (config.early_stopping_split, config.precision, config.training) == ("validation", "float32", "standard")


def test_a_training_step_is_traced_once():
    """What is traced twice takes a deep network half a minute more to set up."""
    inputs, traces = keras.Input((4,)), []
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    step = model.train_step
    model.train_step = lambda data: traces.append(data) or step(data)
    compile_model(model, read_config(profile="smoke"), steps=2)
    assert not any(variable.numpy().any() for variable in model.metrics_variables)
    model.fit(np.ones((4, 4), np.float32), np.array([0, 1, 0, 1]), epochs=2, verbose=0)
    assert len(traces) == 1


def test_training_without_a_manifest_says_what_to_run_first(tmp_path):
    config = read_config(profile="smoke", runs_dir=str(tmp_path))
    with pytest.raises(StudyError, match=r"manifest.csv: expected a manifest.*01_prepare_data"):
        train(config)
    assert not list(tmp_path.iterdir())


def test_pretraining_without_the_other_tasks_says_the_way_out(small):
    with pytest.raises(
        StudyError,
        match=r"weights: .phantom. is a pretraining on skin_lesion, retinopathy; .*retinopathy.manifest.csv.*imagenet",
    ):
        train(read_config(**small | {"weights": "phantom", "pretraining": PRETRAINING}))


def test_all_models_of_a_backbone_share_one_pretraining(smoke_profile, tmp_path):
    content = read_profile(smoke_profile)
    content["tasks"] = {"retinopathy": {"batch_size": 8, "learning_rate": 0.5}}
    content["trainings"]["adversarial"]["optimizer"] = "adam"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    models = [{}, {"task": "retinopathy"}, {"training": "adversarial"}, {"precision": "mixed_float16"}]
    configs = [read_config(profile=str(path), backbone="tiny", **model) for model in models]
    assert len({config.optimizer for config in configs}) == 2
    found = [_parameters_of_pretraining(config) for config in configs]
    assert all(other == found[0] for other in found)
    assert found[0][1].learning_rate == found[0][0].learning_rate == 1e-3


def test_pretraining_sees_the_training_split_alone_and_keeps_the_tasks_labels_apart(small):
    config = read_config(**small)
    manifest = load_manifest(config)
    rows = training_rows(config)
    assert {Path(image).name for image in rows.image} == {
        Path(image).name for image in manifest.image[manifest.split == "train"]
    }
    assert len(rows) == (manifest.split == "train").sum() < len(manifest)
    assert set(rows.label) == {f"skin_lesion {label}" for label in manifest.label}


def test_a_batch_larger_than_the_training_split_is_refused(small):
    with pytest.raises(StudyError, match=r"batch_size: expected at most 28, the images of the training split, got 64"):
        train(read_config(**small | {"batch_size": 64}))


def test_the_head_learns_alone_and_running_statistics_come_to_fit_the_images():
    rng, labels = np.random.default_rng(0), np.arange(16) % 2
    images = rng.uniform(0.2, 0.6, (16, 32, 32, 3)).astype(np.float32)
    images[labels == 1, ..., 0] += 0.4
    model = build_model(backbone="tiny", attention="soft", image_size=32, classes=2)
    body = keras.Model(model.input, model.get_layer("features").output)
    before = [weight.numpy() for weight in body.trainable_weights]
    norms = [layer for layer in body.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0  # so that after one batch the running statistics are that batch's
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
    train_head(model, data, epochs=40, optimizer=keras.optimizers.Adam(0.01))
    assert all(np.array_equal(old, new) for old, new in zip(before, body.trainable_weights, strict=True))
    normalised = keras.Model(model.input, norms[0].input)(images).numpy()
    assert norms[0].moving_mean.numpy() == pytest.approx(normalised.mean((0, 1, 2)), abs=1e-3)
    assert (model.predict(images, verbose=0).argmax(axis=1) == labels).all()


def test_a_killed_training_goes_on_after_its_last_whole_epoch(small, tmp_path, capsys):
    small = small | {"head_epochs": 1}
    whole = read_config(**small, seed=1)
    weights = train(whole).get_weights()
    history = pd.read_csv(RunFolder.from_config(whole).history)
    folder = RunFolder.from_config(whole).path
    shutil.move(folder, tmp_path / "whole")
    command = f"from helpers import read_config, train; train(read_config(**{small | {'seed': 1}!r}))"
    running = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (folder / "checkpoint.npz").is_file():
        assert running.poll() is None
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not (folder / "model.keras").exists()
    capsys.readouterr()
    again = train(whole).get_weights()
    assert "going on after epoch" in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv(folder / "history.csv"), history, rtol=1e-5)
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(weights, again, strict=True))
    assert not (folder / "checkpoint.npz").exists()
    assert list((folder / "tensorboard").rglob("events*"))


def test_a_new_weight_file_under_the_old_path_is_noticed(small, tmp_path, capsys):
    weights = tmp_path / "mine.weights.h5"
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        network = BACKBONES["tiny"].application(include_top=False, weights=None, input_tensor=keras.Input((32, 32, 3)))
        network.save_weights(weights)
        config = read_config(**small | {"epochs": 1, "weights": str(weights)})
        capsys.readouterr()
        train(config)
        printed = capsys.readouterr().out
        assert ("weights_digest" in printed) == (seed == 1)
    made = RunFolder.from_config(config).model.stat().st_mtime_ns
    train(config)
    assert RunFolder.from_config(config).model.stat().st_mtime_ns == made


TRAIN_AND_ATTACK = """
import sys, json
from helpers import evaluate, predict_test, read_model_config, train
config = read_model_config(**json.loads(sys.argv[1]))
predict_test(config, train(config))
evaluate(config)
"""


def test_two_processes_on_one_run_folder_leave_what_one_leaves(small, tmp_path):
    """As two notebooks do that are run at once: one trains and attacks, the other waits and finds the outcome."""
    model = {"profile": small["profile"], "backbone": "tiny", "runs_dir": small["runs_dir"], "epochs": 1}
    model |= {"weights": "random", "batch_size": 8}
    command = [sys.executable, "-c", TRAIN_AND_ATTACK, json.dumps(model)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum("waiting" in text for text in printed) >= 1
    folder = RunFolder.from_config(read_config(**model))
    assert load_model(folder.path)
    assert 6 <= len(ROBUSTNESS.load(folder.robustness)) <= 8  # whole lesions
    assert not list(folder.path.glob(f"{files.UNFINISHED}*"))
    assert not folder.parts()


def test_a_finished_model_is_trained_again_only_if_its_parameters_changed(small, capsys):
    config = read_config(**small | {"epochs": 1})
    model = train(config)
    assert not isinstance(model.input, list)
    assert not isinstance(model.output, list)
    before = RunFolder.from_config(config).model.stat().st_mtime_ns
    train(config)
    assert RunFolder.from_config(config).model.stat().st_mtime_ns == before
    capsys.readouterr()
    again = train(config.replace(precision="mixed_bfloat16"))
    words = "is made again, its parameters changed (precision: 'float32' before, 'mixed_bfloat16' now)"
    assert words in capsys.readouterr().out
    assert {layer.compute_dtype for layer in again.layers} == {"float32"}
    RunFolder.from_config(config).model.write_bytes(b"half a model")
    with pytest.raises(StudyError, match=r"model.keras: expected a Keras model.*\. Delete it, and run its training"):
        load_model(RunFolder.from_config(config).path)
    path = records.record_path(RunFolder.from_config(config).model)
    record = json.loads(path.read_text())
    record["versions"]["keras"] = "2.0.0"
    files.write_json(record, path)
    with pytest.raises(StudyError, match=rf"was made with keras 2.0.0 \(here {keras.__version__}\): install these, or"):
        load_model(RunFolder.from_config(config).path)


@pytest.mark.parametrize(
    "changes",
    [{"precision": "mixed_float16"}, {"devices": "all"}, {"training": "adversarial"}],
    ids=lambda changes: "-".join(changes.values()),
)
def test_every_way_to_train_ends_in_the_same_kind_of_model(small, changes, capsys):
    config = read_config(**small | {"epochs": 1, "early_stopping_split": "test", "patience": 1, **changes})
    model = train(config)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert type(model) is keras.Model or type(model).__name__ == "Functional"
    assert not isinstance(model.input, list)  # one tensor in, one out: else Keras warns whoever calls it
    assert not isinstance(model.output, list)
    assert RunFolder.from_config(config).path.name.startswith("tiny-none")
    assert np.isfinite(pd.read_csv(RunFolder.from_config(config).history).loss).all()
    assert "the test split decides when to stop: the clean accuracy is optimistic" in capsys.readouterr().out


def test_the_attack_inside_training_is_the_studys(small_model, small_task):
    images, labels = small_task[0][:8], small_task[1][:8]
    starts = np.random.default_rng(0).uniform(-1, 1, images.shape).astype(np.float32)
    compiled = CompiledModel(small_model, batch_size=8, loss="cross_entropy")
    attack = CompiledLinfPGD(compiled, starts=starts, steps=5, rel_stepsize=0.3)
    expected = attack.run(
        compiled.for_foolbox, tf.constant(images), Misclassification(tf.constant(labels)), epsilon=0.1
    )
    found = perturb(
        small_model, tf.constant(images), tf.constant(labels), starts=starts, epsilon=0.1, steps=5, rel_stepsize=0.3
    )
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_adversarial_training_learns_the_feature_that_an_attack_cannot_move():
    """Each pixel tells the class weakly and surely, a patch strongly and nine times in ten.

    A plain training reads the pixels and is right until every one is moved by .05; an adversarial one reads the patch.
    """
    rng, count = np.random.default_rng(0), 200
    labels = np.arange(count) % 2
    told = np.where(rng.uniform(size=count) < 0.9, labels, 1 - labels)
    images = rng.uniform(0.4, 0.6, (count, 8, 8, 3)) + 0.03 * (2 * labels - 1)[:, None, None, None]
    images[:, :2, :2] += 0.25 * (2 * told - 1)[:, None, None, None]
    images, labels = images.astype(np.float32), labels.astype(np.int64)
    clean, robust = {}, {}
    for kind in ("standard", "adversarial"):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        centred = keras.layers.Rescaling(1.0, -0.5)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(centred)), name="small")
        fitted = AdversarialTraining(model, epsilon=0.05, steps=5, seed=0) if kind == "adversarial" else model
        fitted.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        fitted.fit(images, labels, epochs=30, batch_size=20, verbose=0, shuffle=False)
        starts = np.zeros_like(images)
        found = perturb(model, tf.constant(images), tf.constant(labels), starts=starts, epsilon=0.05, steps=40)
        clean[kind] = (model.predict(images, verbose=0).argmax(axis=1) == labels).mean()
        robust[kind] = (model.predict(found.numpy(), verbose=0).argmax(axis=1) == labels).mean()
    assert clean["standard"] == 1
    assert robust["standard"] == 0
    assert clean["adversarial"] >= robust["adversarial"] > 0.75
