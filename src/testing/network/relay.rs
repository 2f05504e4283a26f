//! The settings of a relay.

use std::fmt;

use super::transport;
use crate::error::{Error, Result};
use crate::protocol::ArgumentError;

/// The settings of a relay of a [`TestNetwork`](super::TestNetwork), for
/// [`TestNetworkBuilder::relay`](super::TestNetworkBuilder::relay), or of a
/// bridge, for
/// [`TestNetworkBuilder::bridge`](super::TestNetworkBuilder::bridge).
///
/// ```no_run
/// use scape::testing::TestNetwork;
///
/// let network = TestNetwork::builder()
///     .relays(4)
///     .relay(|relay| relay.nickname("fast").bandwidth(20_000).exit(false))
///     .start()?;
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "it does nothing by itself"]
pub struct RelayOptions {
    pub(super) nickname: Option<String>,
    pub(super) bandwidth: Option<u32>,
    pub(super) exit: bool,
    pub(super) guard: bool,
    pub(super) family: Option<String>,
    pub(super) country: Option<String>,
    pub(super) transport: Option<String>,
    pub(super) options: Vec<(String, String)>,
}

impl Default for RelayOptions {
    fn default() -> Self {
        RelayOptions {
            nickname: None,
            bandwidth: None,
            exit: true,
            guard: true,
            family: None,
            country: None,
            transport: None,
            options: Vec::new(),
        }
    }
}

impl RelayOptions {
    /// Sets the nickname: 1 to 19 letters and digits. Default: `relay0`,
    /// `relay1`, and so on, in the order of the relays, and `bridge0` and so on
    /// for bridges.
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// Sets the bandwidth that the consensus gives the relay, in 1000 bytes per
    /// second. Clients choose relays in proportion to it.
    ///
    /// If it is set for one relay, relays without it have 1000, and authorities
    /// none, because an authority doesn't measure itself. By default, nothing
    /// is measured, and clients choose relays and authorities alike.
    ///
    /// It needs three authorities, as in the default: a consensus names no
    /// bandwidth that fewer have measured.
    pub fn bandwidth(mut self, kilobytes_per_second: u32) -> Self {
        self.bandwidth = Some(kilobytes_per_second);
        self
    }

    /// Sets whether the relay is an exit. Default: true.
    pub fn exit(mut self, on: bool) -> Self {
        self.exit = on;
        self
    }

    /// Sets whether the relay has the flag `Guard`. Default: true.
    pub fn guard(mut self, on: bool) -> Self {
        self.guard = on;
        self
    }

    /// Puts the relay into a family: all relays with the same name for it list
    /// each other in `MyFamily`, and tor uses no two of them in one circuit. A
    /// relay whose family has no other one has none.
    pub fn family(mut self, name: impl Into<String>) -> Self {
        self.family = Some(name.into());
        self
    }

    /// Puts the relay into a country: two letters, in any case, such as `de`.
    /// Default: none. If it is anything else,
    /// [`start`](super::TestNetworkBuilder::start) fails with an error of the
    /// kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// tor knows a relay's country by its address. So the relays of the first
    /// country that is named have the address 127.1.0.1, those of the second
    /// 127.2.0.1, and so on, and connect to others from it. Every node, and
    /// [`TestNetwork::launch`](super::TestNetwork::launch), has a `GeoIPFile`
    /// that says so. `GETINFO ip-to-country/127.1.0.1` then answers `de`, and
    /// `ExcludeNodes {de}` and `ExitNodes {de}` work. Linux takes all of
    /// 127.0.0.0/8 for this machine. Other systems may not. Then the start
    /// fails with an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// unless the addresses are added to the loopback interface.
    ///
    /// All of them also have `GeoIPExcludeUnknown 0`. By default, tor excludes
    /// nodes without a country, too, as soon as an option excludes a country.
    /// Here these are the authorities and most relays.
    ///
    /// There can be 254 countries.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder()
    ///     .relay(|relay| relay.country("de"))
    ///     .relay(|relay| relay.country("se"))
    ///     .client_option("ExitNodes", "{se}")
    ///     .start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn country(mut self, code: impl Into<String>) -> Self {
        self.country = Some(code.into());
        self
    }

    /// Lets clients reach the bridge through a pluggable transport with this
    /// name. Default: none. A name has letters, digits and underscores, and
    /// doesn't begin with a digit. If it is anything else, or the relay isn't a
    /// bridge, [`start`](super::TestNetworkBuilder::start) fails with an error
    /// of the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// The transport is the simplest one: it XORs every byte with a constant,
    /// which hides nothing from anybody. Both of its sides are threads of this
    /// program that listen on 127.0.0.1. They end with the network. 64
    /// connections can be open at a time.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder();
    /// let network = builder.bridge(|it| it.transport("scrambled")).start()?;
    /// let mut launch = network.launch().option("UseBridges", true);
    /// for bridge in network.bridges() {
    ///     let plugin = bridge.transport_line().unwrap_or_default();
    ///     let line = bridge.bridge_line().unwrap_or_default();
    ///     launch = launch.option("ClientTransportPlugin", plugin);
    ///     launch = launch.option("Bridge", line);
    /// }
    /// let client = launch.start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn transport(mut self, name: impl Into<String>) -> Self {
        self.transport = Some(name.into());
        self
    }

    /// Adds an option of tor, after the network's own.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }
}

impl RelayOptions {
    /// Checks the settings of a relay.
    pub(super) fn check_relay(&self) -> Result<()> {
        if let Some(name) = &self.transport {
            return Err(refused(
                "transport",
                format!("{name:?} is given to a relay: only bridges have transports"),
            ));
        }
        self.check_country()
    }

    /// Checks the settings of a bridge.
    pub(super) fn check_bridge(&self) -> Result<()> {
        if self.bandwidth.is_some() {
            let why = "is that of a bridge, which the consensus doesn't name";
            return Err(refused("bandwidth", why.to_owned()));
        }
        if let Some(name) = &self.family {
            let why = format!("{name:?} has a bridge in it, which may list no family");
            return Err(refused("family", why));
        }
        if let Some(name) = self.transport.as_ref().filter(|name| !transport::is_name(name)) {
            let why = format!("{name:?} is no name: letters, digits and _, and no digit first");
            return Err(refused("transport", why));
        }
        self.check_country()
    }

    fn check_country(&self) -> Result<()> {
        let is_code =
            |code: &str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        match self.country.as_ref().filter(|code| !is_code(code)) {
            Some(code) => Err(refused("country", format!("{code:?} is not two letters"))),
            None => Ok(()),
        }
    }
}

/// Returns the error of a setting that can't be.
pub(super) fn refused(what: &str, why: String) -> Error {
    ArgumentError::invalid("TestNetwork", what, why).into()
}

impl fmt::Debug for RelayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.options.iter().map(|(name, _)| name).collect::<Vec<_>>();
        f.debug_struct("RelayOptions")
            .field("nickname", &self.nickname)
            .field("bandwidth", &self.bandwidth)
            .field("exit", &self.exit)
            .field("guard", &self.guard)
            .field("family", &self.family)
            .field("country", &self.country)
            .field("transport", &self.transport)
            .field("options", &options)
            .finish()
    }
}
