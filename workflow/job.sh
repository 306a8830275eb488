#!/bin/bash
# Runs a job's command, keeps what it prints in a log, and says where it was if it is killed: only its parent can. Where it
# is, it says in lines in brackets (helpers.progress.print_place).
#   bash job.sh LOG COMMAND...
set -uo pipefail
log=$1
shift
{
    "$@"
    status=$?
    if [ $status -gt 128 ]; then
        place=$(sed -n 's/^\[in \(.*\)\]$/\1/p' "$log" | tail -n 1)
        killed="error: ${place:-$(basename "$log" .log)}: killed by signal $((status - 128))."
        if [ $status = 137 ]; then
            killed+=" If nobody did so, memory ran out: run fewer jobs at once, or with a smaller batch_size,"
            killed+=" attack_batch_size or image_size."
        fi
        echo "$killed Complete files stay: run it again to go on."
    fi
    exit $status
} 2>&1 | (
    trap '' INT TERM HUP  # a signal that stops them all must not cut off their last words
    tee "$log" | sed -u '/^\[in .*\]$/d'  # places are for the log
)
