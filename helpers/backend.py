"""TensorFlow and Keras, imported without the messages that they print at start-up."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator

from helpers.errors import StudyError

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
os.environ.pop("TF_USE_LEGACY_KERAS", None)  # tf-keras-vis takes `tf.keras`, which has to be Keras 3
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only, once logging is set up
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # twice as fast; the default on newer Intel processors only


@contextlib.contextmanager
def _hidden_messages() -> Iterator[None]:
    """Hide what is written to file descriptor 2, as TensorFlow's C++ code does; show it if the block fails."""
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _check_backend(name: str) -> None:
    if name != "tensorflow":
        raise StudyError(f"Keras' backend: expected tensorflow, got {name}. Unset KERAS_BACKEND.")


_check_backend(os.environ["KERAS_BACKEND"])  # the import would fail in words of its own
with _hidden_messages():
    try:
        import keras
    except ValueError as error:
        if "configuration" not in str(error):
            raise
        raise StudyError(f"keras.json, in ~/.keras or KERAS_HOME: {error}. Correct that file, or delete it.") from None
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # else the first process takes all of its memory
_check_backend(keras.backend.backend())

# Keras' own defaults, whatever keras.json and KERAS_MAX_EPOCHS say: the same parameters give the same numbers.
keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_max_epochs(None)
keras.config.set_max_steps_per_epoch(None)

# On a GPU, TensorFloat-32 keeps 10 bits of a number: of a pixel, steps of 1/2048, two fifths of an epsilon of .00125.
tf.config.experimental.enable_tensor_float_32_execution(False)

# The study attacks several models in one process. Each is traced once, but TensorFlow warns of retracing.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())


def use_deterministic_operations(wanted: bool) -> None:
    """Let TensorFlow use operations that give the same numbers again, on a GPU, too, until the process ends."""
    if wanted:
        tf.config.experimental.enable_op_determinism()


__all__ = ["keras", "tf", "use_deterministic_operations"]
