//! An onion service that counts its visitors, and its test on a private
//! network.
//!
//! Run it with `cargo run --features testing --example test_onion_service`. The
//! network is on 127.0.0.1. `docs/testing.md` explains the code.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{Read, Write};
use std::thread;

use scape::OnionListener;
use scape::Tor;
use scape::testing::TestNetwork;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PORT: u16 = 7;

/// Publishes an onion service. This is one part of the program to test.
fn publish(tor: &Tor) -> Result<OnionListener> {
    Ok(tor.onion()?.virtual_port(PORT).listen()?)
}

/// Greets visitors until the listener is shut down, and returns their number.
/// This is the other part of the program to test.
fn greet(listener: &OnionListener) -> Result<u32> {
    let mut visitors = 0;
    for stream in listener.incoming() {
        visitors += 1;
        // A visitor who hangs up misses the greeting.
        let _ = write!(stream?, "You are visitor {visitors}.");
    }
    Ok(visitors)
}

fn main() -> Result<()> {
    let network = TestNetwork::builder().start()?;
    let listener = publish(&network.tor())?;

    // Visitors have a tor of their own, as in real life.
    let visitor = Tor::launch(network.launch())?;
    let address = listener.address().to_string();
    let visitors = thread::scope(|scope| {
        let greeting = scope.spawn(|| greet(&listener));
        let visits = visit(&visitor, &address, 1).and_then(|()| visit(&visitor, &address, 2));
        // The thread ends, also if a visit failed.
        listener.shutdown_handle().shutdown();
        let visitors = greeting.join().map_err(|_| "the service panicked")?;
        visits.and(visitors)
    })?;
    assert_eq!(visitors, 2);

    println!("{address} greeted {visitors} visitors");
    visitor.quit()?;
    listener.close()?;
    network.stop()?;
    Ok(())
}

fn visit(tor: &Tor, address: &str, number: u32) -> Result<()> {
    let mut greeting = String::new();
    tor.client()?.connect((address, PORT))?.read_to_string(&mut greeting)?;
    assert_eq!(greeting, format!("You are visitor {number}."));
    Ok(())
}
