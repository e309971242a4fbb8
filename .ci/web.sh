#!/usr/bin/env bash
# The browser: redress-std and redress-embassy as WASM, the example page, and all of them in a headless Chromium.
#
#   .ci/web.sh            all of it, in this order:
#   .ci/web.sh setup      WASM target, wasm-bindgen, Chromium and its driver; changes nothing where they are there
#   .ci/web.sh lint       clippy and formatting, on the host and for WASM
#   .ci/web.sh build      the page, in release, with the size of its WASM
#   .ci/web.sh test       what `Web` promises, in a page and in a worker; what `Embassy` does in a page; the server, and the page
#                         against the server's log
#   .ci/web.sh serve      builds the page and serves it; `--port N` and other words go to the server
#
# CARGO_TARGET_DIR      artifacts, default examples/web/target
# WEB_SHOTS             screenshots, default target/web
# FIRMWARE_COMPILER     as in firmware.sh
set -euo pipefail

# shellcheck source=.ci/firmware.sh
source "$(dirname "${BASH_SOURCE[0]}")/firmware.sh"

WEB_DIR=$FIRMWARE_ROOT/examples/web
WEB_TARGET=wasm32-unknown-unknown
WEB_TARGET_DIR=${CARGO_TARGET_DIR:-$WEB_DIR/target}
WEB_SITE=$WEB_TARGET_DIR/site
WEB_TOOLS=$FIRMWARE_ROOT/target/tools
export WEB_SHOTS=${WEB_SHOTS:-$FIRMWARE_ROOT/target/web}
export CARGO_TERM_COLOR=never

# Of what firmware.sh does, the choice of the compiler serves here as well, for another target.
firmware_targets() { printf '%s\n' "$WEB_TARGET"; }

# --- setup ---------------------------------------------------------------------------------------------------------

# The JavaScript side is made by a tool whose version has to be that of the library.
web_bindgen_version() { awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3 }' "$WEB_DIR/Cargo.lock"; }

web_setup_build() {
    local version
    if [ "${FIRMWARE_COMPILER:-rustup}" = rustup ] && ! firmware_rustup_has "$WEB_TARGET"; then
        rustup target add "$WEB_TARGET" || firmware_say "no $WEB_TARGET from rustup"
    fi
    if [ "$(firmware_compiler)" = debian ] && ! { firmware_debian_has && firmware_have wasm-ld-19; }; then
        firmware_apt rustc-web cargo-web rust-web-src lld-19
    fi
    version=$(web_bindgen_version)
    export PATH=$WEB_TOOLS/bin:$PATH
    if ! firmware_have wasm-bindgen || [ "$(wasm-bindgen --version)" != "wasm-bindgen $version" ]; then
        # Its own lock file may name what a mirror of the registry does not have yet. It talks to a driver on loopback: no TLS.
        local install=(cargo install -q --debug --no-default-features --force --root "$WEB_TOOLS" --target-dir "$WEB_TOOLS/build"
            --bin wasm-bindgen --bin wasm-bindgen-test-runner "wasm-bindgen-cli@$version")
        "${install[@]}" --locked || "${install[@]}"
    fi
}

web_setup() {
    web_setup_build
    firmware_have chromium chromedriver || firmware_apt chromium chromium-driver
    firmware_say "compiler: $(firmware_compiler); $(wasm-bindgen --version); $(chromium --version)"
}

# --- build ---------------------------------------------------------------------------------------------------------

# cargo for WASM, whichever compiler there is. Two compilers in one directory would undo each other's work, so the
# second has its own.
web_cargo() {
    local verb=$1
    shift
    if [ "$(firmware_compiler)" = rustup ]; then
        (cd "$WEB_DIR" && CARGO_TARGET_DIR=$WEB_TARGET_DIR cargo "$verb" --locked --target "$WEB_TARGET" "$@")
    else
        (
            cd "$WEB_DIR"
            export CARGO_TARGET_DIR=$WEB_TARGET_DIR/debian RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
            export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
            /usr/bin/cargo "$verb" --locked -Zbuild-std=std,panic_abort --target "$WEB_TARGET" "$@"
        )
    fi
}

web_host() { # verb words...
    local verb=$1
    shift
    (cd "$WEB_DIR" && CARGO_TARGET_DIR=$WEB_TARGET_DIR cargo "$verb" --locked "$@")
}

web_build() {
    local wasm directory=$WEB_TARGET_DIR
    [ "$(firmware_compiler)" = rustup ] || directory=$directory/debian
    web_cargo build --release -p web-page
    wasm=$directory/$WEB_TARGET/release/web_page.wasm
    wasm-bindgen --target web --no-typescript --out-dir "$WEB_SITE" "$wasm"
    wasm=$WEB_SITE/web_page_bg.wasm
    firmware_say "the page's WASM: $(wc -c <"$wasm") B, gzipped $(gzip -9 -c "$wasm" | wc -c) B;" \
        "its JavaScript: $(wc -c <"$WEB_SITE/web_page.js") B, gzipped $(gzip -9 -c "$WEB_SITE/web_page.js" | wc -c) B"
}

web_lint() {
    (cd "$WEB_DIR" && cargo fmt --all --check)
    web_host clippy --workspace --all-targets -- -D warnings
    if [ "$(firmware_compiler)" != rustup ]; then
        firmware_say "clippy for WASM needs rustup's target: left out"
        return
    fi
    web_cargo clippy -p web-page --all-targets -- -D warnings
    # Without the feature as well: what is not there must not be missed.
    (
        cd "$FIRMWARE_ROOT"
        CARGO_TARGET_DIR=$WEB_TARGET_DIR cargo clippy --locked --target "$WEB_TARGET" -p redress-std --no-deps --lib -- -D warnings
        CARGO_TARGET_DIR=$WEB_TARGET_DIR cargo clippy --locked --target "$WEB_TARGET" -p redress-std --no-deps --lib \
            --features web,http,log,tracing,metrics,serde,macros -- -D warnings
        CARGO_TARGET_DIR=$WEB_TARGET_DIR cargo clippy --locked --target "$WEB_TARGET" -p redress-embassy --no-deps --lib \
            --test browser -- -D warnings
    )
}

# --- test ----------------------------------------------------------------------------------------------------------

web_test() {
    firmware_say "what Web promises, in a page and in a worker"
    # As a program would: the tests' runner reads these.
    export WASM_BINDGEN_TEST_TIMEOUT=60 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner CHROMEDRIVER
    CHROMEDRIVER=$(command -v chromedriver)
    web_cargo test -p web-page --tests
    firmware_say "what Embassy does, in a page"
    WASM_BINDGEN_TEST_WEBDRIVER_JSON=$WEB_DIR/page/webdriver.json \
        web_cargo test --manifest-path "$FIRMWARE_ROOT/redress-embassy/Cargo.toml" --test browser
    firmware_say "the server, and the page against the server's log"
    mkdir -p "$WEB_SHOTS"
    # Together, so that what both need is built once.
    WEB_SITE=$WEB_SITE web_host test -p web-server -p web-browser -- --nocapture --test-threads=1
    firmware_say "screenshots in ${WEB_SHOTS#"$FIRMWARE_ROOT"/}"
}

web_serve() {
    web_setup_build
    web_build
    web_host run -q -p web-server -- --wasm "$WEB_SITE" "$@"
}

web() {
    case ${1:-all} in
        setup) web_setup ;;
        lint | build) web_setup_build && "web_$1" ;;
        test) web_setup && web_test ;;
        serve) web_serve "${@:2}" ;;
        all)
            web_setup
            web_lint
            web_build
            web_test
            ;;
        *)
            firmware_say "usage: web.sh [setup|lint|build|test|serve]"
            return 2
            ;;
    esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    web "$@"
fi
