# Each model's attack, a job of its own; notebook 04, which compares models; notebook 05, which questions the attack.


rule attack:
    input:
        str(TASK.manifest),
        str(RUN.model),
    output:
        update(str(RUN.robustness)),
        update(str(RUN.checks)),
        update(str(RUN.adversarials)),
    log:
        f"logs/attack-{{task}}-{RUN_NAME}.log",
    benchmark:
        f"benchmarks/attack-{{task}}-{RUN_NAME}.tsv"
    params:
        training=lambda wildcards: SUFFIXES[wildcards.training],
        version=STAGES["attack"],
    threads: CORES_PER_JOB
    resources:
        mem_mb=more_each_time(6000),
        runtime=more_each_time(240),
        gpu=GPUS_PER_JOB,
    priority: urgency(2)
    shell:
        step("attack", WHICH_MODEL)


rule show_evaluation:
    input:
        lambda wildcards: files_of(
            models_of(wildcards.task, wildcards.seed, backbone=wildcards.backbone), "robustness", "checks", "adversarials"
        ),
    output:
        notebook=notebook_04("{task}", "{backbone}", "{seed}"),
    log:
        "logs/04_evaluate_pgd-{task}-{backbone}-seed{seed}.log",
    benchmark:
        "benchmarks/04_evaluate_pgd-{task}-{backbone}-seed{seed}.tsv"
    params:
        notebook="04_evaluate_pgd",
    threads: CORES_PER_JOB
    resources:
        mem_mb=3000,
        runtime=30,
    shell:
        notebook(task="{wildcards.task}", backbone="{wildcards.backbone}", seed="{wildcards.seed}")


rule question:
    input:
        lambda wildcards: files_of(models_of(wildcards.task, wildcards.seed), "model", "robustness", "adversarials"),
    output:
        notebook=f"notebooks/05_question_the_attack-{{task}}-{RUN_NAME}.ipynb",
    log:
        f"logs/05_question_the_attack-{{task}}-{RUN_NAME}.log",
    benchmark:
        f"benchmarks/05_question_the_attack-{{task}}-{RUN_NAME}.tsv"
    params:
        notebook="05_question_the_attack",
        training=lambda wildcards: SUFFIXES[wildcards.training],
    threads: CORES_PER_JOB
    resources:
        mem_mb=more_each_time(8000),
        runtime=more_each_time(120),
        gpu=GPUS_PER_JOB,
    priority: urgency(1)
    shell:
        notebook(
            computes=True,
            task="{wildcards.task}",
            backbone="{wildcards.backbone}",
            attention="{wildcards.attention}",
            training="{params.training}",
            seed="{wildcards.seed}",
        )
