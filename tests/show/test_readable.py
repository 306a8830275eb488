"""Tables as notebooks show them."""

import pandas as pd

from helpers.show.readable import readable

FRAME = pd.DataFrame({"model": ["none", "soft"], "radius": [0.0123456, None]}, index=[7, 7])


def test_a_table_is_the_same_text_every_time_and_has_no_index():
    first, again, other = (readable(frame).format(precision=3) for frame in (FRAME, FRAME, FRAME.iloc[:1]))
    assert first._repr_html_() == again._repr_html_()
    assert first._repr_html_() != other._repr_html_()
    assert "0.012" in first._repr_html_()
    assert ">7<" not in first._repr_html_()


def test_its_plain_text_is_its_content():
    assert repr(readable(FRAME).format(precision=3, na_rep="none found")).splitlines() == [
        "model  radius",
        "none  0.012",
        "soft  none found",
    ]


def test_long_text_stands_at_the_left():
    assert "text-align: left" in readable(FRAME, left=True)._repr_html_()
    assert "text-align" not in readable(FRAME)._repr_html_()
