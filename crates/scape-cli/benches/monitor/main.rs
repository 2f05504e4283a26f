//! The processor time and memory that `scape monitor` takes beside a busy
//! relay. See `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-cli --bench monitor`. The relay is a
//! scripted tor that knows 9,000 relays, has 5,000 OR connections and 2,000
//! circuits, and sends about a hundred events a second. Each page is shown for
//! ten seconds on a terminal of 160 columns and 50 rows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice
)]

#[cfg(target_os = "linux")]
mod relay;

#[cfg(target_os = "linux")]
fn main() {
    relay::measure();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("this benchmark reads /proc, so it needs Linux");
}
