//! `scape onion status` shows the descriptor of an onion service.

mod descriptor;
mod fetch;
mod print;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use scape::Controller;
use scape::word::{ClientKey, OnionAddress};
use serde::Serialize;

use super::key_files::client_key;
use crate::base::background;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use descriptor::Descriptor;
use fetch::{Asked, fetch};

/// Show the descriptor of an onion service, and whether the service can be
/// reached
///
/// Asks the directories that store the descriptor, one after the other, until
/// one has it. Then decrypts the descriptor. If the service accepts only
/// authorized clients, this needs a key, either from --client-key or one that
/// tor has.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address of the service
    address: OnionAddress,

    /// A file with the private key of a client. - is standard input
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// Ask all directories, even after one has sent the descriptor
    #[arg(long)]
    all: bool,

    /// Also try a connection to this port. Connections use only keys that tor
    /// has: see `scape onion auth add`
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    connect: Option<u16>,
}

/// The state of an onion service, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Status {
    address: OnionAddress,
    /// The directories whose answers are known.
    directories: Vec<Asked>,
    /// The newest descriptor. `null` if no directory has sent one.
    descriptor: Option<Descriptor>,
    /// The result of the connection that `--connect` requests. `null` without
    /// this option.
    connection: Option<Connection>,
}

/// The result of an attempt to connect to the service.
#[derive(Debug, Serialize)]
struct Connection {
    port: u16,
    /// The time until the attempt succeeded or failed, in seconds.
    seconds: f64,
    /// The reason why the connection failed. `null` if it succeeded.
    error: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let tor = context.tor()?;
        let controller = tor.controller()?;
        let key = self.key(context, controller)?;
        let fetched = fetch(context, controller, self.address, self.all)?;
        let descriptor = fetched
            .newest
            .map(|text| Descriptor::new(controller, &self.address, &text, key.as_ref()));
        let connection = self.connect.map(|port| self.try_port(context, port)).transpose()?;
        let status = Status {
            address: self.address,
            directories: fetched.asked,
            descriptor: descriptor.transpose()?,
            connection,
        };
        match context.out.is_json() {
            true => context.out.value(&status)?,
            false => context.out.line(print::describe(&status))?,
        }
        failure(&status, fetched.exit)
    }

    /// Returns the client key from the file of `--client-key` or, without this
    /// option, from tor. Returns `None` if tor has no key for the service.
    fn key(
        &self,
        context: &Context,
        controller: &Controller,
    ) -> Result<Option<ClientKey>, Failure> {
        match &self.client_key {
            Some(path) => client_key(context, path, &[self.address]).map(Some),
            None => {
                let known = controller.onion_client_auth().get(&self.address)?;
                Ok(known.map(|auth| auth.key))
            }
        }
    }

    fn try_port(&self, context: &Context, port: u16) -> Result<Connection, Failure> {
        let client = context.client()?;
        let address = self.address;
        let busy = Busy::new(format_args!("connecting to {address}:{port}"));
        let begun = Instant::now();
        let result = background::run(context, move || client.connect((address, port)))?;
        drop(busy);
        let seconds = begun.elapsed().as_secs_f64();
        let failure = result.err().map(Failure::from);
        Ok(Connection {
            port,
            seconds,
            exit: failure.as_ref().map(|failure| failure.exit),
            error: failure.map(|failure| failure.message),
        })
    }
}

/// Returns a failure if no descriptor was found, or if the connection of
/// `--connect` failed. `exit` is the exit code if no descriptor was found. If
/// it is `None`, the code is 1.
fn failure(status: &Status, exit: Option<Exit>) -> Result<(), Failure> {
    let address = status.address;
    if status.descriptor.is_none() {
        let exit = exit.unwrap_or(Exit::Failed);
        let message = format!(
            "no descriptor of {address} was found: check the address, and that the service is online"
        );
        return Err(Failure::new(exit, message));
    }
    match &status.connection {
        Some(Connection { port, exit: Some(exit), .. }) => {
            Err(Failure::new(*exit, format_args!("port {port} of {address} can't be reached")))
        }
        _ => Ok(()),
    }
}
