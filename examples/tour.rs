//! A tour of scape, on a private Tor network of real tors on this machine.
//!
//! `scripts/demo` installs what it needs and runs it where nothing but loopback can be reached;
//! `cargo run --features testing --example tour` runs it as it is.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scape::event::EventBody;
use scape::socks::{Isolation, SocksProxy};
use scape::testing::TestNetwork;
use scape::types::{EventKind, HsDescAction, OnionAddress, Progress};
use scape::{AddOnion, BuildCircuit, Connect, Controller, Subscription};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "www.scape.test";
const PAGE: &str = "Hello from an onion service that lives in the same program.";

fn main() -> Result<()> {
    let begun = Instant::now();
    let step = |text: &str| println!("\n[{:5.1} s] {text}", begun.elapsed().as_secs_f32());

    step(
        "Starting a Tor network of real tors: 3 directory authorities, 5 relays, 1 client, all on 127.0.0.1",
    );
    let network = TestNetwork::builder().name(NAME, Ipv4Addr::LOCALHOST).on_progress(progress_bar).start()?;
    println!();

    step("Connecting to the client's control port, with the cookie that it names");
    let tor = Connect::to(network.control_address())?.connect()?;
    println!("Tor {} at {}", tor.version()?, network.control_address());

    step("Counting events as they come, in a callback");
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    let kinds = [EventKind::Circ, EventKind::Stream, EventKind::Bw, EventKind::HsDesc, EventKind::Notice];
    let listener = tor.on(kinds, move |event| {
        // The first few are shown, so that the rest of the tour can be read.
        if counter.fetch_add(1, Ordering::Relaxed) < 5 {
            println!("    event: {}", shortened(&event.text()));
        }
    })?;

    step("The relays of the consensus");
    let consensus = tor.get_info("ns/all")?;
    for relay in consensus.lines().filter_map(|line| line.strip_prefix("r ")) {
        println!("    {}", relay.split(' ').next().unwrap_or(relay));
    }

    step("The circuits that the client has by itself");
    for circuit in tor.circuits()? {
        println!("    {}", shortened(&circuit.to_string()));
    }

    step("Building a circuit of three relays of our choice");
    let relays: Vec<_> = network.relays().filter_map(|relay| relay.fingerprint()).take(3).collect();
    let circuit = tor.build_circuit(&BuildCircuit::new().path(&relays))?;
    for (number, hop) in circuit.path.iter().enumerate() {
        println!("    hop {}: {hop}", number + 1);
    }
    tor.close_circuit(circuit.id)?;

    step("Resolving a name through the network");
    let proxy = SocksProxy::new(network.socks()).timeout(PATIENCE).isolation(Isolation::random());
    println!("    {NAME} is {}", proxy.resolve(NAME)?);

    step("Publishing an onion service in front of a small web server in this program");
    let address = serve_onion(&tor)?;
    println!("    http://{address}/");

    step("Fetching its page through the client's SOCKS port");
    println!("    {}", fetch(&proxy, &address)?);

    step("Asking for a new identity");
    tor.new_identity(PATIENCE)?;
    println!("    new streams use new circuits from now on");

    step("What it took");
    let traffic = tor.get_info_many(["traffic/read", "traffic/written"])?;
    println!("    {} bytes read, {} bytes written", traffic[0], traffic[1]);
    tor.sync()?;
    println!("    {} events seen", count.load(Ordering::Relaxed));

    step("Ending everything");
    drop(listener);
    tor.del_onion(&address)?;
    tor.close()?;
    network.stop()?;
    step("Done: every tor has ended, every file is gone");
    Ok(())
}

fn progress_bar(progress: &Progress) {
    let done = usize::from(progress.percent) / 4;
    print!("\r    [{:25}] {:3} % {:50}", "#".repeat(done), progress.percent, progress.text);
    // A terminal that is gone needs no progress bar.
    let _ = std::io::stdout().flush();
}

/// A web server on a port of its own, and an onion service in front of it; returns when that is published.
fn serve_onion(tor: &Controller) -> Result<OnionAddress> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = server.local_addr()?;
    thread::spawn(move || {
        for connection in server.incoming().flatten() {
            // Whoever hangs up too early gets no page.
            let _ = answer(connection);
        }
    });
    // Subscribed before the service exists, so that no upload is missed.
    let events = tor.subscribe([EventKind::HsDesc])?;
    let service = tor.add_onion(&AddOnion::new().port(80, port))?;
    wait_published(&events, &service.address)?;
    Ok(service.address)
}

fn answer(mut connection: std::net::TcpStream) -> std::io::Result<()> {
    let request = BufReader::new(connection.try_clone()?);
    for line in request.lines() {
        if line?.is_empty() {
            break;
        }
    }
    write!(connection, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{PAGE}\n")
}

/// Waits until every upload that was begun is done: a client may ask any of the directories.
fn wait_published(events: &Subscription, address: &OnionAddress) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let (mut begun, mut done) = (0, 0);
    while done == 0 || done < begun {
        let event = events.next_timeout(deadline.saturating_duration_since(Instant::now()))?;
        let EventBody::HsDesc(descriptor) = event.body() else { continue };
        if descriptor.address == Some(*address) {
            match descriptor.action {
                HsDescAction::Upload => begun += 1,
                HsDescAction::Uploaded => done += 1,
                HsDescAction::Failed => return Err(format!("an upload failed: {}", event.text()).into()),
                _ => {}
            }
        }
    }
    println!("    published at {done} directories");
    Ok(())
}

fn fetch(proxy: &SocksProxy, address: &OnionAddress) -> Result<String> {
    let mut stream = proxy.connect((address.to_string().as_str(), 80))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    match response.split_once("\r\n\r\n") {
        Some((_, page)) => Ok(page.trim_end().to_string()),
        None => Err(format!("no page came, but {response:?}").into()),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(110) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text.to_string(),
    }
}
