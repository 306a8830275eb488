#!/bin/bash
# Runs a command and keeps its output in a log. A command that is killed cannot say where it was; this script says it. The
# command prints each place in brackets (helpers.progress.print_place): they go into the log, and not to the terminal.
#   bash job.sh LOG COMMAND...
set -uo pipefail
log=$1
shift
exec 3>&2 2> /dev/null # bash itself would print all of the pipeline below if a signal ends the command
trap : INT TERM HUP # a signal is for the command; this waits for its end
"$@" 2>&1 3>&- | (
    trap '' INT TERM HUP # to hear its last words
    tee "$log" | sed -u '/^\[in .*\]$/d; s/\[in .*\]$//'
) 2>&3
status=${PIPESTATUS[0]}
trap '' INT TERM HUP
if [ "$status" != 0 ] && ! grep -q '^error: ' "$log"; then
    place=$(sed -n 's/.*\[in \(.*\)\]$/\1/p' "$log" | tail -n 1)
    if [ "$status" = 137 ]; then
        why="killed by signal 9. If nobody did so, memory ran out: run fewer jobs at once, or with a smaller batch_size,"
        why+=" attack_batch_size or image_size."
    elif [ "$status" -gt 128 ] && [ "$status" -le 192 ]; then
        why="killed by signal $((status - 128))."
    else
        why="ended with status $status. The last line of its log: $(grep -v '^\[in .*\]$' "$log" | grep . | tail -n 1)"
    fi
    echo "error: ${place:-$(basename "$log" .log)}: $why" | tee -a "$log"
fi
exit "$status"
