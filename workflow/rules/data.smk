# Images, their manifest, and notebook 01, which shows them.


rule prepare_data:
    input:
        PROFILE_COPY,
    output:
        manifest=update(str(TASK.manifest)),
        report=update(str(TASK.manifest_report)),
        notebook="notebooks/01_prepare_data-{task}.ipynb",
    log:
        "logs/prepare_data-{task}.log",
    benchmark:
        "benchmarks/prepare_data-{task}.tsv"
    params:
        notebook="01_prepare_data",
        versions=[STAGES["drawing"], STAGES["splitting"]],
        images=state_of_images,
    threads: CORES_PER_JOB
    resources:
        mem_mb=3000,
        runtime=60,
    priority: 16
    shell:
        notebook(task="{wildcards.task}")
