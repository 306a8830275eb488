import json
import os
import subprocess
import sys
import time
from urllib.parse import quote

import psutil
import pytest

from helpers.artifacts import records
from helpers.artifacts.broken import broken_files
from helpers.errors import StudyError
from helpers.profiles import read_config


@pytest.fixture
def output(tmp_path):
    return tmp_path / "model.txt"


@pytest.fixture
def make(output):
    """Return a function that makes the output once with parameters, and returns whether it was made."""

    def make_with(*, stage="training", also=(), **parameters):
        def write():
            output.write_text("made")
            for path in also:
                path.write_text("made, too")
            return True

        return bool(records.make_once(output, stage=stage, parameters=parameters, make=write, also=also))

    return make_with


def test_a_file_is_made_once_and_again_if_its_parameters_change(make, capsys):
    assert make(seed=0, epsilons=(0.1,))
    assert not make(seed=0, epsilons=[0.1])  # as JSON has it
    assert not capsys.readouterr().out
    assert make(seed=1, epsilons=(0.1,))
    printed = capsys.readouterr().out
    assert "model.txt is made again, its parameters changed (seed: 0 before, 1 now)" in printed
    assert "epsilons" not in printed


def test_the_record_has_the_time_and_the_memory_that_a_file_took_and_keeps_them(output):
    def make():
        time.sleep(0.2)
        output.write_text("made")

    for _ in range(2):  # the second finds it made
        records.make_once(output, stage="training", parameters={}, make=make)
        facts = records.recorded_facts(output, "seconds", "peak_memory_mb")
        assert 0.2 <= facts["seconds"] < 30
        assert facts["peak_memory_mb"] > psutil.Process().memory_info().rss / 2**20 / 2
    assert records.recorded_facts(output.with_name("other"), "seconds", absent=0.0) == {"seconds": 0.0}


def test_a_file_from_before_a_parameter_existed_is_valid_for_its_default(make, capsys):
    assert make(steps=3)
    assert not make(steps=3, against="others")
    assert make(steps=3, against="no_finding")
    assert "(against: None before, 'no_finding' now)" in capsys.readouterr().out


def test_a_file_that_was_deleted_or_one_made_with_it_is_made_again(make, output, tmp_path):
    also = [tmp_path / "checks.json"]
    assert make(also=also)
    assert not make(also=also)
    also[0].unlink()
    assert make(also=also)
    output.unlink()
    assert make(also=also)


def test_a_file_that_was_cut_off_is_found_and_made_again(make, output, tmp_path):
    also = [tmp_path / "checks.json"]
    assert make(also=also)
    assert broken_files(tmp_path) == []
    for path in (output, *also):
        whole = path.read_text()
        path.write_text(whole[:-1])
        assert broken_files(tmp_path) == [path]
        assert make(also=also)
        assert path.read_text() == whole
    output.write_text("edam")  # of the same size
    assert make(also=also)
    assert output.read_text() == "made"


def test_where_nothing_was_made_the_record_of_the_old_file_stays(make, output):
    """A shared run without models is still read after an attempt to attack it with other parameters."""
    assert make(seed=0)

    def refuse():
        raise StudyError("no model")

    with pytest.raises(StudyError, match="no model"):
        records.make_once(output, stage="training", parameters={"seed": 1}, make=refuse)
    assert not make(seed=0)

    def write_and_fail():
        output.write_text("half")
        raise StudyError("disk full")

    with pytest.raises(StudyError, match="disk full"):
        records.make_once(output, stage="training", parameters={"seed": 1}, make=write_and_fail)
    assert not records.record_path(output).exists()
    assert make(seed=0)


def test_a_file_whose_record_is_cut_off_is_broken(make, output, tmp_path):
    assert make()
    record = records.record_path(output)
    record.write_text(record.read_text()[:-20])
    assert broken_files(tmp_path) == [output]


def test_a_table_without_record_is_found_by_the_metadata_of_the_finished_run(tmp_path):
    table, figure = tmp_path / "results" / "all models.csv", tmp_path / "figures" / "a.png"
    for path in (table, figure):
        path.parent.mkdir()
        path.write_text("whole")
    metadata = tmp_path / "ro-crate-metadata.json"
    names = [quote(str(path.relative_to(tmp_path))) for path in (table, figure)]
    entities = [{"@id": "./", "@type": "Dataset"}]
    entities += [{"@id": name, "@type": "File", "contentSize": 5} for name in names]
    metadata.write_text(json.dumps({"@graph": entities}))
    assert broken_files(tmp_path) == []
    table.write_text("who")
    assert broken_files(tmp_path) == [table]
    logs = [tmp_path / "logs" / name for name in ("describe.log", "collect.log")]
    logs[0].parent.mkdir()
    for log, expected in zip(logs, ([table], []), strict=True):  # after another job, the table may be a newer one
        log.touch()
        os.utime(log, (time.time() + 60,) * 2)
        assert broken_files(tmp_path) == expected


def test_a_file_whose_making_failed_counts_as_missing(make, output):
    assert make(seed=0)
    with pytest.raises(RuntimeError):
        records.make_once(
            output, stage="training", parameters={"seed": 1}, make=lambda: (_ for _ in ()).throw(RuntimeError)
        )
    assert make(seed=0)


def test_a_higher_version_of_the_stage_makes_it_again_and_says_so(make, monkeypatch, capsys):
    assert make()
    monkeypatch.setitem(records.STAGES, "attack", 9)
    assert not make()
    monkeypatch.setitem(records.STAGES, "training", 2)
    assert make()
    assert "version of stage 'training': 1 before, 2 now" in capsys.readouterr().out


def test_a_file_of_a_newer_version_of_the_study_is_not_replaced(make, output, monkeypatch):
    monkeypatch.setitem(records.STAGES, "training", 3)
    assert make()
    monkeypatch.undo()
    with pytest.raises(StudyError, match=r"model.txt: made by a newer version .* 3, here 1\). Update the code"):
        make()
    assert output.read_text() == "made"
    output.unlink()  # the way out that the message names
    assert make()


def test_a_record_with_parameters_of_another_version_is_named(output):
    records.make_once(
        output,
        stage="attack",
        parameters={},
        make=lambda: output.write_text("made"),
        config=read_config(profile="quick"),
    )
    path = records.record_path(output)
    record = json.loads(path.read_text())
    record["config"]["new"] = 1
    path.write_text(json.dumps(record))
    with pytest.raises(StudyError, match=r"model.txt.record.json: another version of the study made model.txt"):
        records.recorded_config(output)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_record_that_cannot_be_read_counts_as_missing(make, output, content):
    assert make()
    records.record_path(output).write_text(content)
    assert make()


def test_other_versions_of_packages_are_said_in_one_line(make, output, capsys):
    assert make()
    path = records.record_path(output)
    record = json.loads(path.read_text())
    record["versions"]["keras"] = "2.0.0"
    path.write_text(json.dumps(record))
    assert not make()
    (line,) = capsys.readouterr().out.splitlines()
    assert f"model.txt was made with keras 2.0.0 (here {records.versions()['keras']})" in line


def test_the_configuration_is_recorded_whatever_the_profile_says_later(output):
    config = read_config(profile="quick", steps=7)
    records.make_once(output, stage="attack", parameters={}, make=lambda: output.write_text("made"), config=config)
    assert records.recorded_config(output) == config
    records.record_path(output).unlink()
    with pytest.raises(StudyError, match=r"model.txt.record.json: expected the record of how model.txt was made"):
        records.recorded_config(output)


MAKE = """
import os, sys, time
from pathlib import Path
from helpers.artifacts import records

def make():
    with open(sys.argv[2], "a") as log:
        log.write(f"{os.getpid()}\\n")
    time.sleep(0.5)
    Path(sys.argv[1]).write_text("made")

records.make_once(Path(sys.argv[1]), stage="training", parameters={"seed": 0}, make=make)
"""


def test_of_several_processes_one_makes_the_file(output, tmp_path):
    log = tmp_path / "log"
    running = [subprocess.Popen([sys.executable, "-c", MAKE, output, log]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(log.read_text().splitlines()) == 1
    assert records.recorded(output) == {"seed": 0}
