# The results of the run as small tables, and notebook 07, which decides the paper's claims from them.

from helpers.artifacts.results import ABOUT, TABLES
from helpers.judge.testable import can_be_judged, leave_radii

RESULTS = [f"results/{name}" for name in (*TABLES.values(), ABOUT)] if leave_radii(MODELS) else []
NOTEBOOK_07 = ["notebooks/07_judge_claims.ipynb"] if can_be_judged(MODELS) else []


rule collect:
    input:
        files_of(MODELS, "model", "predictions", "robustness", "checks"),
        files_of(STANDARD_MODELS, "explanations", "maps", "detection"),
    output:
        RESULTS or touch("results/none"),
    log:
        "logs/collect.log",
    benchmark:
        "benchmarks/collect.tsv"
    threads: CORES_PER_JOB
    resources:
        mem_mb=3000,
        runtime=30,
    shell:
        f'{AS_JOB} "$STUDY_PYTHON" -m helpers.show.collect {WHICH_RUN} --to "$PWD/results"'


rule judge:
    input:
        RESULTS,
    output:
        notebook="notebooks/07_judge_claims.ipynb",
    log:
        "logs/07_judge_claims.log",
    benchmark:
        "benchmarks/07_judge_claims.tsv"
    params:
        notebook="07_judge_claims",
    threads: CORES_PER_JOB
    resources:
        mem_mb=1000,
        runtime=30,
    shell:
        f'{WITHOUT_GPU}{AS_JOB} "$STUDY_PYTHON" -m helpers.batch "$STUDY_NOTEBOOKS"/{{params.notebook}}.ipynb '
        f'{{output.notebook:q}} -r results "$PWD/results" -r beside "" -r real "" && {AS_NEW_AS_INPUTS}'
