//! The settings of a private network, as options of the command line.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use scape::testing::{Node, TestNetwork, TestNetworkBuilder};
use serde::{Deserialize, Serialize};

use super::relay::Relay;
use crate::base::failure::Failure;

/// The options of `run` and `up`. They are sent to the server as JSON.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(super) struct Settings {
    /// The number of directory authorities
    #[arg(long, value_name = "N", default_value_t = 3)]
    authorities: usize,

    /// The number of relays with default settings: guards and exits
    #[arg(long, value_name = "N", default_value_t = 5)]
    relays: usize,

    /// Add a relay, such as nickname=fast,bandwidth=20000,exit=false
    ///
    /// The settings are nickname, bandwidth (in kilobytes per second), exit,
    /// guard, family, country, and options of torrc, such as ContactInfo=me.
    #[arg(long, value_name = "SETTINGS")]
    relay: Vec<Relay>,

    /// Add a bridge, such as --bridge or
    /// --bridge=nickname=b,transport=scrambled
    ///
    /// The settings follow an equals sign. They are those of --relay and
    /// transport=NAME. Every NAME stands for the same transport, which is built
    /// into the network and starts no other program. This transport hides
    /// nothing, although it scrambles the data.
    #[arg(
        long,
        value_name = "SETTINGS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
    )]
    bridge: Vec<Relay>,

    /// Give a name an address in the network, such as a.test=127.0.0.1
    ///
    /// Without an address, the name stands for 127.0.0.1.
    #[arg(long, value_name = "NAME[=ADDRESS]", value_parser = host)]
    host: Vec<(String, IpAddr)>,

    /// Set an option of torrc for every node
    #[arg(long, value_name = "OPTION=VALUE", value_parser = option)]
    option: Vec<(String, String)>,

    /// Set an option of torrc for the client
    #[arg(long, value_name = "OPTION=VALUE", value_parser = option)]
    client_option: Vec<(String, String)>,

    /// Also give every relay an IPv6 address
    #[arg(long)]
    ipv6: bool,

    /// Use vanguards for onion services, as the public network does
    #[arg(long)]
    vanguards: bool,

    /// The time between two consensuses: 10s or longer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::base::options::duration)]
    voting_interval: Duration,

    /// Start without a consensus, and wait until the authorities have voted
    #[arg(long)]
    vote_first: bool,

    /// Run a web server that exits reach as web.test
    #[arg(long)]
    pub(super) web: bool,

    /// Write the torrc and the last 1000 log lines of each node to this folder
    /// at the end
    #[arg(long, value_name = "FOLDER")]
    pub(super) keep: Option<PathBuf>,
}

/// The host name under which exits reach the web server of `--web`.
pub(super) const WEB: &str = "web.test";

fn host(text: &str) -> Result<(String, IpAddr), String> {
    match text.split_once('=') {
        None => Ok((text.into(), Ipv4Addr::LOCALHOST.into())),
        Some((name, address)) => match address.parse() {
            Ok(address) => Ok((name.into(), address)),
            Err(_) => Err(format!("{address:?} must be an IP address")),
        },
    }
}

fn option(text: &str) -> Result<(String, String), String> {
    match text.split_once(['=', ' ']) {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected OPTION=VALUE".into()),
    }
}

impl Settings {
    /// Returns a builder of a network with these settings.
    pub(super) fn builder(&self) -> TestNetworkBuilder {
        let mut builder = TestNetwork::builder()
            .authorities(self.authorities)
            .relays(self.relays)
            .ipv6(self.ipv6)
            .vanguards_lite(self.vanguards)
            .voting_interval(self.voting_interval)
            .vote_first(self.vote_first);
        for relay in &self.relay {
            builder = builder.relay(|options| relay.apply(options));
        }
        for bridge in &self.bridge {
            builder = builder.bridge(|options| bridge.apply(options));
        }
        for (name, value) in &self.option {
            builder = builder.option(name, value);
        }
        for (name, value) in &self.client_option {
            builder = builder.client_option(name, value);
        }
        for (name, address) in &self.host {
            builder = builder.name(name, *address);
        }
        if self.web {
            builder = builder.name(WEB, Ipv4Addr::LOCALHOST);
        }
        builder
    }

    /// Checks that [`Kept::write`] will be able to write to the folder of
    /// `--keep`. Otherwise, the logs would be lost when the network ends.
    pub(super) fn check_keep(&self) -> Result<(), Failure> {
        let Some(folder) = &self.keep else { return Ok(()) };
        std::fs::create_dir_all(folder)
            .and_then(|()| tempfile::tempfile_in(folder))
            .map(drop)
            .map_err(|error| cannot_write(folder, &error))
    }

    /// Reads the data for [`Kept::write`]. Must be called as soon as the
    /// network is ready, because a signal removes the files of the network at
    /// once.
    pub(super) fn kept(&self, network: &TestNetwork) -> Kept {
        let Some(folder) = self.keep.clone() else { return Kept(None) };
        let torrcs = network.nodes().iter().map(Node::torrc);
        Kept(Some((folder, torrcs.collect())))
    }
}

/// The folder of `--keep`, and the torrc of each node or the error of reading
/// it. `None` without `--keep`.
#[derive(Debug)]
pub(super) struct Kept(Option<(PathBuf, Vec<scape::Result<String>>)>);

impl Kept {
    /// Writes the log and the torrc of each node into the folder of `--keep`.
    /// If a file can't be read or written, continues with the others, and
    /// returns the first failure at the end.
    pub(super) fn write(self, network: &TestNetwork) -> Result<(), Failure> {
        let Some((folder, torrcs)) = self.0 else { return Ok(()) };
        let mut result = Ok(());
        for (node, torrc) in network.nodes().iter().zip(torrcs) {
            let place = folder.join(node.nickname());
            let write = |name: &str, text: String| {
                std::fs::write(place.join(name), text).map_err(|error| cannot_write(&place, &error))
            };
            let made = std::fs::create_dir_all(&place);
            let made = made.map_err(|error| cannot_write(&place, &error));
            let log = write("log", node.log().join("\n") + "\n");
            let torrc = torrc.map_err(Failure::from).and_then(|torrc| write("torrc", torrc));
            result = result.and(made).and(log).and(torrc);
        }
        result
    }
}

fn cannot_write(place: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format_args!("cannot write to {}: {error}", place.display()))
}
