//! The settings in which relays of a network can differ.

use std::fmt;

/// The settings of a relay of a [`TestNetwork`](super::TestNetwork), for
/// [`TestNetworkBuilder::relay`](super::TestNetworkBuilder::relay).
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
            options: Vec::new(),
        }
    }
}

impl RelayOptions {
    /// Sets the nickname: 1 to 19 letters and digits. Default: `relay0`,
    /// `relay1`, and so on, in the order of the relays.
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// Sets the bandwidth that the consensus gives the relay, in 1000 bytes per
    /// second. Clients choose relays in proportion to it.
    ///
    /// If it is set for one relay, relays without it have 1000, and authorities
    /// none, because an authority doesn't measure itself. By default, nothing is
    /// measured, and clients choose relays and authorities alike.
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
    /// each other in `MyFamily`, and tor uses no two of them in one circuit.
    pub fn family(mut self, name: impl Into<String>) -> Self {
        self.family = Some(name.into());
        self
    }

    /// Adds an option of tor, after the network's own.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }
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
            .field("options", &options)
            .finish()
    }
}
