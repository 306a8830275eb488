"""The workflow on a cluster leaves what it leaves on one machine."""

import os

import pytest
import slurm_cluster
from clones import SPECIAL, make_clone

pytestmark = pytest.mark.slurm

ON_SLURM = ["--on", "slurm", "--latency-wait", "5"]
ON_SLURM += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "8"]  # no accounting here


@pytest.fixture(scope="module")
def environment():
    """Return the environment of a run on a cluster, with as many cores a job as on this machine; skip without Slurm."""
    if why := slurm_cluster.problem():
        pytest.skip(why)
    with slurm_cluster.cluster() as environment:
        yield {**environment, "STUDY_CORES_PER_JOB": str(max(1, os.cpu_count() // 2))}


def test_the_tables_are_those_of_a_run_on_this_machine(clone, environment, smoke_profile, tmp_path):
    on_cluster = make_clone(tmp_path, smoke_profile, name=SPECIAL.replace("$", ""))
    result = on_cluster.run(*ON_SLURM, environment=environment)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert on_cluster.tables == clone.tables


def test_a_path_that_jobs_on_nodes_would_not_find_is_refused(clone, environment):
    result = clone.run(*ON_SLURM, "-n", environment=environment)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "clone" in result.stderr
    assert "without $" in result.stderr
