//! [`SocksPort`]: selects the SOCKS port that a client uses.

use std::path::PathBuf;

use crate::io::transport::Address;

/// A selection of the SOCKS port that [`Tor::client_on`](crate::Tor::client_on)
/// uses.
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
    /// The first of tor's SOCKS ports that accepts a connection. The ports are
    /// tried in tor's order, except that ports with the flag
    /// `NoIsolateSOCKSAuth` come last.
    ///
    /// If a filter in front of the control port hides tor's SOCKS ports, the
    /// usual ports are tried: 9050, and Tor Browser's 9150. The first of them
    /// that belongs to a tor is used. The exception is a connection that was
    /// made with [`Connect::from_env`](crate::Connect::from_env): if an
    /// environment variable names a SOCKS port, only that port is tried.
    #[default]
    Usable,
    /// The port at this address. tor isn't asked about this port. Use this
    /// variant for a port in a container, or for a forwarded port. The port
    /// must belong to the controlled tor if circuits are chosen:
    /// [`TorClient::via`](crate::TorClient::via).
    At(Address),
    /// The first port that is configured with all of these options, such as
    /// `IsolateDestAddr` or `ExtendedErrors`.
    WithOptions(Vec<String>),
    /// A port that is configured with exactly these options. If tor has no such
    /// port, tor is told to open one. tor then chooses the port number. If tor
    /// has such a port, but doesn't listen on it, no port is added and the call
    /// fails. A tor with `DisableNetwork 1` listens on no port.
    ///
    /// All other ports are kept. The new port stays open until tor ends or
    /// reads its torrc again (`SIGNAL RELOAD`, SIGHUP), or until the port is
    /// removed from the configuration. SAVECONF doesn't save it, because it is
    /// a `__SocksPort`. After a reload, call
    /// [`Tor::client_on`](crate::Tor::client_on) again.
    Added(Vec<String>),
    /// The SOCKS port on the Unix socket at this path. A port that tor has
    /// there already is used, even if it has other options. Otherwise tor is
    /// told to open one with the options in the second field, as with `Added`.
    ///
    /// The directory of the socket must belong to tor's user. The directory's
    /// mode must be 0700. With the option `GroupWritable`, it may also be 0750,
    /// and with `WorldWritable`, 0755. Otherwise tor refuses to open the
    /// socket.
    AddedUnix(PathBuf, Vec<String>),
}

impl SocksPort {
    /// Selects the port at this address.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::tor::SocksPort;
    ///
    /// let client = tor.client_on(&SocksPort::at(9050))?;
    /// assert_eq!(client.address().to_string(), "127.0.0.1:9050");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn at(address: impl Into<Address>) -> Self {
        SocksPort::At(address.into())
    }

    /// Selects the first port that is configured with all of these options.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let socks = listener.local_addr()?;
    /// # let lines = format!("250-SocksPort={socks} ExtendedErrors\r\n250 __SocksPort\r\n");
    /// # let scripted = ScriptedTor::builder().on_prefix("GETCONF", lines)
    /// #     .info("net/listeners/socks", format!("\"{socks}\"")).start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::tor::SocksPort;
    ///
    /// // On such a port, tor says why an onion service can't be reached.
    /// let client = tor.client_on(&SocksPort::with_options(["ExtendedErrors"]))?;
    /// println!("{}", client.address());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_options<O: Into<String>>(options: impl IntoIterator<Item = O>) -> Self {
        SocksPort::WithOptions(options.into_iter().map(Into::into).collect())
    }

    /// Selects a port that is configured with exactly these options, and adds
    /// one if tor has no such port.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let socks = listener.local_addr()?;
    /// # let lines = format!("250-SocksPort={socks} IsolateDestAddr\r\n250 __SocksPort\r\n");
    /// # let scripted = ScriptedTor::builder().on_prefix("GETCONF", lines)
    /// #     .info("net/listeners/socks", format!("\"{socks}\"")).start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::tor::SocksPort;
    ///
    /// // Streams to different hosts never share a circuit.
    /// let client = tor.client_on(&SocksPort::added(["IsolateDestAddr"]))?;
    /// println!("{}", client.address());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn added<O: Into<String>>(options: impl IntoIterator<Item = O>) -> Self {
        SocksPort::Added(options.into_iter().map(Into::into).collect())
    }

    /// Selects the Unix socket at this path, and adds it without options if tor
    /// has no such port.
    ///
    /// ```no_run
    /// use scape::Tor;
    /// use scape::tor::SocksPort;
    ///
    /// let client = Tor::connect()?.client_on(&SocksPort::added_unix("/run/my-app/socks"))?;
    /// assert!(client.address().is_unix());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn added_unix(path: impl Into<PathBuf>) -> Self {
        SocksPort::AddedUnix(path.into(), Vec::new())
    }
}
