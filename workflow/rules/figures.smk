# The figures of a profile and the tables behind them, from what its models left.

SUMMARY = "results/summary.csv"


rule figures:
    input:
        files_of(MODELS, "predictions", "robustness", "checks", "adversarials"),
        files_of(STANDARD_MODELS, "explanations", "maps"),
    output:
        SUMMARY,
    log:
        "logs/figures.log",
    benchmark:
        "benchmarks/figures.tsv"
    threads: CORES_PER_JOB
    resources:
        mem_mb=3000,
        runtime=30,
    shell:
        f'"$STUDY_PYTHON" -m helpers.show.figures {WHICH_RUN} '
        f'--figures-dir "$PWD/figures" --results-dir "$PWD/results" --table-name summary {KEEP_LOG}'
