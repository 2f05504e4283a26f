//! `scape connect` connects standard input and output to a server.

use std::io;

use clap::Args;
use scape::socks::Target;

use super::traffic::join::{AtEnd, join};
use crate::base::background;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Failure, in_words_of_the_command};

/// Connect standard input and output to a server through tor
///
/// For ssh, write these two lines into ~/.ssh/config:
///
/// Host *.onion
///
/// ProxyCommand scape connect %h:%p
///
/// At the end of standard input, the command keeps receiving until the server
/// closes the connection, or sends nothing for as long as --timeout. tor can't
/// close only one direction of a connection.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The host and port to connect to, such as example.com:22. An IPv6 address
    /// needs brackets
    #[arg(value_name = "HOST:PORT", value_parser = target)]
    target: Target,

    /// Use a circuit that no other stream uses
    #[arg(long)]
    isolate: bool,

    /// Close the connection at the end of standard input, for servers that wait
    /// for the end. Data that the server sends afterwards is lost
    #[arg(long, short = 'N')]
    close: bool,
}

fn target(text: &str) -> Result<Target, String> {
    text.parse::<Target>().map_err(|error| in_words_of_the_command(error.to_string()))
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let client = if self.isolate { client.isolated() } else { client };
        let busy = Busy::new(format_args!("connecting to {}", self.target));
        let target = self.target.clone();
        let stream = background::run(context, move || client.connect(target))??;
        drop(busy);
        let at_end = match self.close {
            true => AtEnd::Close,
            false => AtEnd::Receive(context.network_timeout()),
        };
        let joined = background::run(context, move || {
            join(io::stdin(), io::stdout().lock(), stream, at_end)
        })?;
        match joined {
            // The program that reads the output has closed it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(error.into()),
            Err(error) => Err(Failure::failed(format_args!(
                "the connection to {} failed: {error}",
                self.target
            ))),
            Ok(()) => Ok(()),
        }
    }
}
