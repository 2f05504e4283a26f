//! Looks up names and addresses through tor, as an exit sees them.
//!
//! `cargo run --example dns -- NAME-OR-ADDRESS…` prints the address of each
//! name, and the name of each address. Set `SCAPE_CONTROL` (`127.0.0.1:9051` or
//! `unix:/path`) if tor is at an unusual place.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use scape::{Result, Tor, TorClient};

/// The timeout of each look-up.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<ExitCode> {
    let questions: Vec<String> = std::env::args().skip(1).collect();
    if questions.is_empty() {
        eprintln!("dns NAME-OR-ADDRESS…");
        return Ok(ExitCode::FAILURE);
    }
    let client = Tor::find()?.client()?.timeout(PATIENCE);
    let mut outcome = ExitCode::SUCCESS;
    for question in questions {
        match answer(&client, &question) {
            Ok(answer) => println!("{question} {answer}"),
            Err(error) => {
                eprintln!("{question}: {error}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    Ok(outcome)
}

fn answer(client: &TorClient, question: &str) -> Result<String> {
    match question.parse::<IpAddr>() {
        Ok(ip) => client.dns_resolve_ptr(ip),
        Err(_) => client.dns_resolve(question).map(|ip| ip.to_string()),
    }
}
