"""The workflow on a cluster leaves what it leaves on one machine."""

import pytest
from clones import SPECIAL, make_clone
from slurm_cluster import ON_SLURM

pytestmark = pytest.mark.slurm


def test_the_tables_are_those_of_a_run_on_this_machine(clone, on_cluster, smoke_profile, tmp_path):
    other = make_clone(tmp_path, smoke_profile, name=SPECIAL.replace("$", ""))
    result = other.run(*ON_SLURM, environment=on_cluster)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert other.tables == clone.tables


def test_a_path_that_jobs_on_nodes_would_not_find_is_refused(clone, on_cluster):
    result = clone.run(*ON_SLURM, "-n", environment=on_cluster)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "clone" in result.stderr
    assert "without $" in result.stderr
