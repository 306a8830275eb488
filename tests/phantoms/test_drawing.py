"""The tools that all kinds of phantoms are drawn with, on cases worked out by hand."""

import numpy as np
import pytest

from helpers.phantoms.canvas import average_down, coordinates, lay_over, smooth_step, take_picture, touched_pixels
from helpers.phantoms.drawing import join_masks, signs_to_draw
from helpers.phantoms.geometry import Pose, bezier
from helpers.phantoms.ink import Ink
from helpers.phantoms.streams import SIGNS_STREAM, VIEW_STREAM, has_shortcut, stream


def test_bezier_curves():
    line = bezier((0, 0), (1, 2), steps=3)
    assert line == pytest.approx(np.array([(0, 0), (0.5, 1), (1, 2)]))
    # quadratic at t = 1/2: (p0 + 2 p1 + p2) / 4
    assert bezier((0, 0), (1, 2), (4, 0), steps=3)[1] == pytest.approx((1.5, 1.0))


def test_a_pose_turns_scales_and_moves_points_and_back():
    pose = Pose(x=0.5, y=0.4, radius=0.2, angle=np.pi / 2, flip=-1)
    point = pose.to_picture(np.array([(1.0, 0.0)]))
    assert point == pytest.approx(np.array([(0.5, 0.2)]))  # mirrored to (-1, 0), turned to (0, -1), scaled and moved
    assert np.hstack(pose.to_object(*point.T)) == pytest.approx((1.0, 0.0))


def test_the_canvas_has_twice_as_many_pixels_a_side():
    x, y = coordinates(2)
    assert x[0] == pytest.approx((0.125, 0.375, 0.625, 0.875))
    assert np.array_equal(y, x.T)
    canvas = np.zeros((4, 4))
    canvas[0, 0] = 1.0
    assert np.array_equal(average_down(canvas), [[0.25, 0], [0, 0]])
    assert np.array_equal(touched_pixels(canvas), [[True, False], [False, False]])


def test_smooth_step():
    assert smooth_step(np.array([-1, 0, 0.25, 0.5, 1, 2])) == pytest.approx((0, 0, 0.15625, 0.5, 1, 1))


def test_half_opaque_white_over_black_is_grey():
    assert lay_over(np.zeros((1, 1, 3)), np.full((1, 1), 0.5), 1.0).ravel() == pytest.approx((0.5, 0.5, 0.5))


def test_a_picture_has_noise_of_the_given_strength():
    image = take_picture(np.full((200, 200), 0.5), np.random.default_rng(0), noise=(3.0, 3.0))
    assert image.shape == (100, 100)
    assert image.dtype == np.uint8
    assert image.std() == pytest.approx(3.0, rel=0.05)


def test_thin_lines_and_small_dots_become_fainter():
    ink = Ink(8)  # a pixel of the canvas is 1/16 wide
    ink.stroke(np.array([(0.0, 0.53), (1.0, 0.53)]), 1 / 32)
    ink.fill(np.array([(0.02, 0.02), (0.045, 0.02), (0.045, 0.045), (0.02, 0.045)]))
    layer = ink.values()
    assert layer[8, 1:-1] == pytest.approx(0.5, abs=0.01)
    assert layer[0, 0] == pytest.approx((0.025 * 16) ** 2, abs=0.01)


def test_streams_repeat_and_differ():
    assert stream(3, SIGNS_STREAM).uniform() == stream(3, SIGNS_STREAM).uniform()
    assert stream(3, SIGNS_STREAM).uniform() != stream(3, VIEW_STREAM).uniform()
    assert stream(3, VIEW_STREAM, 1).uniform() != stream(3, VIEW_STREAM, 2).uniform()


def test_the_label_decides_about_a_shortcut_as_often_as_spurious_says():
    drawn = [has_shortcut(seed, spurious=0.3, is_positive=True, by_chance=False) for seed in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.03)


def test_only_signs_that_are_present_and_asked_for_are_drawn():
    assert signs_to_draw(("scar", "veil"), None) == {"scar", "veil"}
    assert signs_to_draw(("scar", "veil"), ("veil", "milia")) == {"veil"}
    assert signs_to_draw(("scar", "veil"), ()) == set()


def test_masks_are_joined():
    left, right = np.eye(2, dtype=bool), np.eye(2, dtype=bool)[::-1]
    assert join_masks({"a": left, "b": right}, 2).all()
    assert not join_masks({}, 2).any()
