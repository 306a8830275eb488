# A backbone's pretraining, where the profile has one, and each model's training in the notebook of its backbone.


rule pretrain:
    input:
        [str(TASK.manifest).format(task=task) for task in PROFILE_TASKS],
    output:
        update(str(PRETRAINED.weights)),
        update(str(PRETRAINED.history)),
    log:
        "logs/pretrain-{backbone}.log",
    benchmark:
        "benchmarks/pretrain-{backbone}.tsv"
    params:
        version=STAGES["training"],
    threads: CORES_PER_JOB
    resources:
        mem_mb=more_each_time(8000),
        runtime=more_each_time(240),
        gpu=GPUS_PER_JOB,
    priority: 16
    shell:
        step("pretrain", "--backbone {wildcards.backbone}")


rule train:
    input:
        str(TASK.manifest),
        pretrained_weights,
    output:
        model=update(str(RUN.model)),
        history=update(str(RUN.history)),
        predictions=update(str(RUN.predictions)),
        notebook=f"notebooks/train-{{task}}-{RUN_NAME}.ipynb",
    log:
        f"logs/train-{{task}}-{RUN_NAME}.log",
    benchmark:
        f"benchmarks/train-{{task}}-{RUN_NAME}.tsv"
    params:
        notebook=lambda wildcards: BACKBONES[wildcards.backbone].notebook,
        training=lambda wildcards: SUFFIXES[wildcards.training],
        version=STAGES["training"],
        weights=state_of_weights,
    threads: CORES_PER_JOB
    resources:
        mem_mb=more_each_time(8000),
        runtime=more_each_time(240),
        gpu=GPUS_PER_JOB,
    priority: urgency(3)
    shell:
        notebook(
            computes=True,
            task="{wildcards.task}",
            backbone="{wildcards.backbone}",
            attention="{wildcards.attention}",
            training="{params.training}",
            seed="{wildcards.seed}",
        )
