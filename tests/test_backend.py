"""Settings of the user's other projects with Keras, which must not change the study's numbers."""

import json
import os
import subprocess
import sys

import pytest

from helpers.paths import ROOT

LOOK = """
from helpers.backend import keras, tf
layer = keras.layers.Conv2D(1, 3)
print([layer.data_format, layer.compute_dtype, keras.config.epsilon(), keras.config.max_epochs()])
print(tf.keras.__version__ == keras.__version__)
"""


def run_with(home, settings, code, **environment):
    """Run code with a keras.json in a home folder of its own; return the finished process."""
    (home / ".keras").mkdir()
    (home / ".keras" / "keras.json").write_text(json.dumps(settings))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_"))}
    environment = inherited | {"HOME": str(home)} | environment
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_settings_of_another_project_change_nothing(tmp_path):
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "jax"}
    variables = {"TF_USE_LEGACY_KERAS": "1", "KERAS_MAX_EPOCHS": "1", "KERAS_BACKEND": ""}
    result = run_with(tmp_path, settings, LOOK, **variables)
    assert result.stdout.splitlines() == ["['channels_last', 'float32', 1e-07, None]", "True"], result.stderr


def test_no_multiplication_is_rounded_to_tensor_float_32():
    """TensorFlow's default is yes; a perturbation of .00125 would be off by a fifth."""
    from helpers.backend import tf

    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_the_memory_of_a_gpu_is_taken_as_it_is_needed(tmp_path):
    """There need not be a GPU: TensorFlow is told of one, and asked what it was told of it."""
    code = """
import tensorflow as tf
gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
tf.config.list_physical_devices = lambda kind=None: [gpu]
told = []
tf.config.experimental.set_memory_growth = lambda device, on: told.append((device.device_type, on))
import helpers.backend
print(told)
"""
    result = run_with(tmp_path, {}, code)
    assert result.stdout.splitlines()[-1] == "[('GPU', True)]", result.stderr


@pytest.mark.parametrize(
    ("settings", "variables", "words"),
    [
        (
            {"floatx": "bfloat16"},
            {},
            ["keras.json", "floatx", "'float32'", "bfloat16. Correct that file, or delete it"],
        ),
        ({}, {"KERAS_BACKEND": "jax"}, ["expected tensorflow, got jax. Unset KERAS_BACKEND."]),
    ],
)
def test_settings_that_cannot_be_overruled_end_a_step_in_one_line(tmp_path, settings, variables, words):
    code = "from helpers import command; command.main(['attack', '--profile', 'smoke'])"
    result = run_with(tmp_path, settings, code, **variables)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert all(word in line for word in ["error: ", *words]), line


def test_the_whole_path_runs_on_deterministic_operations(tmp_path, smoke_profile):
    """TensorFlow then refuses operations of which it has no such form, and random numbers without a seed."""
    code = f"""
from helpers import evaluate, explain_model, predict_test, prepare_manifest, read_config, train
from helpers.attacks import evaluate as evaluation
from helpers.backend import tf, use_deterministic_operations
from helpers.explain import explanation
from helpers.training import fit, predict
for step in (evaluation, explanation, fit, predict):
    def switch(wanted, name=step.__name__):
        use_deterministic_operations(wanted)
        print(name, wanted)
    step.use_deterministic_operations = switch
model = dict(task="skin_lesion", attention="soft", backbone="tiny", weights="random", epochs=1, deterministic=True)
config = read_config(profile={smoke_profile!r}, runs_dir={str(tmp_path)!r}, **model)
prepare_manifest(config)
predict_test(config, train(config))
evaluate(config)
explain_model(config)
try:
    tf.random.set_seed(None)
    tf.random.uniform([1])
except RuntimeError as error:
    print("refused:", error)
"""
    result = run_with(tmp_path, {}, code, TF_CPP_MIN_LOG_LEVEL="2")
    assert "refused: Random ops require a seed" in result.stdout, result.stderr[-2000:]
    for step in ("training.fit", "training.predict", "attacks.evaluate", "explain.explanation"):
        assert f"helpers.{step} True" in result.stdout
