//! `scape onion auth list` lists the client keys that tor knows.

use clap::Args;
use scape::word::OnionAddress;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::table::Table;

/// List the services for which tor has a key
///
/// The private keys aren't shown.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// A key of tor for an onion service, as it is printed with `--json`, one per
/// line.
#[derive(Debug, Serialize)]
struct Entry {
    address: OnionAddress,
    name: Option<String>,
    /// True if tor has saved the key on disk.
    saved: bool,
    /// The public key in base32. The service needs it to authorize this client.
    public_key: String,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let keys = context.controller()?.onion_client_auth().list()?;
        let entries = keys.into_iter().map(|auth| Entry {
            address: auth.address,
            name: auth.name,
            saved: auth.permanent,
            public_key: auth.key.public_key().to_string(),
        });
        let entries: Vec<Entry> = entries.collect();
        if context.out.is_json() {
            return context.out.values(&entries);
        }
        let mut table = Table::new(&["address", "name", "saved", "public key"]);
        for entry in &entries {
            let name = entry.name.as_deref().unwrap_or("-");
            let saved = if entry.saved { "yes" } else { "no" };
            table.row([&entry.address.to_string(), name, saved, &entry.public_key]);
        }
        context
            .out
            .table(&table.text(&context.out), entries.is_empty().then(|| "no keys".to_owned()))
    }
}
