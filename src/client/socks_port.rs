//! The SOCKS port that a client uses.

use std::path::PathBuf;

use crate::io::transport::Address;

/// The SOCKS port that [`Tor::client_on`](crate::Tor::client_on) uses.
///
/// ```
/// use scape::tor::SocksPort;
///
/// let port = SocksPort::with_options(["IsolateDestAddr"]);
/// let port = SocksPort::added(["IsolateDestAddr", "SessionGroup=7"]);
/// let port = SocksPort::at(9050);
/// # let _ = port;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocksPort {
    /// The first port that accepts a connection, in tor's order.
    ///
    /// If a filter in front of the control port hides the listeners, this is
    /// the first of the usual ports (9050, and Tor Browser's 9150) that belongs
    /// to a tor. If the control port was found as in
    /// [`Connect::from_env`](crate::Connect::from_env), and the environment
    /// also names the SOCKS port, this is that port.
    #[default]
    Usable,
    /// The port at this address, whatever tor reports. Use it for a port in a
    /// container, or for a forwarded port.
    At(Address),
    /// The first port that is configured with all of these options, such as
    /// `IsolateDestAddr` or `ExtendedErrors`.
    WithOptions(Vec<String>),
    /// A port that is configured with exactly these options. Without such a
    /// port, tor is told to open one at a port number of its choice.
    ///
    /// All other ports are kept. The new port stays open as long as tor runs,
    /// unless it is removed from the configuration. SAVECONF doesn't save it,
    /// because it is a `__SocksPort`.
    Added(Vec<String>),
    /// The Unix socket at this path, whatever its options are. If tor has no
    /// SOCKS port there, tor is told to open one with these options, as with
    /// `Added`.
    ///
    /// The directory of the socket must belong to tor's user, with mode 0700
    /// (or 0750 with `GroupWritable`, 0755 with `WorldWritable`); otherwise tor
    /// refuses.
    AddedUnix(PathBuf, Vec<String>),
}

impl SocksPort {
    /// Selects the port at this address.
    pub fn at(address: impl Into<Address>) -> Self {
        SocksPort::At(address.into())
    }

    /// Selects the first port that is configured with all of these options.
    pub fn with_options<O: Into<String>>(options: impl IntoIterator<Item = O>) -> Self {
        SocksPort::WithOptions(options.into_iter().map(Into::into).collect())
    }

    /// Selects a port that is configured with exactly these options, and adds
    /// one if tor has no such port.
    pub fn added<O: Into<String>>(options: impl IntoIterator<Item = O>) -> Self {
        SocksPort::Added(options.into_iter().map(Into::into).collect())
    }

    /// Selects the Unix socket at this path, and adds it without options if tor
    /// has no such port.
    pub fn added_unix(path: impl Into<PathBuf>) -> Self {
        SocksPort::AddedUnix(path.into(), Vec::new())
    }
}
