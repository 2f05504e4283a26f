//! Functions that listen at an `onion:` endpoint.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::onion::{Identity, Local};
use super::which_tor::tor_at;
use super::{OnionEndpoint, key_file};
use crate::endpoint::{EndpointError, EndpointProblem};
use crate::error::{Error, Result};
use crate::io::transport::deadline_after;
use crate::onion::disk::DiskOnion;
use crate::onion::{OnionBuilder, OnionListener};
use crate::process::Launch;
use crate::tor::Tor;
use scape_proto::control::Refusal;
use scape_proto::word::Progress;

/// The default time limit for adding and publishing the service. The time
/// begins when the tor process is running, so it includes tor's bootstrap.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// The progress of the whole call in percent when tor is running.
const THERE: u8 = 40;
/// The progress of the whole call in percent when tor has reached the network.
/// The rest, up to 100, is the publication.
const READY: u8 = 50;

/// The progress callback, which is called by the launch of tor first and then
/// by the publication.
type Teller = Arc<Mutex<dyn FnMut(&Progress) + Send>>;

/// Listens at an `onion:` endpoint: a text such as `"onion:80"`, or an
/// [`OnionEndpoint`]. See the [module documentation](crate::endpoint) for the
/// grammar.
///
/// With `controlPort`, the service is added to the tor at that port. Without
/// it, the service is added to the [global tor](Tor::global): a tor that is
/// running already, or else a new one. But `singleHop` without `controlPort`
/// launches a tor for this service alone. The listener keeps a launched tor
/// alive. When this function succeeds, the service is published, so clients can
/// reach it.
///
/// ```no_run
/// use std::io::Write;
///
/// let listener = scape::listen("onion:80:privateKeyFile=site.key")?;
/// println!("http://{}/", listener.address());
/// for stream in listener.incoming() {
///     stream?.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n")?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error with an [`EndpointError`] (kind
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the endpoint is
/// malformed or begins with `tor:`. No service is added then. Otherwise returns
/// the same errors as [`OnionEndpoint::listen`], most often that tor can't
/// reach the Tor network.
#[doc(alias = "TCPHiddenServiceEndpointParser")]
pub fn listen<E>(endpoint: E) -> Result<OnionListener>
where
    E: TryInto<OnionEndpoint>,
    Error: From<E::Error>,
{
    listen_with(endpoint, |_| {})
}

/// Listens at an `onion:` endpoint like [`listen`], and calls `on_progress`
/// with each step, on the calling thread. The percentage runs from 0 to 100
/// over the whole call. This includes the launch of a tor, if one is needed,
/// and the publication.
///
/// ```no_run
/// let listener = scape::endpoint::listen_with("onion:80", |step| eprintln!("{step}"))?;
/// # Ok::<(), scape::Error>(())
/// ```
///
/// # Errors
///
/// Same errors as [`listen`], most often a
/// [`PublishError`](crate::onion::PublishError).
pub fn listen_with<E>(
    endpoint: E,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<OnionListener>
where
    E: TryInto<OnionEndpoint>,
    Error: From<E::Error>,
{
    endpoint.try_into()?.listen_with(on_progress)
}

impl OnionEndpoint {
    /// Finds the endpoint's tor, binds the local socket, adds the service, and
    /// waits until the service is published. Each call adds a new service.
    ///
    /// The password or cookie file for a control port comes from environment
    /// variables: see [`Connect::from_env`](crate::Connect::from_env). For a
    /// control port on another machine, the password or cookie is used only if
    /// the environment variables also name the control port's address.
    ///
    /// The endpoint's timeout limits the time from a running tor until the
    /// service is published. The steps before that have their own limits: 30
    /// seconds for a control connection, two minutes for launching a tor.
    ///
    /// ```no_run
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.private_key_file("site.key");
    /// let listener = endpoint.listen()?;
    /// println!("http://{}/", listener.address());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`EndpointError`] (kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the options
    /// contradict each other or the key file contains no key. Returns an error
    /// of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if the key file
    /// can't be read or created. Returns an error with a
    /// [`NotReadyError`](crate::tor::NotReadyError) (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if tor can't reach
    /// the Tor network. After an error, no service is left in tor.
    ///
    /// Finding a tor can fail with the errors of [`Tor::global`],
    /// [`Tor::connect_with`] and [`Tor::launch`]. Adding the service can fail
    /// with the errors of [`OnionBuilder::listen`].
    pub fn listen(&self) -> Result<OnionListener> {
        self.listen_with(|_| {})
    }

    /// Listens like [`listen`](Self::listen), and calls `on_progress` with each
    /// step, on the calling thread. See
    /// [`scape::endpoint::listen_with`](crate::endpoint::listen_with).
    ///
    /// ```no_run
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.private_key_file("site.key");
    /// let listener = endpoint.listen_with(|step| eprintln!("{step}"))?;
    /// println!("http://{}/", listener.address());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`listen`](Self::listen), most often a
    /// [`NotReadyError`](crate::tor::NotReadyError).
    pub fn listen_with(
        &self,
        on_progress: impl FnMut(&Progress) + Send + 'static,
    ) -> Result<OnionListener> {
        self.check()?;
        let teller: Teller = Arc::new(Mutex::new(on_progress));
        let tor = self.tor(within(&teller, 0, THERE))?;
        self.listen_at(&tor, &teller)
    }

    /// Listens like [`listen_with`](Self::listen_with), but on a given tor. The
    /// endpoint's `controlPort` is ignored. The percentage begins at 40,
    /// because tor is running already.
    ///
    /// ```no_run
    /// use scape::Tor;
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let tor = Tor::connect()?;
    /// let endpoint: OnionEndpoint = "onion:80".parse()?;
    /// let listener = endpoint.listen_through(&tor, |step| eprintln!("{step}"))?;
    /// println!("http://{}/", listener.address());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`listen`](Self::listen), except those of finding a tor.
    pub fn listen_through(
        &self,
        tor: &Tor,
        on_progress: impl FnMut(&Progress) + Send + 'static,
    ) -> Result<OnionListener> {
        self.check()?;
        let teller: Teller = Arc::new(Mutex::new(on_progress));
        self.listen_at(tor, &teller)
    }

    /// Returns an error if the local address is unspecified (such as 0.0.0.0),
    /// or if the options contradict each other.
    fn check(&self) -> Result<()> {
        if let Local::Tcp { address: Some(address), .. } = self.local()
            && address.is_unspecified()
        {
            let why = "must be one address that tor can connect to, such as 127.0.0.1";
            return Err(EndpointError::invalid("localAddress", why).into());
        }
        if let Identity::Directory(_) = self.identity() {
            let others = [("detach", self.is_detached()), ("client", !self.clients().is_empty())];
            if let Some((with, _)) = others.into_iter().find(|(_, given)| *given) {
                return Err(EndpointError::of(
                    "hiddenServiceDir",
                    EndpointProblem::Conflict { with },
                )
                .into());
            }
        }
        Ok(())
    }

    /// Connects to the tor of the endpoint's control port. Without a control
    /// port, launches a tor for a single-hop service, or returns the global tor
    /// for any other service.
    fn tor(&self, on_progress: impl FnMut(&Progress) + Send + 'static) -> Result<Tor> {
        if self.is_single_hop() && self.named_control_port().is_none() {
            let launch = Launch::new()
                .option("HiddenServiceNonAnonymousMode", true)
                .option("HiddenServiceSingleHopMode", true)
                .on_progress(on_progress);
            return Tor::launch(launch);
        }
        tor_at(self.named_control_port(), on_progress)
    }

    fn listen_at(&self, tor: &Tor, teller: &Teller) -> Result<OnionListener> {
        let timeout = self.wanted_timeout().unwrap_or(DEFAULT_TIMEOUT);
        let deadline = deadline_after(timeout);
        // Report an unusable key before waiting for tor.
        let mut builder = self.add_identity(tor.onion()?)?;
        builder = self.add_local(builder)?;
        for port in self.ports() {
            builder = builder.virtual_port(*port);
        }
        for client in self.clients() {
            builder = builder.client(*client);
        }
        if let Some(streams) = self.wanted_max_streams() {
            builder = builder.max_streams(streams);
        }
        if self.wants_proof_of_work() {
            builder = builder.proof_of_work(None, None);
        }
        if self.is_single_hop() {
            builder = builder.single_hop();
        }
        if self.is_detached() {
            builder = builder.detached();
        }
        become_ready(tor, timeout, within(teller, THERE, READY))?;
        let left = deadline.saturating_duration_since(Instant::now());
        builder.timeout(left).on_progress(within(teller, READY, 100)).listen()
    }

    fn add_identity(&self, builder: OnionBuilder) -> Result<OnionBuilder> {
        Ok(match self.identity() {
            Identity::New => builder,
            Identity::Key(key) => builder.key(key.clone()),
            Identity::File(path) => builder.key(key_file::load_or_make(path)?),
            Identity::Directory(path) => builder.on_disk(self.on_disk(path)?),
        })
    }

    /// Returns the service with the directory `path`, to add to tor's
    /// configuration. The service has no option for single-hop mode, because
    /// that is a mode of the whole tor.
    fn on_disk(&self, path: &Path) -> Result<DiskOnion> {
        let mut service = DiskOnion::new(absolute(path)?);
        if let Some(streams) = self.wanted_max_streams() {
            service = service.max_streams(streams);
        }
        Ok(if self.wants_proof_of_work() { service.proof_of_work(None, None) } else { service })
    }

    fn add_local(&self, builder: OnionBuilder) -> Result<OnionBuilder> {
        match self.local() {
            // Without an address and a port, each virtual port gets its own
            // socket.
            Local::Tcp { address: None, port: None } => Ok(builder),
            Local::Tcp { address, port } => {
                let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
                Ok(builder.local(SocketAddr::new(address, port.unwrap_or(0))))
            }
            Local::Unix(path) => add_socket(builder, path),
        }
    }
}

/// Makes a path absolute, because tor's working directory isn't that of this
/// program.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io(format!("find {}", path.display()), error))
}

#[cfg(unix)]
fn add_socket(builder: OnionBuilder, path: &Path) -> Result<OnionBuilder> {
    Ok(builder.unix_socket_at(absolute(path)?))
}

#[cfg(not(unix))]
fn add_socket(_: OnionBuilder, _: &Path) -> Result<OnionBuilder> {
    Err(EndpointError::invalid("unixSocket", "this system has no Unix sockets").into())
}

/// Waits until tor has reached the Tor network. If a filter on the control port
/// refuses the commands for this, returns `Ok` without waiting. If tor never
/// reaches the network in this case, the publication fails later.
fn become_ready(tor: &Tor, timeout: Duration, on_progress: impl FnMut(&Progress)) -> Result<()> {
    match tor.become_ready_with(timeout, on_progress) {
        Err(error) if error.is::<Refusal>() => Ok(()),
        result => result,
    }
}

/// Returns a callback that passes each step on to `teller`, with its percentage
/// mapped to the range from `first` to `last`.
fn within(teller: &Teller, first: u8, last: u8) -> impl FnMut(&Progress) + Send + use<> {
    let teller = teller.clone();
    move |step| (teller.lock())(&step.within(first, last))
}
