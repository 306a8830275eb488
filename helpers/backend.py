"""TensorFlow and Keras, imported without the messages that they print at start-up."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
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


with _hidden_messages():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()

# The study attacks several models in one process. Each is traced once, but TensorFlow warns of retracing.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras' backend: expected tensorflow, got {keras.backend.backend()}. Unset KERAS_BACKEND.")

__all__ = ["keras", "tf"]
