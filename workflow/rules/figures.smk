# The figures of a profile and the tables behind them, from what its models left.

SUMMARIES = ["results/summary.csv", *(["results/summary_explanations.csv"] if STANDARD_MODELS else [])]
CAPTIONS = ("../report/accuracies.rst", "../report/measures.rst")  # of the summaries in a report (`--report`)


rule figures:
    input:
        files_of(MODELS, "predictions", "robustness", "checks", "adversarials"),
        files_of(STANDARD_MODELS, "explanations", "maps"),
    output:
        *(report(file, caption=text, category="Tables") for file, text in zip(SUMMARIES, CAPTIONS)),
        figures=report(
            directory(FOLDER.figures.name),
            patterns=["{kind,[a-z_]+}-{models}.png", "{kind,[a-z_]+}-{models}.jpg"],
            caption="../report/figure.rst",
            category="Figures",
            labels={"kind": "{kind}", "models": "{models}"},
        ),
    log:
        "logs/figures.log",
    benchmark:
        "benchmarks/figures.tsv"
    threads: CORES_PER_JOB
    resources:
        mem_mb=3000,
        runtime=30,
    shell:
        f'{AS_JOB} "$STUDY_PYTHON" -m helpers.show.figures {WHICH_RUN} '
        f'--figures-dir "$PWD/figures" --results-dir "$PWD/results"'
