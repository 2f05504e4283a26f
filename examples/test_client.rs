//! A program that fetches pages through tor, and its test on a private network.
//!
//! Run it with `cargo run --features testing --example test_client`. The
//! network and the server are on 127.0.0.1. `docs/testing.md` explains the
//! code.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use scape::Tor;
use scape::socks::{SocksError, SocksStatus};
use scape::testing::TestNetwork;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Fetches a page through tor. This is the program to test.
fn fetch(tor: &Tor, host: &str, port: u16) -> Result<String> {
    let client = tor.client()?.timeout(Duration::from_secs(60));
    let mut stream = client.connect((host, port))?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, page) = answer.split_once("\r\n\r\n").ok_or("no answer in HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(page.to_owned()),
        _ => Err(format!("the server said {head}").into()),
    }
}

const HOST: &str = "www.example.test";
const PAGE: &str = "A page for the test.";

fn main() -> Result<()> {
    let port = serve()?;
    let network = TestNetwork::builder().name(HOST, Ipv4Addr::LOCALHOST).start()?;
    let tor = network.tor();

    assert_eq!(fetch(&tor, HOST, port)?, PAGE);

    // Exits resolve names with the network's own server, which doesn't know
    // this name.
    let error = fetch(&tor, "other.example.test", port).err().ok_or("a page of nobody")?;
    let error = error.downcast::<scape::Error>()?;
    let status = error.get().and_then(SocksError::status);
    assert_eq!(status, Some(SocksStatus::HOST_UNREACHABLE));

    println!("{} bytes came through tor, and an unknown name failed: {error}", PAGE.len());
    network.stop()?;
    Ok(())
}

/// Starts a server that answers every request with the same page. Returns its
/// port.
fn serve() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that hangs up gets no page.
            let _ = stream.read(&mut [0; 1024]);
            let _ = write!(stream, "HTTP/1.0 200 OK\r\n\r\n{PAGE}");
        }
    });
    Ok(port)
}
