//! Publishes onion services that forward to local addresses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use scape::control::OnionTarget;
use scape::onion::OnionService;
use scape::word::ClientPublicKey;
use scape::{OnionBuilder, Tor};

use super::Forward;
use super::listening::is_free;
use super::spec::Export;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::onion::key_files::{KeptKey, KeyName};

/// An onion service that was published.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) service: OnionService,
    name: Option<KeyName>,
    key_file: Option<PathBuf>,
}

impl Published {
    /// Returns a [`Forward`] for each port of this service.
    pub(super) fn forwards(&self) -> impl Iterator<Item = Forward> {
        self.service.ports().iter().map(|(port, local)| Forward {
            direction: "export",
            local: local.to_string(),
            address: self.service.address().to_string(),
            port: *port,
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            key_file: self.key_file.clone(),
        })
    }
}

/// Publishes one onion service for each name of a key, and one for all exports
/// without a name. Returns the services when all of them can be reached.
pub(super) fn publish(
    context: &Context,
    tor: &Tor,
    exports: &[Export],
    clients: &[ClientPublicKey],
) -> Result<Vec<Published>, Failure> {
    let mut groups: BTreeMap<Option<&KeyName>, Vec<(u16, &OnionTarget)>> = BTreeMap::new();
    for export in exports {
        warn(context, &export.local);
        let ports = groups.entry(export.name.as_ref()).or_default();
        for port in &export.ports {
            if ports.iter().any(|(other, _)| other == port) {
                return Err(Failure::usage(format_args!(
                    "port {port} of an onion address is forwarded twice"
                )));
            }
            ports.push((*port, &export.local));
        }
    }
    let busy = Arc::new(Busy::new("publishing the services"));
    let mut builders = Vec::new();
    for (name, ports) in groups {
        let kept = KeptKey::at(name.map(KeyName::path).transpose()?)?;
        let shown = busy.clone();
        let mut builder: OnionBuilder = tor
            .onion()?
            .key(kept.key.clone())
            .timeout(context.network_timeout())
            .on_progress(move |progress| shown.update(progress));
        for (port, local) in ports {
            builder = builder.port(port, local.clone());
        }
        for client in clients {
            builder = builder.client(*client);
        }
        builders.push((name, kept, builder));
    }
    // Each service has a thread, so that all of them wait for their uploads at
    // the same time.
    let waiting: Vec<_> = builders
        .into_iter()
        .map(|(name, kept, builder)| {
            let thread = thread::Builder::new()
                .spawn(move || builder.publish())
                .map_err(|error| Failure::failed(format_args!("cannot start a thread: {error}")))?;
            Ok((name, kept, thread))
        })
        .collect::<Result<_, Failure>>()?;
    let mut published = Vec::new();
    for (name, mut kept, thread) in waiting {
        let service = thread.join().map_err(|_| Failure::failed("a thread has panicked"))?;
        let service = service.map_err(|error| kept.explain(error))?;
        kept.keep()?;
        published.push(Published { service, name: name.cloned(), key_file: kept.path.clone() });
    }
    Ok(published)
}

/// Tells the user if no program listens on a local address. This is checked
/// without a connection, so only unused TCP ports on Linux and missing Unix
/// sockets are noticed.
fn warn(context: &Context, local: &OnionTarget) {
    let is_free = match local {
        OnionTarget::Tcp(address) => address.ip().is_loopback() && is_free(address.port()),
        #[cfg(unix)]
        OnionTarget::Unix(path) => path.try_exists().is_ok_and(|exists| !exists),
        _ => false,
    };
    if is_free {
        context.out.note(format_args!("no program listens on {local} yet"));
    }
}
