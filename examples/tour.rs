//! A tour of scape, on a private Tor network of real tors on this machine.
//!
//! `scripts/demo` installs what the tour needs and runs it in a network with
//! only loopback. `cargo run --features http,testing --example tour` runs it
//! directly.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scape::control::ExtendCircuit;
use scape::event::EventKind;
use scape::onion::OnionStream;
use scape::testing::TestNetwork;
use scape::word::Progress;
use scape::{Connect, Tor};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The timeout of each step that uses the network.
const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "www.scape.test";
const PAGE: &str = "Hello from an onion service that lives in the same program.";

fn main() -> Result<()> {
    let begun = Instant::now();
    let step = |text: &str| println!("\n[{:5.1} s] {text}", begun.elapsed().as_secs_f32());

    step(
        "Starting a Tor network of real tors: 3 directory authorities, 5 relays, 1 client, all on 127.0.0.1",
    );
    let network =
        TestNetwork::builder().name(NAME, Ipv4Addr::LOCALHOST).on_progress(progress_bar).start()?;
    println!();

    step("Connecting to the client's control port, with the cookie that it names");
    let tor = Tor::connect_with(&Connect::to(network.control_address())?)?;
    let controller = tor.controller()?;
    println!("Tor {} at {}", controller.version()?, network.control_address());

    step("Counting events as they come, in a callback");
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    let kinds =
        [EventKind::Circ, EventKind::Stream, EventKind::Bw, EventKind::HsDesc, EventKind::Notice];
    let counting = controller.on_event(kinds, move |event| {
        // Show only a few events, to keep the output readable.
        if counter.fetch_add(1, Ordering::Relaxed) < 5 {
            println!("    event: {}", shortened(&event.text()));
        }
    })?;

    step("The relays of the consensus");
    let consensus = controller.get_info("ns/all")?;
    for relay in consensus.lines().filter_map(|line| line.strip_prefix("r ")) {
        println!("    {}", relay.split(' ').next().unwrap_or(relay));
    }

    step("The circuits that the client has by itself");
    for circuit in controller.circuits()? {
        println!("    {}", shortened(&circuit.to_string()));
    }

    step("Building a circuit of three relays of our choice");
    let relays: Vec<_> = network.relays().filter_map(|relay| relay.fingerprint()).take(3).collect();
    let circuit =
        controller.build_circuit(&ExtendCircuit::new().path(&relays), Duration::from_secs(60))?;
    for (number, hop) in circuit.path.iter().enumerate() {
        println!("    hop {}: {hop}", number + 1);
    }
    controller.close_circuit(circuit.id)?;

    step("Resolving a name through the network");
    let client = tor.client()?.timeout(PATIENCE).isolated();
    println!("    {NAME} is {}", client.dns_resolve(NAME)?);

    step("Publishing an onion service, with a small web server behind it in this program");
    let listener =
        tor.onion()?.virtual_port(80).timeout(PATIENCE).on_progress(progress_bar).listen()?;
    println!("\n    http://{}/", listener.address());

    step("Fetching its page with another client, a tor that is launched for it");
    let page = thread::scope(|scope| -> Result<String> {
        scope.spawn(|| {
            for stream in listener.incoming().flatten() {
                // A visitor who hangs up too early gets no page.
                let _ = answer(stream);
            }
        });
        let page = fetch(&network, &format!("http://{}/", listener.address()));
        listener.shutdown_handle().shutdown();
        page
    })?;
    println!("    {}", page.trim_end());

    step("Asking for a new identity");
    controller.new_identity(PATIENCE)?;
    println!("    new streams use new circuits from now on");

    step("What it took");
    let traffic = controller.info().get_many(["traffic/read", "traffic/written"])?;
    println!("    {} bytes read, {} bytes written", traffic[0], traffic[1]);
    controller.sync()?;
    println!("    {} events seen", count.load(Ordering::Relaxed));

    step("Ending everything");
    drop(counting);
    listener.close()?;
    tor.quit()?;
    network.stop()?;
    step("Done: every tor has ended, every file is gone");
    Ok(())
}

fn progress_bar(progress: &Progress) {
    let done = usize::from(progress.percent) / 4;
    print!("\r    [{:25}] {:3} % {:50}", "#".repeat(done), progress.percent, progress.text);
    // If the terminal is gone, nobody needs a progress bar.
    let _ = std::io::stdout().flush();
}

fn answer(mut connection: OnionStream) -> std::io::Result<()> {
    for line in BufReader::new(&connection).lines() {
        if line?.is_empty() {
            break;
        }
    }
    write!(connection, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{PAGE}\n")
}

/// Fetches a page through a newly launched tor, which ends afterwards.
fn fetch(network: &TestNetwork, url: &str) -> Result<String> {
    let tor = Tor::launch(network.launch().timeout(PATIENCE))?;
    let agent = tor.client()?.timeout(PATIENCE).http()?;
    Ok(agent.get(url).call()?.body_mut().read_to_string()?)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(110) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text.to_string(),
    }
}
