//! `scape onion key` creates and shows the keys of onion services.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use scape::onion::load_key;
use scape::word::OnionKey;
use serde::Serialize;

use super::key_files::{self, KeyName};
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Create and show keys of onion services
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    Show(Show),
}

/// Create a key, and print its address
///
/// The key is saved in a new file with the mode 0600. Without a file or a name,
/// the key is printed. Everybody who has the key can impersonate the service.
#[derive(Debug, Args)]
struct New {
    /// The file for the key
    file: Option<PathBuf>,

    /// Keep the key under this name in $XDG_DATA_HOME/scape/onions, for `scape
    /// onion share` and `forward`
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    name: Option<KeyName>,
}

/// Print the address of a key
#[derive(Debug, Args)]
struct Show {
    /// A file from `scape onion key new`, tor's hs_ed25519_secret_key, or a key
    /// in PEM
    #[arg(required_unless_present = "name")]
    file: Option<PathBuf>,

    /// The name of a key in $XDG_DATA_HOME/scape/onions
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    name: Option<KeyName>,

    /// Print the private key too
    #[arg(long)]
    secret: bool,
}

/// A key, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Key<'a> {
    /// The address, with `.onion`.
    address: String,
    /// The file that contains the key. `null` if the key isn't in a file.
    file: Option<PathBuf>,
    /// The private key, in the format of the control protocol. Missing if the
    /// key is in a file and `--secret` isn't given.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::New(New { file, name }) => {
                let key = OnionKey::random();
                let file = choose(file, name.as_ref())?;
                if let Some(file) = &file {
                    key_files::save(&key, file)?;
                }
                let secret = file.is_none();
                print(context, &key, file, secret)
            }
            Command::Show(Show { file, name, secret }) => {
                let file = choose(file, name.as_ref())?;
                let key = load_key(file.as_deref().unwrap_or(std::path::Path::new("")))?;
                print(context, &key, file, secret)
            }
        }
    }
}

fn choose(file: Option<PathBuf>, name: Option<&KeyName>) -> Result<Option<PathBuf>, Failure> {
    name.map(KeyName::path).transpose().map(|path| path.or(file))
}

fn print(
    context: &Context,
    key: &OnionKey,
    file: Option<PathBuf>,
    secret: bool,
) -> Result<(), Failure> {
    let private_key = secret.then(|| key.to_blob());
    let address = key.address().to_string();
    if context.out.is_json() {
        let private_key = private_key.as_ref().map(|key| key.as_str());
        return context.out.value(&Key { address, file, private_key });
    }
    context.out.line(address)?;
    if let Some(private_key) = private_key {
        context.out.line(private_key.as_str())?;
    }
    Ok(())
}
