# What the run is made of, and how it was made: written last, as an RO-Crate.

METADATA = FOLDER.metadata.name
EVERYTHING = [
    [str(TASK.manifest).format(task=task) for task in PROFILE_TASKS],
    files_of(MODELS, "model", "history", "predictions", "robustness", "checks", "adversarials"),
    files_of(STANDARD_MODELS, "explanations", "maps", "detection"),
    SUMMARIES,
    RESULTS,
    NOTEBOOK_07,
    [notebook_04(*key) for key in COMPARED],
    [notebook_06(*key) for key in EXPLAINED],
    notebook_05(**key_of(QUESTIONED)),
]


rule describe:
    input:
        EVERYTHING,
    output:
        METADATA,
    log:
        "logs/describe.log",
    benchmark:
        "benchmarks/describe.tsv"
    threads: CORES_PER_JOB
    resources:
        mem_mb=1000,
        runtime=60,
    shell:
        f'{AS_JOB} "$STUDY_PYTHON" -m helpers.show.crate {WHICH_RUN}'
