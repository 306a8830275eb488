"""What several files of tests here use."""

import os

import pytest
import slurm_cluster


@pytest.fixture(scope="module")
def on_cluster():
    """Return the environment of a run on a cluster, with as many cores a job as on this machine; skip without Slurm."""
    if why := slurm_cluster.problem():
        pytest.skip(why)
    with slurm_cluster.cluster() as environment:
        yield {**environment, "STUDY_CORES_PER_JOB": str(max(1, os.cpu_count() // 2))}
