//! `scape onion auth add` gives tor the key of a client.

use std::path::PathBuf;

use clap::Args;
use scape::control::{ClientAuth, ClientAuthAdded};
use scape::word::{ClientKey, OnionAddress};
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::onion::key_files::client_key;

/// Give tor a client's private key for an onion service
///
/// tor forgets the key when it ends, unless --save is given.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address of the service
    address: OnionAddress,

    /// The private key in base32 or base64. Other users of this machine may see
    /// command lines, so prefer --key-file
    #[arg(conflicts_with = "key_file")]
    key: Option<ClientKey>,

    /// A file with the private key, or a .auth_private file. - is standard
    /// input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Let tor save the key in its ClientOnionAuthDir
    #[arg(long)]
    save: bool,

    /// A name for the key, which `scape onion auth list` shows
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

/// The result of adding a key, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Added {
    address: OnionAddress,
    /// The result: `new`, `replaced` if tor had another key for this service,
    /// or `decrypted` if tor could decrypt a descriptor that it already had.
    result: &'static str,
}

/// Checks that tor accepts `text` as the name of a key.
fn name(text: &str) -> Result<String, &'static str> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\''));
    match is_plain && (1..=16).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err("a name has 1 to 16 ASCII characters without spaces and quotes"),
    }
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let key = match (self.key, &self.key_file) {
            (Some(key), _) => key,
            (None, Some(path)) => client_key(context, path, &[self.address])?,
            (None, None) => {
                return Err(Failure::usage("no key was given: use --key-file"));
            }
        };
        let mut auth = ClientAuth::new(self.address, key);
        auth = if self.save { auth.permanent() } else { auth };
        auth = match self.name {
            Some(name) => auth.name(name),
            None => auth,
        };
        let (result, text) = match context.controller()?.onion_client_auth().add(&auth)? {
            ClientAuthAdded::Replaced => ("replaced", "another key was replaced"),
            ClientAuthAdded::Decrypted => ("decrypted", "tor can reach the service now"),
            _ => ("new", "the key was added"),
        };
        if context.out.is_json() {
            return context.out.value(&Added { address: self.address, result });
        }
        context.out.note(format_args!("{}: {text}", self.address));
        Ok(())
    }
}
