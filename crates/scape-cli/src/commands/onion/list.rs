//! `scape onion list` lists the onion services of a tor.

use std::path::PathBuf;

use clap::Args;
use scape::word::OnionAddress;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::base::table::Table;

/// List the onion services of this tor
///
/// Lists the services in tor's configuration, and detached services. tor
/// reports the ports only for services in its configuration. tor doesn't report
/// services that belong to the control connection of another program, such as
/// those of `scape onion share`.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// A service, as it is printed with `--json`, one per line.
#[derive(Debug, Serialize)]
struct Service {
    /// The address of the service. `null` if the file `hostname` can't be read.
    address: Option<OnionAddress>,
    /// The kind of service: `disk` for one in tor's configuration, `detached`,
    /// or `current` for one of this control connection.
    kind: &'static str,
    /// The ports of the onion address. `null` if tor doesn't report them.
    ports: Option<Vec<Port>>,
    /// The folder of a service in tor's configuration. `null` for other
    /// services.
    directory: Option<PathBuf>,
    /// The reason why the address can't be read. Missing if the address is
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A port of an onion address.
#[derive(Debug, Serialize)]
struct Port {
    port: u16,
    /// The address to which tor forwards connections, or the path of a Unix
    /// socket.
    target: String,
}

impl Service {
    fn without_files(address: OnionAddress, kind: &'static str) -> Self {
        Service { address: Some(address), kind, ports: None, directory: None, error: None }
    }
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let tor = context.tor()?;
        let info = tor.controller()?.info();
        let current = info.onions_current()?.into_iter();
        let detached = info.onions_detached()?.into_iter();
        let mut services: Vec<Service> =
            current.map(|address| Service::without_files(address, "current")).collect();
        services.extend(detached.map(|address| Service::without_files(address, "detached")));
        for config in tor.disk_onions()?.list()? {
            let ports = config
                .ports()
                .into_iter()
                .map(|port| Port { port: port.port, target: port.target.to_string() });
            let mut service = Service {
                address: None,
                kind: "disk",
                ports: Some(ports.collect()),
                directory: Some(config.directory().to_path_buf()),
                error: None,
            };
            // An error isn't the command's failure: the folder may belong to
            // another user, or be on another machine.
            match config.hostname() {
                Ok(address) => service.address = Some(address),
                Err(error) => service.error = Some(Failure::from(error).message),
            }
            services.push(service);
        }
        if context.out.is_json() {
            return context.out.values(&services);
        }
        print(context, &services)
    }
}

fn print(context: &Context, services: &[Service]) -> Result<(), Failure> {
    let mut table = Table::new(&["address", "kind", "ports", "directory"]);
    for service in services {
        let address = service.address.map_or("-".to_owned(), |address| address.to_string());
        let ports = service.ports.as_ref().map(|ports| {
            let texts = ports.iter().map(|port| format!("{} to {}", port.port, port.target));
            texts.collect::<Vec<_>>().join(", ")
        });
        let directory = service.directory.as_ref().map(|path| path.display().to_string());
        let [ports, directory] = [ports, directory].map(|text| text.unwrap_or_else(|| "-".into()));
        table.row([&address, service.kind, &ports, &directory]);
        if let Some(error) = &service.error {
            context.out.note(printable(error));
        }
    }
    context.out.table(
        &table.text(&context.out),
        services.is_empty().then(|| {
            "no onion services; tor doesn't list those of other programs, unless they are detached"
                .to_owned()
        }),
    )
}
