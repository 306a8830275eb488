import numpy as np
import pytest

from helpers import StudyError
from helpers.artifacts.checkpoint import Checkpoint
from helpers.backend import keras, tf
from helpers.training.epochs import EndOfEpoch

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(seed=0):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    steps = [keras.Input((8, 8, 3)), layers.Flatten(), layers.Dropout(0.5), layers.Dense(4, activation="relu")]
    model = keras.Sequential([*steps, layers.Dense(2)])
    model.compile(keras.optimizers.AdamW(0.01), LOSS, metrics=["accuracy"])
    return model


def batches(task, done=0):
    images, labels = task
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(10).repeat().skip(4 * done)


def run(task, path, *, epochs, patience=None, min_delta=0.0, key=0, broken_from=None, model=None):
    """Fit up to `epochs`, as `train` does; from batch `broken_from` on, pixels are so large that the loss overflows."""
    model = model or network()
    end = EndOfEpoch(Checkpoint(path, {"key": key}), model, seed=5, patience=patience, min_delta=min_delta)
    done, data = len(end.history), batches(task, len(end.history))
    if broken_from is not None:
        data = data.enumerate().map(lambda n, batch: (tf.where(n >= broken_from, 1e38, batch[0]), batch[1]))
    settings = {"initial_epoch": done, "epochs": epochs, "steps_per_epoch": 4, "verbose": 0, "shuffle": False}
    model.fit(data, validation_data=batches(task).take(4), callbacks=[end], **settings)
    return end, model


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_broken_run_ends_where_an_unbroken_one_ends(small_task, tmp_path):
    whole, _ = run(small_task, tmp_path / "whole.npz", epochs=4)
    run(small_task, tmp_path / "parts.npz", epochs=2)
    parts, _ = run(small_task, tmp_path / "parts.npz", epochs=4, model=network(seed=1))
    assert [entry["epoch"] for entry in parts.history] == [1, 2, 3, 4]
    assert parts.history == whole.history
    assert same(parts.weights(), whole.weights())


def test_dropout_differs_between_epochs(small_task, tmp_path):
    model = network()
    end = EndOfEpoch(Checkpoint(tmp_path / "a.npz", {}), model, seed=5, patience=None, min_delta=0.0)
    dropped = []
    for epoch in (0, 1, 0):
        end.on_epoch_begin(epoch)
        dropped.append(model.layers[1](np.ones((1, 192), np.float32), training=True).numpy())
    assert not np.array_equal(dropped[0], dropped[1])
    assert np.array_equal(dropped[0], dropped[2])


def test_early_stopping_waits_and_goes_back_to_the_best_epoch(small_task, tmp_path):
    """With an unreachable min_delta the first epoch stays the best, and two more are waited for."""
    end, model = run(small_task, tmp_path / "a.npz", epochs=9, patience=2, min_delta=100.0)
    assert len(end.history) == 3
    assert end.finished()
    first, _ = run(small_task, tmp_path / "b.npz", epochs=1)
    assert same(end.weights(), first.weights())
    assert not same(end.weights(), model.get_weights())
    again = EndOfEpoch(Checkpoint(tmp_path / "a.npz", {"key": 0}), network(), seed=5, patience=2, min_delta=100.0)
    assert again.finished()
    assert same(again.weights(), end.weights())


@pytest.mark.parametrize(
    ("losses", "min_delta", "best"),
    [([3, 2, 1], 0, 2), ([3, 1, 2], 0, 1), ([3, 2.95, 2.8], 0.1, 2), ([3, 2.95, 2.92], 0.1, 0)],
)
def test_only_a_fall_by_more_than_min_delta_counts(tmp_path, losses, min_delta, best):
    end = EndOfEpoch(Checkpoint(tmp_path / "a.npz", {}), network(), seed=0, patience=1, min_delta=min_delta)
    end.history = [{"val_loss": loss} for loss in losses]
    assert end._best_epoch() == best


def test_a_loss_that_is_no_number_ends_training_with_the_last_good_weights(small_task, tmp_path, capsys):
    good, _ = run(small_task, tmp_path / "good.npz", epochs=2)
    end, model = run(small_task, tmp_path / "a.npz", epochs=5, broken_from=10)
    assert end.history == good.history
    assert same(end.weights(), good.weights())
    assert np.isfinite(model.predict(small_task[0], verbose=0)).all()
    assert "in epoch 3: training ends with the weights of epoch 2.\nChoose a lower" in capsys.readouterr().out


def test_a_loss_that_is_no_number_at_once_is_an_error(small_task, tmp_path):
    with pytest.raises(StudyError, match="loss: expected a number in the first epoch.*Choose a lower learning_rate"):
        run(small_task, tmp_path / "a.npz", epochs=2, broken_from=0)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-2000] + bytes(2000)), "cannot be read"),
    ],
    ids=["half", "empty", "garbled"],
)
def test_a_checkpoint_that_cannot_be_read_costs_its_epochs_only(small_task, tmp_path, capsys, harm, words):
    path = tmp_path / "a.npz"
    whole, _ = run(small_task, path, epochs=2)
    harm(path)
    again, _ = run(small_task, path, epochs=2)
    assert words in capsys.readouterr().out
    assert again.history == whole.history


def test_a_checkpoint_of_another_training_is_not_used(small_task, tmp_path, capsys):
    run(small_task, tmp_path / "a.npz", epochs=1, key=0)
    end, _ = run(small_task, tmp_path / "a.npz", epochs=1, key=1)
    assert len(end.history) == 1
    assert "a.npz is of another training; training starts at its first epoch" in capsys.readouterr().out


def test_a_checkpoint_holds_no_pickle(small_task, tmp_path):
    run(small_task, tmp_path / "a.npz", epochs=1)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as saved:
        assert not any(saved[name].dtype.hasobject for name in saved.files)
