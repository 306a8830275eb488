# Each model's explanation, a job of its own, and notebook 06, which shows them.


rule explain:
    input:
        str(RUN.model),
        str(RUN.adversarials),
    output:
        update(str(RUN.explanations)),
        update(str(RUN.maps)),
        update(str(RUN.detection)),
    log:
        f"logs/explain-{{task}}-{RUN_NAME}.log",
    benchmark:
        f"benchmarks/explain-{{task}}-{RUN_NAME}.tsv"
    params:
        training=lambda wildcards: SUFFIXES[wildcards.training],
        version=STAGES["explanation"],
    threads: CORES_PER_JOB
    resources:
        mem_mb=more_each_time(6000),
        runtime=more_each_time(60),
        gpu=GPUS_PER_JOB,
    priority: urgency(0)
    shell:
        step("explain", WHICH_MODEL)


rule show_explanation:
    input:
        lambda wildcards: files_of(
            models_of(wildcards.task, wildcards.seed, backbone=wildcards.backbone, is_adversarial=False),
            "explanations",
            "maps",
            "detection",
        ),
    output:
        notebook=notebook_06("{task}", "{backbone}", "{seed}"),
    log:
        "logs/06_explain_gradcam-{task}-{backbone}-seed{seed}.log",
    benchmark:
        "benchmarks/06_explain_gradcam-{task}-{backbone}-seed{seed}.tsv"
    params:
        notebook="06_explain_gradcam",
    threads: CORES_PER_JOB
    resources:
        mem_mb=3000,
        runtime=30,
    shell:
        notebook(task="{wildcards.task}", backbone="{wildcards.backbone}", seed="{wildcards.seed}")
