//! `scape onion auth new` creates a key pair for a client.

use std::path::PathBuf;

use clap::Args;
use scape::word::{ClientKey, OnionAddress};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::onion::key_files::write_private;

/// Create a key pair for a client
///
/// The client needs the private key. The service needs the public key: give it
/// to `scape onion share --client`, or write the service's line into a file in
/// the authorized_clients folder of the service.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address of the service, which is part of the client's line. May be
    /// left out if it isn't known yet
    address: Option<OnionAddress>,

    /// Save the private key in this new file with the mode 0600, and don't
    /// print it
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// A key pair, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Pair<'a> {
    /// The public key in base32.
    public_key: String,
    /// The line for a file in the service's folder `authorized_clients`.
    service_line: String,
    /// The private key in base32. Missing with `--key-file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
    /// The line for a `.auth_private` file in the client's
    /// `ClientOnionAuthDir`. Missing with `--key-file`, or if the user gave no
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_line: Option<&'a str>,
    /// The path of the file with the private key. `null` without `--key-file`.
    key_file: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let key = ClientKey::random();
        let line = self.address.map(|address| key.auth_private_line(&address));
        if let Some(path) = &self.key_file {
            let text = line.clone().unwrap_or_else(|| key.to_base32());
            write_private(path, &Zeroizing::new([text.as_bytes(), b"\n"].concat()))?;
        }
        let shows = self.key_file.is_none();
        let private = key.to_base32();
        let public = key.public_key();
        let pair = Pair {
            public_key: public.to_string(),
            service_line: public.auth_line(),
            private_key: shows.then_some(private.as_str()),
            client_line: line.as_ref().map(|line| line.as_str()).filter(|_| shows),
            key_file: self.key_file,
        };
        match context.out.is_json() {
            true => context.out.value(&pair),
            false => print(context, &pair),
        }
    }
}

fn print(context: &Context, pair: &Pair<'_>) -> Result<(), Failure> {
    let out = &context.out;
    out.line(format_args!("Public key   {}", pair.public_key))?;
    out.line(format_args!("Service      {}", pair.service_line))?;
    if let Some(key) = &pair.private_key {
        out.line(format_args!("Private key  {}", key))?;
    }
    if let Some(line) = &pair.client_line {
        out.line(format_args!("Client       {}", line))?;
    }
    if let Some(file) = &pair.key_file {
        out.line(format_args!("Key file     {}", file.display()))?;
    }
    Ok(())
}
