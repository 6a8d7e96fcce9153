#!/usr/bin/env bash
# Runs every ```sh block of README.md verbatim, in order, in a fresh clone of HEAD. `make run` stays in the background until the last
# block, then is sent SIGINT and must exit 0; `make test` is left out, since it calls this script. The program is built as the tests build
# it, since a release build takes five minutes of two cores; `PROFILE=release scripts/test-readme.sh` does that.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target} NO_COLOR=1
unset ENTREPOT_CONFIG
work=$(mktemp -d)
run=
finish() {
    if [ -n "$run" ]; then kill -KILL -- "-$run" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT
fail() {
    echo "README: $1" >&2
    for log in "$work"/run.* "$work"/block.*; do if [ -s "$log" ]; then echo "--- $log" >&2; tail -20 "$log" >&2; fi; done
    exit 1
}

git clone --quiet "$root" "$work/clone"
cd "$work/clone"
# What is not committed yet is tried as well.
git -C "$root" diff --binary HEAD | git apply --allow-empty --whitespace=nowarn -

# One file a block.
awk -v to="$work/part" '/^```sh$/ { n++; on = 1; next } /^```/ { on = 0 } on { print > (to "." sprintf("%02d", n)) }' README.md
ls "$work"/part.* >/dev/null 2>&1 || fail "has no sh block"

# The build of the clone goes where other builds are; a link gives it the path that the README names.
export PROFILE=${PROFILE:-test}
built=$PROFILE
case $PROFILE in test | dev) built=debug ;; esac
mkdir -p "$CARGO_TARGET_DIR/$built" target && ln -s "$CARGO_TARGET_DIR/$built" target/release
if (exec 3<>/dev/tcp/127.0.0.1/9464) 2>/dev/null; then fail "port 9464 of 127.0.0.1 is taken; stop what listens there"; fi

start() {
    # A group of its own, so that nothing of it is left behind.
    setsid bash "$1" >"$work/run.out" 2>"$work/run.err" &
    run=$!
    for _ in $(seq 1800); do
        if grep -q '^running until Ctrl-C' "$work/run.out"; then return; fi
        kill -0 "$run" 2>/dev/null || fail "make run ended before its table was there"
        sleep 0.5
    done
    fail "make run shows no table within fifteen minutes"
}

echo 'set -euo pipefail' >"$work/session"
for part in "$work"/part.*; do
    case $(cat "$part") in
        "make run") start "$part" ;;
        "make test") ;;
        *) cat "$part" >>"$work/session" ;;
    esac
done
[ -n "$run" ] || fail "does not say make run"
bash "$work/session" >"$work/block.out" 2>"$work/block.err" || fail "a command failed"

for said in '^FAMILY  *CORRIDOR' ' consumed = .* balanced$' ' movements = .* balanced$' '/metrics '; do
    grep -q "$said" "$work/run.out" || fail "make run does not print $said"
done
for said in 'the same, byte for byte' '"kind":"replay"' 'dlq.reason *unknown_country' '^entrepot_build_info' '"ready":true' \
    '2 taken' '"kind":"assessment"'; do
    grep -q "$said" "$work/block.out" || fail "no command prints $said"
done

# To entrepot alone: make would end by the signal itself, whatever the program's exit code.
kill -INT "$(pgrep -g "$run" -x entrepot)"
code=0
wait "$run" || code=$?
run=
[ "$code" = 0 ] || fail "make run exits $code after SIGINT"
echo "README: $(ls "$work"/part.* | wc -l) blocks, as they stand"
