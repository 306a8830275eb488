"""Fitting epoch by epoch: each ends with a checkpoint and the decision whether to go on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from helpers.artifacts.checkpoint import Checkpoint
from helpers.backend import keras, tf
from helpers.errors import StudyError
from helpers.progress import progress


def fit(
    model: keras.Model,
    data: Callable[[int], tf.data.Dataset],
    checkpoint: Checkpoint,
    *,
    steps: int,
    epochs: int,
    seed: int,
    before: Callable[[], None] = lambda: None,
    validation: tf.data.Dataset | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    class_weight: Mapping[int, float] | None = None,
    logs: Path | None = None,
) -> "EndOfEpoch":
    """Fit a compiled model, starting from its checkpoint if there is one, and show progress.

    Args:
        model: Compiled.
        data: Given the number of batches seen before, returns an endless dataset of the following ones.
        checkpoint, seed, patience, min_delta: See `EndOfEpoch`.
        steps: Batches an epoch.
        epochs: The largest number of epochs.
        before: Called before the first epoch.
        validation: The data on which metrics are measured after each epoch.
        class_weight: {class index: weight}.
        logs: Folder for TensorBoard's logs.

    Returns:
        The `EndOfEpoch`, with the history and the weights to keep.
    """
    end = EndOfEpoch(checkpoint, model, seed=seed, patience=patience, min_delta=min_delta)
    done = len(end.history)
    if not done:
        before()
    else:
        print(f"{model.name}: going on after epoch {done} of {epochs}")
    with progress(description=f"training {model.name}", total=steps * epochs, initial=done * steps) as bar:
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
        board = [keras.callbacks.TensorBoard(logs, write_graph=False)] if logs else []
        model.fit(
            data(done * steps),
            validation_data=validation,
            initial_epoch=epochs if end.finished() else done,
            epochs=epochs,
            steps_per_epoch=steps,
            class_weight=class_weight,
            callbacks=[count, end, *board],
            shuffle=False,  # the dataset shuffles
            verbose=0,
        )
    return end


class EndOfEpoch(keras.callbacks.Callback):
    """Save a checkpoint after each epoch, stop early, and stop if the loss becomes infinite or NaN.

    Args:
        checkpoint: Where the state is saved. If it holds a state, the model gets it when this object is made.
        model: Compiled. Its dropout gets a new seed in each epoch, so that a resumed run takes the same steps.
        seed: Of the dropout.
        patience: Stop after this many epochs without a fall of the validation loss, and go back to the weights of the
            best epoch; None: never stop early, and keep those of the last epoch.
        min_delta: The smallest fall that counts.

    Attributes:
        history: One entry per epoch: epoch (from 1), and Keras' metrics: loss, accuracy, val_loss, val_accuracy.
    """

    def __init__(
        self, checkpoint: Checkpoint, model: keras.Model, *, seed: int, patience: int | None, min_delta: float
    ):
        super().__init__()
        self.checkpoint, self.seed, self.patience, self.min_delta = checkpoint, seed, patience, min_delta
        self.history, self._best = checkpoint.restore(model)
        self.set_model(model)

    def finished(self) -> bool:
        """Tell whether the validation loss has not fallen for `patience` epochs."""
        return bool(self.patience and self.history and len(self.history) - 1 - self._best_epoch() >= self.patience)

    def weights(self) -> list[np.ndarray]:
        """Return the weights to keep: the best epoch's with early stopping, else the last epoch's."""
        return self._best if self.patience else self.model.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([self.seed, epoch])

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(logs["loss"]):
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if not all(np.isfinite(value) for value in logs.values()):
            self._go_back(epoch)
            return
        self.history.append({"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        if self.patience and self._best_epoch() == epoch:
            self._best = self.model.get_weights()
        self.checkpoint.save(self.model, self.history, self._best)
        if self.finished():
            self.model.stop_training = True

    def _best_epoch(self) -> int:
        best, losses = 0, [entry["val_loss"] for entry in self.history]
        for epoch, loss in enumerate(losses):
            if loss < losses[best] - self.min_delta:
                best = epoch
        return best

    def _go_back(self, epoch: int) -> None:
        self.model.stop_training = True
        advice = "Choose a lower learning_rate, or precision: float32."
        if not self.history:
            raise StudyError(f"loss: expected a number in the first epoch, it became infinite or NaN. {advice}")
        self.checkpoint.restore(self.model)
        kept = (self._best_epoch() if self.patience else epoch - 1) + 1
        print(f"the loss became infinite or NaN in epoch {epoch + 1}: training ends with the weights of epoch {kept}.")
        print(advice)
