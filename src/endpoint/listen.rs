//! Listening at an `onion:` endpoint.

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
use crate::onion::disk::DiskOnion;
use crate::onion::{OnionBuilder, OnionListener};
use crate::process::Launch;
use crate::protocol::Refusal;
use crate::tor::Tor;
use crate::transport::deadline_after;
use crate::word::Progress;

/// How long it may take until the service is published, unless told otherwise,
/// once tor is there.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// Which part of the way each step is, in percent: until tor is there, and
/// until it is ready. The rest is the publication.
const THERE: u8 = 40;
const READY: u8 = 50;

/// Who is told of progress: in turn, the steps of launching and of publishing.
type Teller = Arc<Mutex<dyn FnMut(&Progress) + Send>>;

/// Listens at an `onion:` endpoint: a text such as `"onion:80"`, or an
/// [`OnionEndpoint`]. The [module](crate::endpoint) has its grammar.
///
/// Without `controlPort` it is the [global tor](Tor::global) that has the
/// service: one that runs already, or else one that is launched. The listener
/// keeps that alive. When this returns, the service is published.
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
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) if the endpoint can't
/// be used, before anything is done. Otherwise same errors as
/// [`OnionEndpoint::listen`].
pub fn listen<E>(endpoint: E) -> Result<OnionListener>
where
    E: TryInto<OnionEndpoint>,
    Error: From<E::Error>,
{
    listen_with(endpoint, |_| {})
}

/// As [`listen`], and tells how it comes along, from 0 to 100 percent, on the
/// calling thread: launching a tor, where one is launched, and publishing the
/// service are parts of one way.
///
/// # Errors
///
/// As [`listen`].
///
/// ```no_run
/// let listener = scape::listen_with("onion:80", |step| eprintln!("{step}"))?;
/// # Ok::<(), scape::Error>(())
/// ```
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
    /// Finds the endpoint's tor, binds the local socket, makes the service, and
    /// waits until it is published. Each call makes a service of its own.
    ///
    /// The password or cookie file of a control port is taken from the
    /// environment: see [`Connect::from_env`](crate::Connect::from_env). A
    /// control port of another machine isn't told them, unless the environment
    /// names the same address.
    ///
    /// The endpoint's timeout begins when there is a tor. The steps before have
    /// deadlines of their own: 30 seconds for a control connection, two minutes
    /// for launching a tor.
    ///
    /// # Errors
    ///
    /// Returns an error with an [`EndpointError`] (kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument)) or of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the key can't be read from
    /// its file or saved there, and with a
    /// [`NotReadyError`](crate::tor::NotReadyError) (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if tor can't reach
    /// its network. No service is left behind.
    ///
    /// Errors of the way to a tor ([`Tor::global`], [`Tor::connect_with`],
    /// [`Tor::launch`]) and of [`OnionBuilder::listen`] are also possible.
    pub fn listen(&self) -> Result<OnionListener> {
        self.listen_with(|_| {})
    }

    /// As [`listen`](Self::listen), and tells how it comes along: see
    /// [`scape::listen_with`](crate::listen_with).
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn listen_with(
        &self,
        on_progress: impl FnMut(&Progress) + Send + 'static,
    ) -> Result<OnionListener> {
        self.check()?;
        let teller: Teller = Arc::new(Mutex::new(on_progress));
        let tor = self.tor(within(&teller, 0, THERE))?;
        self.listen_at(&tor, &teller)
    }

    /// As [`listen_with`](Self::listen_with), on a tor of one's own: what the
    /// endpoint says of the tor does not count.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn listen_through(
        &self,
        tor: &Tor,
        on_progress: impl FnMut(&Progress) + Send + 'static,
    ) -> Result<OnionListener> {
        self.check()?;
        let teller: Teller = Arc::new(Mutex::new(on_progress));
        self.listen_at(tor, &teller)
    }

    /// What can be seen to be wrong before there is a tor.
    fn check(&self) -> Result<()> {
        if let Local::Tcp { address: Some(address), .. } = self.local()
            && address.is_unspecified()
        {
            let why =
                "it stands for every address, but tor needs one to connect to, such as 127.0.0.1";
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

    /// The tor that is named, or the program's, or one for a single hop.
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
        // A key that cannot be had is told before tor is waited for.
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

    /// The service as tor's configuration has it. (Whether it is hidden is said
    /// of the whole tor.)
    fn on_disk(&self, path: &Path) -> Result<DiskOnion> {
        let mut service = DiskOnion::new(absolute(path)?);
        if let Some(streams) = self.wanted_max_streams() {
            service = service.max_streams(streams);
        }
        Ok(if self.wants_proof_of_work() { service.proof_of_work(None, None) } else { service })
    }

    fn add_local(&self, builder: OnionBuilder) -> Result<OnionBuilder> {
        match self.local() {
            // Nothing said: a socket for each port.
            Local::Tcp { address: None, port: None } => Ok(builder),
            Local::Tcp { address, port } => {
                let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
                Ok(builder.local(SocketAddr::new(address, port.unwrap_or(0))))
            }
            Local::Unix(path) => add_socket(builder, path),
        }
    }
}

/// Below this program's working directory: tor has another.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Error::io(format!("cannot find {}", path.display()), error))
}

#[cfg(unix)]
fn add_socket(builder: OnionBuilder, path: &Path) -> Result<OnionBuilder> {
    Ok(builder.unix_socket_at(absolute(path)?))
}

#[cfg(not(unix))]
fn add_socket(_: OnionBuilder, _: &Path) -> Result<OnionBuilder> {
    Err(EndpointError::invalid("unixSocket", "this system has no Unix sockets").into())
}

/// Waits until tor can publish. Behind a filter that does not let this be
/// asked, it is left to the publication.
fn become_ready(tor: &Tor, timeout: Duration, on_progress: impl FnMut(&Progress)) -> Result<()> {
    match tor.become_ready_with(timeout, on_progress) {
        Err(error) if error.is::<Refusal>() => Ok(()),
        result => result,
    }
}

/// Tells each step as a part of the whole way.
fn within(teller: &Teller, first: u8, last: u8) -> impl FnMut(&Progress) + Send + use<> {
    let teller = teller.clone();
    move |step| (teller.lock())(&step.within(first, last))
}
