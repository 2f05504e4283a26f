//! The cost of the live configuration with every option of a real tor, compared
//! with a bare socket that asks the same questions. See `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench config`. With `-- --quick`
//! at the end, it takes a few seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use scape::Config;

use support::real_tor::RealTor;
use support::rounds::{Comparison, Run, print_ratios};
use support::{Server, bare, child, scape_side};

/// The role of a child process that loads the configuration, so that a profiler
/// can count its instructions. The arguments are the server's address and the
/// number of loads.
const LOADER: &str = "loader";

/// The request for the names and the defaults of all options.
const NAMES: &[u8] = b"GETINFO config/names config/defaults\r\n";

/// The target: the highest ratio of scape's time to the time that tor takes to
/// answer.
const TARGET: f64 = 1.2;

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match (role.as_str(), &*arguments) {
            (LOADER, [address, times]) => {
                loading(address)(times.parse().unwrap());
            }
            _ => panic!("no such role: {role} {arguments:?}"),
        },
    }
}

fn benchmark() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    let Some(tor) = RealTor::start() else {
        println!("There is no tor here: nothing is measured.");
        return;
    };
    let mut comparison = Comparison {
        name: "tor/config".into(),
        target: TARGET,
        times: 5,
        bare: asking(&tor.server),
        scape: loading(&tor.server.address),
    };
    // Like criterion, only test that the benchmark runs if there is no --bench.
    if given("--test") || !given("--bench") {
        comparison.run_once();
        return;
    }
    print_ratios(&mut [comparison], if given("--quick") { 7 } else { 15 });
}

/// Returns a function that sends the requests that scape sends to load the
/// configuration, and only looks for the ends of the answers. The names of all
/// options are read beforehand.
fn asking(server: &Server) -> Run {
    let options = Config::new(&scape_side::connect(&server.address)).unwrap();
    let is_unit = |name: &String| options.option(name).unwrap().group.is_none();
    let units: Vec<String> = options.names().into_iter().filter(is_unit).collect();
    let values = format!("GETCONF {}\r\n", units.join(" "));
    let mut stream = bare::connect(server);
    let mut reply = Vec::with_capacity(64 * 1024);
    timed(move || {
        for question in [NAMES, values.as_bytes()] {
            stream.write_all(question).unwrap();
            bare::read_reply(&mut stream, &mut reply);
        }
    })
}

/// Returns a function that loads the whole configuration with scape, on an open
/// connection.
fn loading(address: &str) -> Run {
    let controller = scape_side::connect(address);
    timed(move || {
        let config = Config::new(&controller).unwrap();
        config.load().unwrap();
        assert!(config.names().len() > 300);
    })
}

fn timed(mut run: impl FnMut() + 'static) -> Run {
    Box::new(move |times| {
        let begun = Instant::now();
        (0..times).for_each(|_| run());
        let taken: Duration = begun.elapsed();
        taken
    })
}
