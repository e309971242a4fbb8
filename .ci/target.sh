#!/usr/bin/env bash
# Proves that emulated cores decide as the host does: chooses vectors, compiles them into an image for each core, runs it.
# Every image also has to fail once, with an expectation changed in it.
#
# CARGO_TARGET_DIR      artifacts, default examples/firmware/target
# FIRMWARE_COMPILER     as in firmware.sh
set -euo pipefail

# shellcheck source=.ci/firmware.sh
source "$(dirname "${BASH_SOURCE[0]}")/firmware.sh"

# target:board
TARGET_CORES=(
    thumbv6m-none-eabi:microbit
    thumbv7m-none-eabi:lm3s6965
    riscv32imc-unknown-none-elf:virt
)
# The expectation that is changed: the first, one of the calls in the middle, one of the delays and budgets at the end.
TARGET_PLANTS=(0 4321 last)

# Runs the image of a core with these words. Returns its exit code.
target_image() { # target board words...
    local target=$1 board=$2 word semihosting="enable=on,target=native,arg=vectors" machine directory=$FIRMWARE_TARGET_DIR
    shift 2
    for word in "$@"; do semihosting+=",arg=$word"; done
    case $board in
        microbit) machine=(qemu-system-arm -M microbit) ;;
        lm3s6965) machine=(qemu-system-arm -M lm3s6965evb) ;;
        virt) machine=(qemu-system-riscv32 -M virt -bios none) ;;
    esac
    [ "$(firmware_compiler)" = rustup ] || directory=$directory/debian
    timeout 60 "${machine[@]}" -display none -monitor none -serial none -semihosting-config "$semihosting" \
        -kernel "$directory/$target/release/vectors" </dev/null
}

target_core() { # target board
    local code=0 log values plant
    log=$(mktemp)
    # Nothing is looked up in its debug sections.
    CARGO_PROFILE_RELEASE_DEBUG=0 firmware_cargo build "$1" --release -p vectors --features "$2"
    target_image "$1" "$2" >"$log" || code=$?
    sed "s/^/$1: /" "$log" >&2
    [ "$code" = 0 ] || { firmware_say "FAIL $1: exit code $code"; return 1; }
    values=$(sed -n 's/.* \([0-9]*\) values compared.*/\1/p' "$log")
    for plant in "${TARGET_PLANTS[@]}"; do
        [ "$plant" != last ] || plant=$((values - 1))
        code=0
        target_image "$1" "$2" "plant=$plant" >"$log" || code=$?
        if [ "$code" != 1 ] || [ "$(grep -c '^DIFFERS .*, item [0-9]*: expected .*, got ' "$log")" != 1 ]; then
            firmware_say "FAIL $1: with expectation $plant changed, exit code $code and:"
            cat "$log" >&2
            return 1
        fi
        firmware_say "$1: found as planted: $(grep -m1 '^DIFFERS' "$log")"
    done
    rm "$log"
}

firmware_setup
mkdir -p "$FIRMWARE_TARGET_DIR"
export REDRESS_TABLE=$FIRMWARE_TARGET_DIR/vectors.rs
(cd "$FIRMWARE_ROOT" && cargo run -q -p redress-tests --bin tables -- "$REDRESS_TABLE")
if [ "$(firmware_compiler)" = rustup ]; then
    firmware_cargo clippy thumbv6m-none-eabi -p vectors --features microbit -- -D warnings
fi
for core in "${TARGET_CORES[@]}"; do
    target_core "${core%%:*}" "${core#*:}"
done
