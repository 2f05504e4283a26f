# shellcheck shell=sh
# Sourced by the scripts that start tors, from the project's folder. Whatever happens to the script (but SIGKILL),
# neither a process nor a file of what it runs stays behind; and where the machine allows it, what it runs can reach
# nothing but itself.
#
#   enclosure_open        makes a temporary directory and sets the traps
#   run COMMAND...        runs the command with that directory as TMPDIR
#   run_alone COMMAND...  the same, in a network namespace that has loopback only, where that is possible

set -u

PATH=$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin
export PATH

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

# A shell that another shell started in the background ignores SIGINT, and a trap cannot undo that: start again with
# the signal as it is by default.
if [ -z "${SCAPE_SIGINT_RESET-}" ] && env --default-signal=INT true 2>/dev/null; then
    SCAPE_SIGINT_RESET=1
    export SCAPE_SIGINT_RESET
    exec env --default-signal=INT "scripts/$(basename "$0")" "$@"
fi
unset SCAPE_SIGINT_RESET

enclosure_open() {
    enclosure=
    waited_for=
    trap enclosure_close EXIT
    trap 'enclosure_killed HUP' HUP
    trap 'enclosure_killed INT' INT
    trap 'enclosure_killed TERM' TERM
    # In memory, if there is room for a network of tors: a disk that is busy with a build can stop a tor for many seconds.
    if [ -z "${TMPDIR-}" ] && [ -w /dev/shm ] &&
        [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -ge 2000000 ] 2>/dev/null; then
        TMPDIR=/dev/shm
    fi
    # The name is known before the directory is there, so that no signal can come between. It is short, because the
    # path of a Unix socket has to fit into about 100 bytes.
    enclosure=$(mktemp -u "${TMPDIR:-/tmp}/scape.XXXXXX")
    if ! mkdir -m 700 "$enclosure"; then
        enclosure=
        exit 1
    fi
}

run() {
    TMPDIR=$enclosure "$@" </dev/null &
    wait "$!"
    enclosure_status=$?
    waited_for=$!
    return "$enclosure_status"
}

run_alone() {
    # A process namespace besides: its first process takes all others with it. It is a shell, which reaps orphans.
    for wall in \
        '--net --pid --fork --kill-child --mount-proc' \
        '--user --map-root-user --net --pid --fork --kill-child --mount-proc' \
        '--net' \
        '--user --map-root-user --net'; do
        # shellcheck disable=SC2086 # a list
        if unshare $wall sh -c 'ip link set lo up' >/dev/null 2>&1; then
            say "runs in a network namespace that has loopback only (unshare $wall): nothing can leave"
            # shellcheck disable=SC2016 # for the inner shell
            run unshare $wall sh -c 'ip link set lo up && "$@"; exit $?' sh "$@"
            return
        fi
    done
    say "no network namespace can be had here: runs as it is"
    run "$@"
}

enclosure_close() {
    [ -n "$enclosure" ] || return
    # The command that was not waited for, if there is one.
    if [ "${!-}" != "$waited_for" ]; then kill -s KILL "$!" 2>/dev/null; fi
    patience=100
    while [ "$patience" -gt 0 ]; do
        remaining=$(enclosure_processes)
        [ -n "$remaining" ] || break
        # shellcheck disable=SC2086 # a list
        kill -s KILL $remaining 2>/dev/null
        sleep 0.1
        patience=$((patience - 1))
    done
    rm -rf "$enclosure"
    enclosure=
}

enclosure_killed() {
    trap '' HUP INT TERM
    enclosure_close
    trap - EXIT "$1"
    kill -s "$1" $$
}

# The processes that have our directory in their environment or their arguments. (tor hides its environment from all
# but root, but it was told a configuration file that lies in there.)
enclosure_processes() {
    if [ -r /proc/self/cmdline ]; then
        # shellcheck disable=SC2062 # the last two are files, the pattern comes from standard input
        printf '%s\n' "$enclosure" | grep -lsaF -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline | cut -d / -f 3
    else
        # shellcheck disable=SC2009 # pgrep cannot see the environment
        enclosure=$enclosure ps -A -o pid= -o args= | awk 'index($0, ENVIRON["enclosure"]) { print $1 }'
    fi
}
