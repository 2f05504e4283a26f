//! [`RelayOptions`]: the settings of a relay in a test network.

use std::fmt;

use super::transport;
use crate::error::{Error, Result};
use scape_proto::control::ArgumentError;

/// The option that decides whether a relay publishes its descriptor. With the
/// value 0, the relay doesn't.
const PUBLISHES: &str = "PublishServerDescriptor";

/// The settings of a relay or a bridge of a
/// [`TestNetwork`](super::TestNetwork), for
/// [`TestNetworkBuilder::relay`](super::TestNetworkBuilder::relay) and
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
    /// `relay1`, and so on in the order of the relays, or `bridge0` and so on
    /// for bridges. If the nickname is malformed, reserved or used twice,
    /// [`start`](super::TestNetworkBuilder::start) fails with an error of the
    /// kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    /// Reserved are `client`, `socks`, and names that begin with `authority`.
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder().relay(|relay| relay.nickname("fast"));
    /// // The nickname "client" is reserved.
    /// assert!(TestNetwork::builder().relay(|relay| relay.nickname("client")).start().is_err());
    /// ```
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// Sets the relay's bandwidth in the consensus, in 1000 bytes per second.
    /// Clients choose each relay in proportion to its bandwidth.
    ///
    /// If the bandwidth of at least one relay is set, all other relays have
    /// 1000. Authorities have 0, because they don't measure themselves. If no
    /// bandwidth is set, nothing is measured, and clients choose relays and
    /// authorities with equal probability.
    ///
    /// This setting needs at least three authorities, which is the default. A
    /// bandwidth that fewer authorities have measured doesn't get into the
    /// consensus.
    ///
    /// ```
    /// // Clients choose this relay about 20 times as often as another one.
    /// let builder = scape::testing::TestNetwork::builder().relay(|relay| relay.bandwidth(20_000));
    /// ```
    pub fn bandwidth(mut self, kilobytes_per_second: u32) -> Self {
        self.bandwidth = Some(kilobytes_per_second);
        self
    }

    /// Sets whether the relay is an exit. Default: true.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().relay(|relay| relay.exit(false));
    /// ```
    pub fn exit(mut self, on: bool) -> Self {
        self.exit = on;
        self
    }

    /// Sets whether the relay has the flag `Guard`. Default: true.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().relay(|relay| relay.guard(false));
    /// ```
    pub fn guard(mut self, on: bool) -> Self {
        self.guard = on;
        self
    }

    /// Adds the relay to a family. All relays of a family list each other in
    /// `MyFamily`, and tor never uses two of them in one circuit. A family of
    /// one relay has no effect.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder()
    ///     .relay(|relay| relay.family("siblings"))
    ///     .relay(|relay| relay.family("siblings"));
    /// ```
    pub fn family(mut self, name: impl Into<String>) -> Self {
        self.family = Some(name.into());
        self
    }

    /// Sets the relay's country: two letters in upper or lower case, such as
    /// `de`. Default: none. With any other text,
    /// [`start`](super::TestNetworkBuilder::start) fails with an error of the
    /// kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// tor derives the country from the address. So the relays of the first
    /// country have the address 127.1.0.1, those of the second 127.2.0.1, and
    /// so on. A relay also connects to other nodes from this address. Every
    /// node, and every client from
    /// [`TestNetwork::launch`](super::TestNetwork::launch), has a matching
    /// `GeoIPFile`. `GETINFO ip-to-country/127.1.0.1` then returns `de`, and
    /// `ExcludeNodes {de}` and `ExitNodes {de}` work.
    ///
    /// On Linux, all of 127.0.0.0/8 belongs to this machine. On other systems,
    /// these addresses may have to be added to the loopback interface first. If
    /// one is missing, the start fails with an error of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    ///
    /// All nodes also have `GeoIPExcludeUnknown 0`. Without it, an option that
    /// excludes a country would make tor exclude nodes without a country, too.
    /// In a test network, these are the authorities and every relay whose
    /// country isn't set.
    ///
    /// There can be up to 254 countries.
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

    /// Adds a pluggable transport with this name, through which clients reach
    /// the bridge. Default: none. A name consists of letters, digits and
    /// underscores, and doesn't begin with a digit. With any other name, or if
    /// the relay isn't a bridge, [`start`](super::TestNetworkBuilder::start)
    /// fails with an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// The transport is as simple as possible: it XORs every byte with a
    /// constant, which hides nothing. Both of its sides are threads of this
    /// program that listen on 127.0.0.1. They end with the network. Up to 64
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

    /// Adds a tor option to the relay's torrc, after the network's own options.
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder()
    ///     .relay(|relay| relay.option("ContactInfo", "me@example.com"));
    /// ```
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }
}

impl RelayOptions {
    /// Returns false if the relay's options keep it from publishing its
    /// descriptor.
    pub(super) fn publishes(&self) -> bool {
        let is_it = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(PUBLISHES);
        self.options.iter().rfind(is_it).is_none_or(|(_, value)| value.trim() != "0")
    }

    /// Returns an error if a setting is invalid for a relay.
    pub(super) fn check_relay(&self) -> Result<()> {
        if let Some(name) = &self.transport {
            return Err(refused(
                "transport",
                format!("{name:?} is given to a relay: only bridges have transports"),
            ));
        }
        self.check_country()
    }

    /// Returns an error if a setting is invalid for a bridge.
    pub(super) fn check_bridge(&self) -> Result<()> {
        if self.bandwidth.is_some() {
            let why = "is set for a bridge, but bridges are not in the consensus";
            return Err(refused("bandwidth", why.to_owned()));
        }
        if let Some(name) = &self.family {
            let why = format!("{name:?} is set for a bridge, but bridges have no family");
            return Err(refused("family", why));
        }
        if let Some(name) = self.transport.as_ref().filter(|name| !transport::is_name(name)) {
            let why =
                format!("{name:?} is not a name: use letters, digits and _, and no digit first");
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

/// Returns the error for an invalid setting.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_publish_their_descriptors_unless_the_last_option_says_no() {
        let relay = RelayOptions::default();
        assert!(relay.publishes());
        let hidden = relay.option("publishserverdescriptor", " 0");
        assert!(!hidden.publishes());
        assert!(hidden.option("PublishServerDescriptor", "1").publishes());
    }
}
