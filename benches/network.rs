//! Measures a private network: the time until it is ready and can be used, its
//! memory, and the failures of its users while consensuses change. See
//! `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench network`. With `--
//! --quick` at the end, it takes half a minute. The benchmark runs its own
//! executable again for every network, so each network starts in a new process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod support;

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use scape::OnionListener;
use scape::control::ExtendCircuit;
use scape::testing::{Node, Role, TestNetwork};
use scape::{Tor, TorClient};
use support::child;
use support::rounds::Ratio;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The role of a child process that starts a network and prints the times of
/// [`TARGETS`] in seconds.
const TIMES: &str = "times";
/// The role of a child process that starts and stops a network. Prints the
/// times that starting and stopping take, in seconds.
const START: &str = "start";
/// The role of a child process that prints the memory of a network's processes.
const MEMORY: &str = "memory";
/// The role of a child process that uses a network while consensuses change.
/// The argument is the number of consensuses to wait for.
const CONSENSUSES: &str = "consensuses";

/// The times that are measured, and their targets in seconds: until the network
/// is ready, an exit stream works, an onion service answers, one more client
/// has built a circuit, and the network has stopped.
const TARGETS: [(&str, f64); 5] =
    [("ready", 1.5), ("exit stream", 2.5), ("onion", 4.0), ("launched", 0.3), ("stop", 0.5)];

/// The host name by which the network's relays reach this machine.
const NAME: &str = "www.scape.test";
const ONION_PORT: u16 = 80;
const GREETING: &str = "hello";
/// The timeout of a stream or a circuit.
const PATIENCE: Duration = Duration::from_secs(60);
/// The network's age at the second measurement of its memory. The first is at
/// the start.
const GROWN: Duration = Duration::from_secs(60);

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            TIMES => print_times(),
            START => start_and_stop(),
            MEMORY => print_memory(),
            CONSENSUSES => use_over_consensuses(arguments[0].parse().unwrap()),
            _ => panic!("no such role: {role}"),
        },
    }
}

fn benchmark() {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |argument: &str| arguments.iter().any(|given| given == argument);
    let number_after = |argument: &str| {
        let index = arguments.iter().position(|given| given == argument)?;
        let number = arguments.get(index + 1).and_then(|number| number.parse::<usize>().ok());
        Some(number.unwrap_or_else(|| panic!("{argument} takes a number")))
    };
    // Like criterion, only test that the benchmark runs if there is no --bench.
    if given("--test") || !given("--bench") {
        assert!(numbers_of(START).is_some());
        println!("network: ok");
    } else if let Some(starts) = number_after("--starts") {
        count_starts(starts);
    } else if given("--memory") {
        show(&mut child::command(MEMORY, &[]));
    } else if let Some(consensuses) = number_after("--consensuses") {
        show(&mut child::command(CONSENSUSES, &[&consensuses.to_string()]));
    } else {
        measure(if given("--quick") { 3 } else { 10 });
    }
}

/// Starts `starts` networks, one after the other, and prints the median of each
/// time and its target.
fn measure(starts: usize) {
    let measured: Vec<_> = (0..starts).filter_map(|_| numbers_of(TIMES)).collect();
    println!(
        "{} of {starts} networks worked: seconds, their median and range, and the target\n",
        measured.len()
    );
    // An outlier in one time often explains an outlier in another. So all times
    // of a start are printed in one line.
    for times in &measured {
        let times = TARGETS.iter().zip(times).map(|((name, _), time)| format!("{name} {time:.2}"));
        println!("{}", times.collect::<Vec<_>>().join(", "));
    }
    println!();
    if measured.is_empty() {
        return;
    }
    for (index, (name, target)) in TARGETS.into_iter().enumerate() {
        Ratio::of(measured.iter().map(|times| times[index]).collect()).print(name, Some(target));
    }
}

/// Starts and stops `starts` networks, one after the other. Prints the number
/// of starts that succeeded, the median time to start, and the median time to
/// stop.
fn count_starts(starts: usize) {
    let measured: Vec<_> = (0..starts).filter_map(|_| numbers_of(START)).collect();
    println!("{} of {starts} starts succeeded", measured.len());
    if measured.is_empty() {
        return;
    }
    for (index, name) in ["ready", "stop"].into_iter().enumerate() {
        Ratio::of(measured.iter().map(|times| times[index]).collect()).print(name, None);
    }
}

/// Runs a child process with this role, and returns the numbers that it prints.
/// Returns `None` if the child process fails.
fn numbers_of(role: &str) -> Option<Vec<f64>> {
    let mut child = child::command(role, &[]);
    let output = child.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    if !output.status.success() {
        eprintln!("{role}: {}", output.status);
        return None;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split_whitespace().map(|number| number.parse().unwrap()).collect())
}

/// Runs a child process that prints its results to the output of this process.
fn show(child: &mut Command) {
    let status = child.stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{status}");
}

fn start() -> TestNetwork {
    TestNetwork::builder().name(NAME, Ipv4Addr::LOCALHOST).start().unwrap()
}

/// Runs the role [`START`]: starts and stops a network, and prints both times
/// in seconds.
fn start_and_stop() {
    let begun = Instant::now();
    let network = start();
    let ready = begun.elapsed();
    let begun = Instant::now();
    network.stop().unwrap();
    println!("{} {}", ready.as_secs_f64(), begun.elapsed().as_secs_f64());
}

/// Runs the role [`TIMES`]: prints the times of [`TARGETS`]. The exit stream
/// and the onion service are measured in parallel, from the start of the
/// network.
fn print_times() {
    let port = serve();
    let begun = Instant::now();
    let network = start();
    let ready = begun.elapsed();
    let (tor, client) = (network.tor(), client(&network));
    let (exit_stream, onion) = thread::scope(|scope| {
        let exit_stream = scope.spawn(|| {
            greeted(&client, NAME, port).unwrap();
            begun.elapsed()
        });
        let listener = publish(&tor);
        let mut onion = Duration::ZERO;
        greet(&listener, || {
            greeted(&client, &listener.address().to_string(), ONION_PORT).unwrap();
            onion = begun.elapsed();
        });
        (exit_stream.join().unwrap(), onion)
    });

    let begun = Instant::now();
    let tor = Tor::launch(network.launch()).unwrap();
    tor.controller()
        .unwrap()
        .build_circuit(&ExtendCircuit::new(), Duration::from_secs(60))
        .unwrap();
    let launched = begun.elapsed();
    tor.quit().unwrap();

    let begun = Instant::now();
    network.stop().unwrap();
    for time in [ready, exit_stream, onion, launched, begun.elapsed()] {
        println!("{}", time.as_secs_f64());
    }
}

fn client(network: &TestNetwork) -> TorClient {
    network.tor().client().unwrap().timeout(PATIENCE)
}

/// Connects to a port of `host`, and checks that the server sends the greeting.
fn greeted(client: &TorClient, host: &str, port: u16) -> Result<()> {
    let mut stream = client.connect((host, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting)?;
    assert_eq!(greeting, GREETING);
    Ok(())
}

/// Starts a server that greets each client until this process ends. Returns its
/// port.
fn serve() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(GREETING.as_bytes());
        }
    });
    port
}

fn publish(tor: &Tor) -> OnionListener {
    tor.onion().unwrap().virtual_port(ONION_PORT).listen().unwrap()
}

/// Greets the visitors of an onion service while `visit` runs.
fn greet(listener: &OnionListener, visit: impl FnOnce()) {
    /// A guard that shuts the listener down, even if `visit` panics.
    struct Ending<'a>(&'a OnionListener);
    impl Drop for Ending<'_> {
        fn drop(&mut self) {
            self.0.shutdown_handle().shutdown();
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(GREETING.as_bytes());
            }
        });
        let _ending = Ending(listener);
        visit();
    });
}

/// Runs the role [`MEMORY`]: prints the memory of a network's processes at the
/// start and at the age [`GROWN`].
fn print_memory() {
    let network = start();
    let begun = Instant::now();
    println!(
        "Memory of the nodes in MiB (smaps_rollup): shared pages in proportion, and private\n"
    );
    print_memory_of(&network, "ready");
    thread::sleep(GROWN.saturating_sub(begun.elapsed()));
    print_memory_of(&network, &format!("after {} s", GROWN.as_secs()));
    network.stop().unwrap();
}

fn print_memory_of(network: &TestNetwork, when: &str) {
    for (role, name) in [
        (Some(Role::Authority), "authorities"),
        (Some(Role::Relay), "relays"),
        (Some(Role::Client), "client"),
        (None, "all"),
    ] {
        let is_meant = |node: &&Node| role.is_none_or(|role| node.role() == role);
        let nodes: Vec<_> = network.nodes().iter().filter(is_meant).map(memory_of).collect();
        let sum = |of: fn(&Memory) -> u64| nodes.iter().map(of).sum::<u64>() as f64 / 1024.0;
        println!(
            "{when:<12} {:>2} {name:<12} {:>7.1}  {:>7.1}",
            nodes.len(),
            sum(|memory| memory.proportional),
            sum(|memory| memory.private)
        );
    }
}

/// The memory of a process, in KiB.
struct Memory {
    /// The private memory, plus a share of the memory that is used together
    /// with other processes (PSS).
    proportional: u64,
    private: u64,
}

fn memory_of(node: &Node) -> Memory {
    let path = format!("/proc/{}/smaps_rollup", node.process().pid());
    let rollup = fs::read_to_string(path).unwrap();
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    Memory {
        proportional: field("Pss:"),
        private: field("Private_Clean:") + field("Private_Dirty:"),
    }
}

/// A way to use a network, such as opening an exit stream, with statistics of
/// the attempts.
struct Use<'a> {
    name: &'static str,
    attempt: Box<dyn FnMut() -> Result<()> + 'a>,
    tries: usize,
    failures: usize,
    longest: Duration,
}

impl<'a> Use<'a> {
    fn new(name: &'static str, attempt: impl FnMut() -> Result<()> + 'a) -> Self {
        let attempt = Box::new(attempt);
        Use { name, attempt, tries: 0, failures: 0, longest: Duration::ZERO }
    }

    fn run(&mut self, age: Duration) {
        let begun = Instant::now();
        let result = (self.attempt)();
        self.tries += 1;
        self.longest = self.longest.max(begun.elapsed());
        if let Err(error) = result {
            self.failures += 1;
            println!("{} at {:.1} s: {error}", self.name, age.as_secs_f64());
        }
    }
}

/// Runs the role [`CONSENSUSES`]: uses the network until its client has
/// received `wanted` new consensuses. Streams are isolated, so each has a new
/// circuit.
fn use_over_consensuses(wanted: usize) {
    let port = serve();
    let network = start();
    let client = client(&network);
    let listener = publish(&network.tor());
    let address = listener.address().to_string();
    let controller = network.client();
    let mut uses = [
        Use::new("exit stream", || greeted(&client.isolated(), NAME, port)),
        Use::new("circuit", || {
            let circuit = controller.build_circuit(&ExtendCircuit::new(), PATIENCE)?;
            Ok(controller.close_circuit(circuit.id)?)
        }),
        Use::new("onion", || greeted(&client.isolated(), &address, ONION_PORT)),
    ];
    let valid_after = || controller.get_info("consensus/valid-after").unwrap();
    let (mut consensus, mut seen) = (valid_after(), 0);
    let begun = Instant::now();
    greet(&listener, || {
        while seen < wanted {
            let round = Instant::now();
            uses.iter_mut().for_each(|it| it.run(begun.elapsed()));
            thread::sleep(Duration::from_secs(1).saturating_sub(round.elapsed()));
            let now = valid_after();
            if now != consensus {
                (consensus, seen) = (now, seen + 1);
            }
        }
    });
    println!("{seen} new consensuses in {:.0} s\n", begun.elapsed().as_secs_f64());
    for it in &uses {
        println!(
            "{:<12} {:>5} tries, {} failures, longest {:.2} s",
            it.name,
            it.tries,
            it.failures,
            it.longest.as_secs_f64()
        );
    }
    drop(uses);
    listener.close().unwrap();
    network.stop().unwrap();
}
