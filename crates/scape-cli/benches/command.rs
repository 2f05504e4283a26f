//! Measures the time that whole processes of `scape` take. See
//! `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-cli --bench command`. `scape status` is
//! compared with a bare program, for which the benchmark runs its own
//! executable again. The bare program opens the control port, authenticates
//! without a secret, and sends one GETINFO command. The benchmark also measures
//! the time until `scape testnet run` runs a program in its new network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scape::testing::TestNetwork;

/// The environment variable that makes this executable the bare program. The
/// value is the address of the control port.
const BARE: &str = "SCAPE_BENCH_BARE";
/// The number of runs of `scape status` and of the bare program.
const RUNS: usize = 200;
/// The number of networks that are started.
const NETWORKS: usize = 10;
/// The target for the median time of `scape status`, as a multiple of the bare
/// program's.
const STATUS: f64 = 1.3;
/// The target for the time that `scape testnet run` takes until the program
/// that it was given begins.
const READY: Duration = Duration::from_secs(2);

fn main() {
    if let Ok(port) = env::var(BARE) {
        return bare(&port);
    }
    status();
    testnet();
}

/// The bare program: authenticates, asks tor for a few values in one command,
/// and prints the replies.
fn bare(port: &str) {
    let socket = TcpStream::connect(port).unwrap();
    let mut lines = BufReader::new(&socket).lines();
    let mut ask = |command: &str| {
        (&socket).write_all(format!("{command}\r\n").as_bytes()).unwrap();
        loop {
            let line = lines.next().unwrap().unwrap();
            println!("{line}");
            if line.starts_with("250 ") {
                break;
            }
        }
    };
    ask("AUTHENTICATE");
    ask("GETINFO version status/bootstrap-phase traffic/read circuit-status");
}

/// Runs `scape status` and the bare program alternately, and compares their
/// median times.
fn status() {
    let tor = scape::Launch::new()
        .option("DisableNetwork", "1")
        .option("SocksPort", "0")
        .control(scape::process::Control::TcpPort)
        .without_authentication()
        .start()
        .unwrap();
    let port = tor.control_address().unwrap().to_string();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scape"));
        ours.push(time(command.arg("status").env("SCAPE_CONTROL", &port)));
        let mut command = Command::new(env::current_exe().unwrap());
        theirs.push(time(command.env(BARE, &port)));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let verdict = if ratio <= STATUS { "met" } else { "missed" };
    println!("status: {ours:?}, bare: {theirs:?}, ratio {ratio:.2} (target {STATUS}, {verdict})");
}

/// Measures the time that `scape testnet run` takes until the program that it
/// was given begins.
fn testnet() {
    // The first network of a user creates keys that all later networks use, so
    // it isn't measured.
    drop(TestNetwork::builder().start().unwrap());
    let mut times = Vec::new();
    for _ in 0..NETWORKS {
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_scape"))
            .args(["testnet", "run", "--", "echo", "ready"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        times.push(begun.elapsed());
        assert!(child.wait().unwrap().success());
    }
    let slowest = times.iter().max().copied().unwrap();
    let ready = median(times);
    let verdict = if ready <= READY { "met" } else { "missed" };
    println!("testnet run: {ready:?}, slowest {slowest:?} (target {READY:?}, {verdict})");
}

/// Runs a command to its end without showing its output, and returns the time
/// that it took.
fn time(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
