#!/usr/bin/env bash
# Firmware images: gets the tools, builds every image, runs every image on an emulated core.
#
#   .ci/firmware.sh            all of it, in this order:
#   .ci/firmware.sh setup      emulators, targets, log decoder; changes nothing where they are there
#   .ci/firmware.sh lint       clippy on each image's own target
#   .ci/firmware.sh build      images, in release, and modem
#   .ci/firmware.sh test       frame protocol, on the host
#   .ci/firmware.sh run        images under QEMU; their exit codes decide
#
# The modem is of the host's workspace, with which `.ci/run clippy test` looks at it.
#
# CARGO_TARGET_DIR      artifacts, default examples/firmware/target, the modem's target
# FIRMWARE_LOGS         logs, default target/firmware-logs
# FIRMWARE_COMPILER     rustup or debian, default the first of the two that has the targets
#
# May be sourced: it then only defines `firmware` and the functions that it calls.
set -euo pipefail

FIRMWARE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FIRMWARE_DIR=$FIRMWARE_ROOT/examples/firmware
FIRMWARE_TARGET_DIR=${CARGO_TARGET_DIR:-$FIRMWARE_DIR/target}
FIRMWARE_LOGS=${FIRMWARE_LOGS:-$FIRMWARE_ROOT/target/firmware-logs}
FIRMWARE_MODEM=$FIRMWARE_ROOT/tests/modem
FIRMWARE_TOOLS=$FIRMWARE_TARGET_DIR/tools

# package:target
FIRMWARE_IMAGES=(
    uplink:thumbv7m-none-eabi
    night:thumbv7m-none-eabi
    sensor:thumbv6m-none-eabi
    interrupts:thumbv6m-none-eabi
    riscv-blocking:riscv32imc-unknown-none-elf
)

# Artifacts are made once here and seldom debugged.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0

firmware_say() { printf '%s\n' "$*" >&2; }

# --- setup ---------------------------------------------------------------------------------------------------------

firmware_have() {
    local tool
    for tool in "$@"; do command -v "$tool" >/dev/null || return 1; done
}

firmware_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Installs packages of the distribution. One that is there already in a backported version may forbid the release's
# own: then they are taken from the backports too. Nothing is ever removed, and the machine's list of sources stays as
# it is.
firmware_apt() {
    local flags=(-y -q --no-install-recommends --no-remove)
    export DEBIAN_FRONTEND=noninteractive
    firmware_root apt-get update -q || firmware_say "package lists are not up to date"
    if firmware_root apt-get install "${flags[@]}" "$@"; then return; fi

    local codename lists site sources
    codename=$(. /etc/os-release && [ "$ID" = debian ] && printf %s "$VERSION_CODENAME") || {
        firmware_say "cannot install: $*"
        return 1
    }
    firmware_say "trying $codename-backports"
    lists=$(mktemp -d)
    # apt drops to a user of its own while it downloads.
    chmod 755 "$lists"
    mkdir -p "$lists/state/partial" "$lists/parts"
    # The mirror which this machine uses already.
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)
    [ -n "$site" ] || { firmware_say "no mirror is configured"; return 1; }
    printf "deb $site %s main\n" "$codename" "$codename-updates" "$codename-backports" >"$lists/sources.list"
    sources=(
        -o "Dir::Etc::sourcelist=$lists/sources.list" -o "Dir::Etc::sourceparts=$lists/parts"
        -o "Dir::State::lists=$lists/state"
    )
    local result=0
    firmware_root apt-get "${sources[@]}" update -q &&
        firmware_root apt-get "${sources[@]}" install "${flags[@]}" -t "$codename-backports" "$@" || result=$?
    firmware_root rm -r "$lists"
    return "$result"
}

firmware_targets() { printf '%s\n' "${FIRMWARE_IMAGES[@]#*:}" | sort -u; }

firmware_rustup_has() { [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; }

firmware_rustup_has_all() {
    local target
    for target in $(firmware_targets); do firmware_rustup_has "$target" || return 1; done
}

firmware_debian_has() { [ -x /usr/bin/cargo ] && [ -d /usr/lib/rustlib/src/rust/library/core ] && firmware_have ld.lld-19; }

firmware_compiler() {
    if [ -n "${FIRMWARE_COMPILER:-}" ]; then
        printf '%s\n' "$FIRMWARE_COMPILER"
    elif firmware_rustup_has_all; then
        echo rustup
    else
        echo debian
    fi
}

firmware_setup() {
    if ! firmware_have qemu-system-arm qemu-system-riscv32 arm-none-eabi-objdump; then
        firmware_apt qemu-system-arm qemu-system-misc binutils-arm-none-eabi
        # Newer releases have it in a package of its own.
        firmware_have qemu-system-riscv32 || firmware_apt qemu-system-riscv
    fi

    local target
    if [ "${FIRMWARE_COMPILER:-rustup}" = rustup ]; then
        for target in $(firmware_targets); do
            firmware_rustup_has "$target" || rustup target add "$target" || firmware_say "no $target from rustup"
        done
    fi
    if [ "$(firmware_compiler)" = debian ] && ! firmware_debian_has; then
        firmware_apt rustc-web cargo-web rust-web-src lld-19
    fi

    [ -x "$FIRMWARE_TOOLS/bin/defmt-print" ] ||
        cargo install -q --debug --locked --root "$FIRMWARE_TOOLS" --target-dir "$FIRMWARE_TOOLS/build" defmt-print
    firmware_say "compiler: $(firmware_compiler); $(qemu-system-arm --version | head -n 1)"
}

# --- build ---------------------------------------------------------------------------------------------------------

# cargo for a bare target, whichever compiler there is. Two compilers in one directory would undo each other's work, so
# the second has its own.
firmware_cargo() {
    local verb=$1 target=$2
    shift 2
    if [ "$(firmware_compiler)" = rustup ]; then
        (cd "${FIRMWARE_WORKSPACE:-$FIRMWARE_DIR}" && CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR cargo "$verb" --locked --target "$target" "$@")
    else
        (
            cd "${FIRMWARE_WORKSPACE:-$FIRMWARE_DIR}"
            export CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR/debian RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
            export RUSTFLAGS="-C linker-flavor=ld.lld -C linker=ld.lld-19"
            /usr/bin/cargo "$verb" --locked -Zbuild-std=core --target "$target" "$@"
        )
    fi
}

firmware_elf() {
    local package=$1 entry directory=$FIRMWARE_TARGET_DIR
    [ "$(firmware_compiler)" = rustup ] || directory=$directory/debian
    for entry in "${FIRMWARE_IMAGES[@]}"; do
        if [ "${entry%%:*}" = "$package" ]; then
            printf '%s/%s/release/%s\n' "$directory" "${entry#*:}" "$package"
            return
        fi
    done
    firmware_say "no image is called $package"
    return 1
}

firmware_build() {
    local entry
    for entry in "${FIRMWARE_IMAGES[@]}"; do
        firmware_say "build ${entry%%:*} for ${entry#*:}"
        DEFMT_LOG=${DEFMT_LOG:-debug} firmware_cargo build "${entry#*:}" --release -p "${entry%%:*}"
    done
    # It waits for a slow line, so it may be slow itself. Of what it needs, most is there after the README's test command.
    (cd "$FIRMWARE_ROOT" && cargo build --workspace --all-features --bin modem)
}

firmware_lint() {
    local entry
    (cd "$FIRMWARE_DIR" && CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR cargo clippy --locked --all-targets -p frame -- -D warnings)
    (cd "$FIRMWARE_DIR" && cargo fmt --all --check)
    if [ "$(firmware_compiler)" != rustup ]; then
        firmware_say "clippy on the images needs rustup's targets: left out"
        return
    fi
    for entry in "${FIRMWARE_IMAGES[@]}"; do
        firmware_cargo clippy "${entry#*:}" -p "${entry%%:*}" -p firmware-support -- -D warnings
    done
}

firmware_test() {
    (cd "$FIRMWARE_DIR" && CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR cargo test -q --locked -p frame)
}

# --- run -----------------------------------------------------------------------------------------------------------

FIRMWARE_PASSED=0
FIRMWARE_FAILED=0

firmware_verdict() { # run code wanted
    if [ "$2" = "$3" ]; then
        FIRMWARE_PASSED=$((FIRMWARE_PASSED + 1))
        firmware_say "pass $1"
    else
        FIRMWARE_FAILED=$((FIRMWARE_FAILED + 1))
        firmware_say "FAIL $1: $2 instead of $3 (exit codes; 124 is the time limit); its log:"
        cat "$FIRMWARE_LOGS/$1".* >&2 || true
    fi
}

# Runs an image within a time limit. Returns its exit code. What it prints goes to NAME.out and, where it is a binary
# log, decoded to NAME.log; a panic to NAME.err.
firmware_qemu() { # name package seconds serial words...
    local name=$1 package=$2 seconds=$3 serial=$4
    shift 4
    local elf machine word semihosting="enable=on,target=native,arg=$package" code=0
    elf=$(firmware_elf "$package") || return
    for word in "$@"; do semihosting+=",arg=$word"; done
    case $elf in
        */thumbv7m-*) machine=(qemu-system-arm -M lm3s6965evb) ;;
        */thumbv6m-*) machine=(qemu-system-arm -M microbit) ;;
        */riscv32*) machine=(qemu-system-riscv32 -M virt -bios none) ;;
    esac
    # Where nothing but the image takes part, time is counted in instructions and idle time skipped: such a run repeats
    # exactly, however busy the host is. An instruction takes 64 ns, nearly the cycle of the board's 16 MHz.
    case $package in
        sensor | interrupts | riscv-blocking) machine+=(-icount "shift=6,sleep=off") ;;
    esac
    local line=(-serial none)
    [ -z "$serial" ] || line=(-chardev "socket,id=line,path=$serial,server=on,wait=on" -serial chardev:line)
    timeout "$seconds" "${machine[@]}" -display none -monitor none "${line[@]}" \
        -semihosting-config "$semihosting" -kernel "$elf" \
        </dev/null >"$FIRMWARE_LOGS/$name.out" 2>"$FIRMWARE_LOGS/$name.err" || code=$?
    if [ "$package" = uplink ]; then
        "$FIRMWARE_TOOLS/bin/defmt-print" -e "$elf" <"$FIRMWARE_LOGS/$name.out" >"$FIRMWARE_LOGS/$name.log" || return 125
        rm "$FIRMWARE_LOGS/$name.out"
    fi
    return "$code"
}

firmware_run_image() { # name package seconds wanted words...
    local name=$1 package=$2 seconds=$3 wanted=$4 code=0
    shift 4
    firmware_qemu "$name" "$package" "$seconds" "" "$@" || code=$?
    firmware_verdict "$name" "$code" "$wanted"
}

# Devices and a modem, joined by sockets. The modem's verdict counts, and so does each device's.
firmware_run_session() { # name script scale seconds requests device...
    local name=$1 script=$2 scale=$3 seconds=$4 requests=$5
    shift 5
    # Not under the log directory: a socket's path may have 107 bytes.
    local sockets device code pids=() lines=()
    sockets=$(mktemp -d)
    for device in "$@"; do
        firmware_qemu "$name-$device" uplink "$seconds" "$sockets/$device" \
            "device=$device" "requests=$requests" "scale=$scale" &
        pids+=("$!")
        lines+=(--connect "unix:$sockets/$device")
    done
    code=0
    "${CARGO_TARGET_DIR:-$FIRMWARE_ROOT/target}/debug/modem" --script "$FIRMWARE_MODEM/scripts/$script.toml" --scale "$scale" \
        --limit "$seconds" "${lines[@]}" >"$FIRMWARE_LOGS/$name-modem.log" 2>&1 || code=$?
    firmware_verdict "$name-modem" "$code" 0
    for device in "$@"; do
        code=0
        wait "${pids[0]}" || code=$?
        pids=("${pids[@]:1}")
        firmware_verdict "$name-$device" "$code" 0
    done
    rm -r "$sockets"
}

# The decoded log of a device tells of each of these events, with its operation.
firmware_expect_events() { # log event...
    local log=$1 event code=0
    shift
    for event in "$@"; do
        grep -q "uplink: $event attempt=" "$FIRMWARE_LOGS/$log.log" || code=1
    done
    firmware_verdict "$log" "$code" 0
}

# A device that loses its RAM is started again with what it printed last, for as long as it asks to be. Its clock has a
# battery.
firmware_run_night_without_power() {
    local name code=10 start=0 words=(device=7 power=off)
    while [ "$code" = 10 ] && [ "$start" -lt 10 ]; do
        start=$((start + 1)) code=0
        name=night-power-$start
        firmware_qemu "$name" night 20 "" "${words[@]}" "rtc=$(date +%s%3N)" || code=$?
        words=(device=7 power=off "$(sed -n 's/^\(checkpoint=[0-9a-f]*\)$/\1/p' "$FIRMWARE_LOGS/$name.out")")
    done
    firmware_verdict "$name" "$code" 0
}

# A record that nobody wrote is refused, and the night begins from the start.
firmware_run_night_with_garbage() { # name record
    local name=$1 code=0
    firmware_qemu "$name" night 20 "" device=7 power=off "checkpoint=$2" || code=$?
    grep -q "^refused: " "$FIRMWARE_LOGS/$name.out" && grep -q "^cold start" "$FIRMWARE_LOGS/$name.out" || code=1
    firmware_verdict "$name" "$code" 10
}

firmware_run() {
    rm -rf "$FIRMWARE_LOGS"
    mkdir -p "$FIRMWARE_LOGS"
    FIRMWARE_PASSED=0 FIRMWARE_FAILED=0

    firmware_run_image sensor sensor 20 0 device=7
    # The counter wraps six seconds after the start, in the middle of the outage.
    firmware_run_image sensor-late sensor 20 0 device=8 first=4294961296
    firmware_run_image sensor-wrap sensor 20 0 device=9 wrap
    firmware_run_image sensor-without-id sensor 20 2
    firmware_run_image interrupts interrupts 60 0
    firmware_run_image night-reset night 20 0 device=7
    firmware_run_image night-without-id night 20 2
    firmware_run_night_without_power
    firmware_run_night_with_garbage night-noise "$(head -c 73 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
    firmware_run_night_with_garbage night-short "$(head -c 7 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
    firmware_run_image riscv riscv-blocking 20 0 device=7
    firmware_run_image riscv-without-id riscv-blocking 20 2
    firmware_run_image uplink-without-id uplink 10 2
    firmware_run_session healthy healthy 1 20 5 7
    firmware_run_session faults faults 1 60 14 7 1007
    # The minute of outage takes fifteen seconds.
    firmware_run_session outage outage 4 90 8 7 1007
    firmware_expect_events outage-7 retry max_attempts_exceeded budget_exhausted circuit_opened circuit_rejected \
        circuit_half_open circuit_closed success

    firmware_say "$FIRMWARE_PASSED passed, $FIRMWARE_FAILED failed; logs in ${FIRMWARE_LOGS#"$FIRMWARE_ROOT"/}"
    [ "$FIRMWARE_FAILED" = 0 ]
}

firmware() {
    case ${1:-all} in
        setup | lint | build | test | run) "firmware_$1" ;;
        all)
            firmware_setup
            firmware_lint
            firmware_build
            firmware_test
            firmware_run
            ;;
        *)
            firmware_say "usage: firmware.sh [setup|lint|build|test|run]"
            return 2
            ;;
    esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    firmware "$@"
fi
