# Short names for what contributors do often: `just NAME` runs one of them, and
# `just` lists them. Each is a line that can be typed without just, too.

# Prints this list.
default:
    @just --list

# Shows what scape does, on a private Tor network.
demo:
    scripts/demo

# Runs all tests, or those of one binary: `just test network_cases live_state`.
test *ARGUMENTS:
    {{ if ARGUMENTS == "" { "scripts/test" } else { "cargo test --all-features --test " + ARGUMENTS } }}

# Runs the tests that need no tor.
quick:
    cargo test --all-features --lib
    cargo test --workspace --exclude scape --exclude scape-cli --all-features --lib --tests
    cargo test --all-features --test floors --test circles --test api --test prose --test coverage --test pages

# Compiles and runs the code of the guide, or of one chapter: `just guide events`.
guide *CHAPTER:
    cargo test -p scape-guide --doc -- {{ CHAPTER }}

# Builds the guide as a site in target/guide.
book:
    scripts/guide

# Formats the code.
format:
    cargo fmt --all

# Runs clippy on everything.
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Builds the documentation as docs.rs does. It needs a nightly toolchain.
docs:
    RUSTDOCFLAGS="--cfg docsrs -D warnings" cargo +nightly doc --no-deps --all-features -p scape -p scape-proto -p scape-manual

# Writes the list of the public API again, after a change of it.
api:
    SCAPE_UPDATE=1 cargo test --all-features --test api

# Measures the command (`command`, `monitor`).
bench-command NAME:
    cargo bench -p scape-cli --bench {{ NAME }}

# Measures the library: `just bench round_trip`.
bench NAME:
    cargo bench -p scape-benches --bench {{ NAME }} -- --quick

# Makes the pictures of the monitor again.
screenshots:
    scripts/screenshots

# Makes the static program and the Debian package.
package:
    scripts/package

# Checks everything that must hold for a change, in about half an hour.
ci:
    .ci/run
