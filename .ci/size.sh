#!/usr/bin/env bash
# Measures redress on bare metal: flash, RAM, stack, instructions; and proves that nothing in it can panic.
#
#   .ci/size.sh                  lints, the no-panic images, the table held to its bars and to tests/SIZE.md
#   .ci/size.sh --print          the table, without a check
#   .ci/size.sh --check          the table; fails where a bar is missed, where a row grew by more than 5 % over tests/SIZE.md,
#                                and where growth that is planted into what was measured would not be seen
#   .ci/size.sh --write          the table, written to tests/SIZE.md
#   .ci/size.sh --print matrix   the matrix: all rows, in other profiles and on other targets; --check and --write as above, with
#                                tests/SIZE-MATRIX.md
#   .ci/size.sh no-panic         the no-panic images
#   .ci/size.sh lint             clippy and formatting
#
# CARGO_TARGET_DIR      artifacts, default tests/size/target
# FIRMWARE_COMPILER     as in firmware.sh
set -euo pipefail

# shellcheck source=.ci/firmware.sh
source "$(dirname "${BASH_SOURCE[0]}")/firmware.sh"

SIZE_DIR=$FIRMWARE_ROOT/tests/size
FIRMWARE_WORKSPACE=$SIZE_DIR
FIRMWARE_TARGET_DIR=${CARGO_TARGET_DIR:-$SIZE_DIR/target}
SIZE_TARGETS=(thumbv6m-none-eabi thumbv7em-none-eabi riscv32imc-unknown-none-elf)
# target:board
SIZE_CORES=(thumbv6m-none-eabi:microbit thumbv7m-none-eabi:lm3s6965evb)
NO_PANIC_IMAGES=(no-panic no-panic-async)
NO_PANIC_TARGETS=(thumbv6m-none-eabi thumbv7m-none-eabi riscv32imc-unknown-none-elf)

# The targets for which firmware.sh finds a compiler.
firmware_targets() { printf '%s\n' "${SIZE_TARGETS[@]}" "${NO_PANIC_TARGETS[@]}" | sort -u; }

size_directory() {
    if [ "$(firmware_compiler)" = rustup ]; then
        printf '%s\n' "$FIRMWARE_TARGET_DIR"
    else
        printf '%s\n' "$FIRMWARE_TARGET_DIR/debian"
    fi
}

size_setup() {
    local target
    if [ "${FIRMWARE_COMPILER:-rustup}" = rustup ]; then
        for target in $(firmware_targets); do
            firmware_rustup_has "$target" || rustup target add "$target" || firmware_say "no $target from rustup"
        done
    fi
    if [ "$(firmware_compiler)" = debian ] && ! firmware_debian_has; then
        firmware_apt rustc-web cargo-web rust-web-src lld-19
    fi
    firmware_have qemu-system-arm || firmware_apt qemu-system-arm
}

size_lint() {
    (cd "$SIZE_DIR" && cargo fmt --check)
    if [ "$(firmware_compiler)" != rustup ]; then
        firmware_say "clippy on the images needs rustup's targets: left out"
        return
    fi
    firmware_cargo clippy thumbv6m-none-eabi -p board -p images -p no-panic -p runs -- -D warnings
    firmware_cargo clippy thumbv6m-none-eabi -p rp2040 -- -D warnings
    (cd "$SIZE_DIR" && CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR cargo clippy --locked -p table -- -D warnings)
}

# Checks that each image links for all targets, and with one `unwrap` in it for none, and for no other reason.
size_no_panic() {
    local target image
    for target in "${NO_PANIC_TARGETS[@]}"; do
        for image in "${NO_PANIC_IMAGES[@]}"; do
            firmware_say "$image for $target"
            size_no_panic_image "$target" "$image"
        done
    done
    firmware_say "nothing in the no-panic images can panic; with an unwrap in them, they do not link"
}

size_no_panic_image() { # target image
    local log
    log=$(mktemp)
    firmware_cargo build "$1" --release -p no-panic --bin "$2"
    if firmware_cargo build "$1" --release -p no-panic --bin "$2" --features unwrap 2>"$log"; then
        firmware_say "FAIL $2 for $1: it links with an unwrap in it, so its linking proves nothing"
        return 1
    fi
    if ! grep -q "undefined symbol: something_in_this_image_can_panic" "$log"; then
        firmware_say "FAIL $2 for $1: with an unwrap in it, it fails for another reason:"
        cat "$log" >&2
        return 1
    fi
    rm "$log"
}

# Runs images on emulated cores and collects what they print: `target name number` in each line.
size_runs() { # file
    local target board
    : >"$1"
    for target in "${SIZE_CORES[@]}"; do
        board=${target#*:} target=${target%%:*}
        firmware_say "runs on $board"
        firmware_cargo build "$target" --release -p runs
        timeout 60 qemu-system-arm -M "$board" -icount shift=0 -display none -monitor none -serial none \
            -semihosting-config enable=on,target=native -kernel "$(size_directory)/$target/release/runs" </dev/null |
            sed "s/^/$target /" >>"$1"
    done
}

size_table() { # print|check|write size|matrix
    local mode=$1 set=$2 table builds package target profile images
    table=$FIRMWARE_TARGET_DIR/debug/table
    (cd "$SIZE_DIR" && CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR cargo build --locked -p table)
    builds=$("$table" images "$set")
    while read -r package target profile images; do
        firmware_say "$package for $target, $profile"
        # shellcheck disable=SC2086
        firmware_cargo build "$target" --profile "$profile" -p "$package" $(printf -- '--bin %s ' $images) </dev/null
    done <<<"$builds"
    local measured=("$set" "$(size_directory)")
    if [ "$set" = size ]; then
        measured+=("$(size_directory)/runs")
        size_runs "${measured[-1]}"
    fi
    (cd "$FIRMWARE_ROOT" && "$table" "$mode" "${measured[@]}")
}

size() {
    size_setup
    case ${1:-all} in
        lint) size_lint ;;
        no-panic) size_no_panic ;;
        --print | --check | --write) size_table "${1#--}" "${2:-size}" ;;
        all)
            size_lint
            size_no_panic
            size_table check size
            ;;
        *)
            firmware_say "usage: size.sh [--print|--check|--write [size|matrix]|no-panic|lint]"
            return 2
            ;;
    esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    size "$@"
fi
