import time

from helpers import progress as shown
from helpers.progress import progress


def test_in_a_log_what_takes_long_leaves_lines_and_what_is_quick_leaves_none(monkeypatch, capsys):
    monkeypatch.setenv(shown.LINES, "1")
    monkeypatch.setattr(shown, "QUICK", 0.2)
    monkeypatch.setattr(shown, "SECONDS_BETWEEN_LINES", 0.1)
    assert list(progress(range(3), description="quick")) == [0, 1, 2]
    assert capsys.readouterr().out == ""
    for _ in progress(range(3), description="slow"):
        time.sleep(0.15)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("slow: 3 of 3, ")


def test_it_can_be_silenced(monkeypatch, capsys):
    monkeypatch.setenv(shown.LINES, "0")
    monkeypatch.setattr(shown, "QUICK", 0)
    with progress(description="counted", total=2) as bar:
        bar.update()
    assert list(progress(range(2), description="silent")) == [0, 1]
    assert capsys.readouterr() == ("", "")
