import pytest

from helpers import StudyError, read_config, train
from helpers.training.fit import learning_rate, make_optimizer


def test_the_cosine_schedule_warms_up_over_a_tenth_and_ends_at_0():
    rate = learning_rate(read_config(profile="quick"), steps=100)
    values = [float(rate(step)) for step in (0, 5, 10, 55, 100)]
    assert values == pytest.approx([0, 0.5e-3, 1e-3, 0.5e-3, 0], abs=1e-9)


def test_the_papers_optimizer():
    optimizer = make_optimizer(read_config(profile="paper"), steps=100)
    assert type(optimizer).__name__ == "Adam"
    assert (float(optimizer.learning_rate), optimizer.epsilon) == (pytest.approx(0.01), 0.1)


def test_training_without_a_manifest_says_what_to_run_first(tmp_path):
    config = read_config(profile="smoke", runs_dir=str(tmp_path))
    with pytest.raises(StudyError, match=r"manifest.csv: expected a manifest.*01_prepare_data"):
        train(config)
    assert not list(tmp_path.iterdir())
