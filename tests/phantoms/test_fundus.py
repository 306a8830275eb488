import numpy as np
import pytest

from helpers import phantom
from helpers.phantoms.fundus_grades import BEADING, COUNTS, SIGNS, sign_counts
from helpers.phantoms.fundus_signs import SIGN_PAINTERS


def test_a_healthy_eye_has_an_empty_mask_and_a_diseased_one_has_not():
    for seed in range(10):
        assert not phantom("fundus", "0", seed, 64).mask.any()
        assert phantom("fundus", "1", seed, 64).mask.any()


def test_the_counts_of_signs_fill_the_ranges_of_their_grade():
    for grade, ranges in COUNTS.items():
        seen = [sign_counts(grade, seed=seed, view=0, ambiguity=0.0) for seed in range(60)]
        for sign, (fewest, most) in ranges.items():
            counts = [counts.get(sign, 0) for counts in seen]
            assert fewest <= min(counts) <= max(counts) <= most, (grade, sign)
            assert max(counts) - min(counts) >= 0.7 * (most - fewest), (grade, sign)
        beaded = np.mean(["venous_beading" in counts for counts in seen])
        assert abs(beaded - BEADING.get(grade, 0)) < 0.2


def test_every_sign_of_a_grade_can_be_painted():
    assert set(SIGNS) == SIGN_PAINTERS.keys()
    assert {sign for ranges in COUNTS.values() for sign in ranges} < set(SIGNS)


def test_the_two_eyes_of_a_patient_are_mirrored_and_have_the_same_colour():
    right, left = (phantom("fundus", "0", 3, 64, view=view).image.astype(float) for view in (0, 1))
    columns = [np.argmax(eye[28:36].mean(axis=(0, 2))) for eye in (right, left)]  # the brightest is the optic disc
    assert columns[0] > 40
    assert columns[1] < 24
    tones = [np.median(eye[20:44, 20:44], axis=(0, 1)) for eye in (right, left)]
    assert tones[0] == pytest.approx(tones[1], rel=0.25)
