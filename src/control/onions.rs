//! ADD_ONION and DEL_ONION: onion services in a running tor.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::{Path, PathBuf};

use super::Controller;
use super::added::{self, AddedOnion, Unread};
use super::restorables::{self, Kind};
use crate::error::{Error, Result};
use crate::io::connection::{QueueLimit, Subscription};
use scape_proto::control::{ArgumentError, Command, CommandBuilder};
use scape_proto::word::{ClientPublicKey, OnionAddress, OnionKey};

/// An onion service to add to a running tor. See control-spec, command
/// ADD_ONION.
///
/// ```
/// use scape::control::AddOnion;
/// use std::net::SocketAddr;
///
/// let service = AddOnion::new().port(80, SocketAddr::from(([127, 0, 0, 1], 8080)));
/// # let _ = service;
/// ```
///
/// The service ends with the connection that added it, unless it is
/// [detached](Self::detach).
#[doc(alias = "EphemeralHiddenService")]
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is sent before the command is given to add_onion()"]
pub struct AddOnion {
    key: Option<OnionKey>,
    ports: Vec<(u16, Option<OnionTarget>)>,
    clients: Vec<String>,
    max_streams: Option<u16>,
    max_streams_close_circuit: bool,
    detach: bool,
    discard_key: bool,
    non_anonymous: bool,
    proof_of_work: Option<ProofOfWork>,
}

#[derive(Debug, Clone, Copy)]
enum ProofOfWork {
    No,
    Yes { rate: Option<u32>, burst: Option<u32> },
}

/// The target of an onion service's connections.
///
/// A target is an address, not a host name. tor 0.4.9 would accept a name, and
/// look it up at once with the machine's own resolver. Anybody who sees the DNS
/// query could then tell whom the service belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnionTarget {
    /// A TCP address on this machine, or one that this machine can reach.
    Tcp(SocketAddr),
    /// The path of a Unix socket. (ADD_ONION can't express a path with a space
    /// or quote.)
    #[cfg(unix)]
    Unix(PathBuf),
}

impl From<SocketAddr> for OnionTarget {
    fn from(address: SocketAddr) -> Self {
        OnionTarget::Tcp(address)
    }
}

/// Creates a target from a port of 127.0.0.1.
impl From<u16> for OnionTarget {
    fn from(port: u16) -> Self {
        OnionTarget::Tcp((Ipv4Addr::LOCALHOST, port).into())
    }
}

#[cfg(unix)]
impl From<PathBuf> for OnionTarget {
    fn from(path: PathBuf) -> Self {
        OnionTarget::Unix(path)
    }
}

#[cfg(unix)]
impl From<&Path> for OnionTarget {
    fn from(path: &Path) -> Self {
        OnionTarget::Unix(path.into())
    }
}

impl fmt::Display for OnionTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OnionTarget::Tcp(address) => write!(f, "{address}"),
            #[cfg(unix)]
            OnionTarget::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl AddOnion {
    /// Creates a service with a new key and no ports. At least one port must be
    /// added.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().port(80, 8080); // connections go to 127.0.0.1:8080
    /// # let _ = service;
    /// ```
    pub fn new() -> Self {
        AddOnion::default()
    }

    /// Sets the private key, which determines the address. Default: tor
    /// generates a new key.
    ///
    /// ```
    /// use scape::control::AddOnion;
    /// use scape::word::OnionKey;
    ///
    /// let key = OnionKey::random();
    /// println!("{}", key.address());
    /// let service = AddOnion::new().key(key).port(80, 8080);
    /// # let _ = service;
    /// ```
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds a virtual port (a port of the onion address) whose connections go
    /// to `target`. The target is a port of 127.0.0.1, a socket address, or the
    /// path of a Unix socket. Call this several times to add several ports.
    ///
    /// ```
    /// use scape::control::AddOnion;
    /// use std::net::SocketAddr;
    ///
    /// let target = SocketAddr::from(([192, 0, 2, 7], 8443));
    /// let service = AddOnion::new().port(80, 8080).port(443, target);
    /// # let _ = service;
    /// ```
    pub fn port(mut self, port: u16, target: impl Into<OnionTarget>) -> Self {
        self.ports.push((port, Some(target.into())));
        self
    }

    /// Adds a virtual port whose connections go to 127.0.0.1, to the port with
    /// the same number.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).local_port(443);
    /// # let _ = service;
    /// ```
    pub fn local_port(mut self, port: u16) -> Self {
        self.ports.push((port, None));
        self
    }

    /// Adds a client, given by a [`ClientPublicKey`] or its text. Then only
    /// clients that have the private key to one of the added public keys can
    /// connect.
    ///
    /// ```
    /// use scape::control::AddOnion;
    /// use scape::word::ClientKey;
    ///
    /// let key = ClientKey::random(); // the client keeps this
    /// let service = AddOnion::new().local_port(80).client(key.public_key());
    /// # let _ = service;
    /// ```
    pub fn client(mut self, public_key: impl Into<String>) -> Self {
        self.clients.push(public_key.into());
        self
    }

    /// Sets the maximum number of simultaneous streams on one circuit. More
    /// streams are refused. Default: 0, which means no limit.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).max_streams(10);
    /// # let _ = service;
    /// ```
    pub fn max_streams(mut self, streams: u16) -> Self {
        self.max_streams = Some(streams);
        self
    }

    /// Makes tor close a circuit on which a client opens more streams than
    /// [`max_streams`](Self::max_streams). Without this setting, tor only
    /// refuses the excess streams.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).max_streams(10).max_streams_close_circuit();
    /// # let _ = service;
    /// ```
    pub fn max_streams_close_circuit(mut self) -> Self {
        self.max_streams_close_circuit = true;
        self
    }

    /// Makes the service outlive the connection. The service stays until tor
    /// ends, or until [`Controller::del_onion`] removes it.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).detach();
    /// # let _ = service;
    /// ```
    pub fn detach(mut self) -> Self {
        self.detach = true;
        self
    }

    /// Tells tor not to return the new key. Then nobody can run this service
    /// again after it has ended.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "ADD_ONION NEW:ED25519-V3 Flags=DiscardPK Port=80",
    /// #     "250-ServiceID=2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::AddOnion;
    ///
    /// let added = controller.add_onion(&AddOnion::new().local_port(80).discard_key())?;
    /// assert!(added.key.is_none());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn discard_key(mut self) -> Self {
        self.discard_key = true;
        self
    }

    /// Makes the service demand proof of work from its clients when the service
    /// is under load. `rate` is the number of introductions that the service
    /// handles per second. `burst` is the number that it handles at once.
    /// `None` means tor's default: 250 for the rate, and 2500 for the burst.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).proof_of_work(Some(100), None);
    /// # let _ = service;
    /// ```
    pub fn proof_of_work(mut self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.proof_of_work = Some(ProofOfWork::Yes { rate, burst });
        self
    }

    /// Makes the service never demand proof of work. This is the default of tor
    /// 0.4.9. So this method only matters for a tor with another default.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).no_proof_of_work();
    /// # let _ = service;
    /// ```
    pub fn no_proof_of_work(mut self) -> Self {
        self.proof_of_work = Some(ProofOfWork::No);
        self
    }

    /// Returns an error if the service can't be sent to tor, for example
    /// because it has no ports.
    pub(crate) fn check(&self) -> Result<()> {
        self.command().map(drop)
    }

    pub(super) fn command(&self) -> Result<Command> {
        let mut command = Command::build("ADD_ONION");
        match &self.key {
            None => command.word("key", "NEW:ED25519-V3"),
            Some(key) => command.secret_word("key", &key.to_blob()),
        };
        let flags: Vec<&str> = [
            (self.discard_key, "DiscardPK"),
            (self.detach, "Detach"),
            (!self.clients.is_empty(), "V3Auth"),
            (self.non_anonymous, "NonAnonymous"),
            (self.max_streams_close_circuit, "MaxStreamsCloseCircuit"),
        ]
        .into_iter()
        .filter_map(|(set, flag)| set.then_some(flag))
        .collect();
        if !flags.is_empty() {
            command.pair("Flags", &flags.join(","));
        }
        if let Some(streams) = self.max_streams {
            command.pair("MaxStreams", &streams.to_string());
        }
        self.add_proof_of_work(&mut command);
        self.add_ports(&mut command);
        for client in &self.clients {
            match client.parse::<ClientPublicKey>() {
                Ok(key) => command.pair("ClientAuthV3", &key.to_string()),
                Err(error) => {
                    let why = format!("is invalid: {error}");
                    command.fail(ArgumentError::invalid("ADD_ONION", "client's public key", why))
                }
            };
        }
        Ok(command.finish()?)
    }

    /// Returns the service to add when the connection is opened again. Returns
    /// `None` for a detached service, because it doesn't end with the
    /// connection.
    fn again(&self, added: &AddedOnion) -> Option<AddOnion> {
        if self.detach {
            return None;
        }
        let key = self.key.clone().or_else(|| added.key.clone());
        Some(AddOnion { key, ..self.clone() })
    }

    /// Returns the command that adds the service again at the same address.
    /// Returns an error if the key isn't known, because the address depends on
    /// the key.
    pub(super) fn command_again(&self) -> Result<Command> {
        if self.key.is_none() {
            let why = "was discarded, or is hidden by a filter on the control port, so the service can't be added again";
            return Err(ArgumentError::invalid("ADD_ONION", "key", why).into());
        }
        self.command()
    }

    fn add_proof_of_work(&self, command: &mut CommandBuilder) {
        match self.proof_of_work {
            None => {}
            Some(ProofOfWork::No) => {
                command.pair("PoWDefensesEnabled", "0");
            }
            Some(ProofOfWork::Yes { rate, burst }) => {
                command.pair("PoWDefensesEnabled", "1");
                if let Some(rate) = rate {
                    command.pair("PoWQueueRate", &rate.to_string());
                }
                if let Some(burst) = burst {
                    command.pair("PoWQueueBurst", &burst.to_string());
                }
            }
        }
    }

    fn add_ports(&self, command: &mut CommandBuilder) {
        if self.ports.is_empty() {
            command.fail(ArgumentError::invalid(
                "ADD_ONION",
                "list of ports",
                "is empty: a service needs one",
            ));
        }
        for (port, target) in &self.ports {
            if *port == 0
                || matches!(target, Some(OnionTarget::Tcp(address)) if address.port() == 0)
            {
                command.fail(ArgumentError::invalid("ADD_ONION", "port", "is 0, which is no port"));
            }
            match target {
                None => command.pair("Port", &port.to_string()),
                #[cfg(unix)]
                Some(OnionTarget::Unix(path)) => match path.to_str().filter(|p| p.starts_with('/'))
                {
                    Some(path) => command.pair("Port", &format!("{port},unix:{path}")),
                    None => {
                        let why = "is a Unix socket whose path is not absolute, or not UTF-8";
                        command.fail(ArgumentError::invalid("ADD_ONION", "target", why))
                    }
                },
                Some(target) => command.pair("Port", &format!("{port},{target}")),
            };
        }
    }

    /// Allows a service whose location is not hidden (a single onion service).
    /// A tor with `HiddenServiceNonAnonymousMode 1` requires this setting, and
    /// other tors refuse it.
    ///
    /// ```
    /// use scape::control::AddOnion;
    ///
    /// let service = AddOnion::new().local_port(80).non_anonymous();
    /// # let _ = service;
    /// ```
    pub fn non_anonymous(mut self) -> Self {
        self.non_anonymous = true;
        self
    }
}

/// Onion services. See control-spec, commands ADD_ONION and DEL_ONION.
impl Controller {
    /// Adds an onion service. When this returns, tor has the service, but its
    /// descriptor isn't published yet (see the HS_DESC event).
    /// [`OnionBuilder`](crate::onion::OnionBuilder) waits until the descriptor
    /// is published, and returns a handle that removes the service on drop.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "ADD_ONION NEW:ED25519-V3 Flags=DiscardPK Port=80,127.0.0.1:8080",
    /// #     "250-ServiceID=2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::AddOnion;
    /// use std::net::SocketAddr;
    ///
    /// let target = SocketAddr::from(([127, 0, 0, 1], 8080));
    /// let service = AddOnion::new().port(80, target).discard_key();
    /// println!("http://{}/", controller.add_onion(&service)?.address);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the service is
    /// invalid, for example because it has no ports. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), with tor's text, if
    /// tor refuses, for example because a service with this key already exists
    /// (550).
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer. If tor answers later, the service is removed again. The
    /// kind is [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the
    /// reply has no address. Then the service is removed if possible, which
    /// takes up to one second more.
    #[doc(alias = "create_ephemeral_hidden_service")]
    pub fn add_onion(&self, service: &AddOnion) -> Result<AddedOnion> {
        let key = service.key.clone();
        let tor = self.on_this_link()?.in_one_call();
        // If tor chooses the address, no other call can ask for the same one.
        let name = key.iter().map(|key| Kind::Onion(key.address()).claimed()).collect();
        // The claim is held until the result is in the restorables.
        let _claim = self.inner.session.latest.claim(name, tor.deadline())?;
        let reply =
            tor.request_or_undo(service.command()?, move |tor, reply| {
                match added::read(reply, key.as_ref()) {
                    Ok(added) => drop(tor.del_onion(&added.address)),
                    Err(unread) => drop(tor.undo_unread(unread)),
                }
            })?;
        let added = match added::read(&reply, service.key.as_ref()) {
            Ok(added) => added,
            Err(unread) => return Err(tor.undo_unread(unread)),
        };
        self.inner.session.lost_onions.found(&added.address);
        if let Some(again) = service.again(&added) {
            let again = again.command_again();
            self.inner.session.restorables.add_onion(added.address, again);
            tor.noted(&restorables::onion_name(&added.address))?;
        }
        Ok(added)
    }

    /// Removes a service that tor has added, but whose address can't be read
    /// from tor's reply. Returns the error for the caller. The error says
    /// whether the service was removed.
    fn undo_unread(&self, unread: Unread) -> Error {
        let error = |and: &str| Error::answer("ADD_ONION", format!("{unread}; {and}"));
        let Some(id) = &unread.id else {
            return error("the service may stay until the connection ends");
        };
        let command = Command::build("DEL_ONION").word("address", id).finish();
        let tor = self.undoing();
        match command.map_err(Error::from).and_then(|command| tor.request(command)) {
            Ok(_) => error("the service was removed again"),
            Err(failed) => {
                error(&format!("the service may stay until the connection ends: {failed}"))
            }
        }
    }

    /// Records a detached service that the program has a handle for. A
    /// reconnect adds the service again if tor no longer has it, most often
    /// because tor was restarted. `service` is the service that was added, and
    /// `added` has its key.
    ///
    /// Call this on the controller that added the service, and that sends only
    /// on the socket of that call. If the socket has ended since tor's reply,
    /// the reconnect may have missed the service. In that case this call adds
    /// the service again.
    pub(crate) fn keep_detached(&self, service: &AddOnion, added: &AddedOnion) -> Result<()> {
        let again = AddOnion { key: added.key.clone(), ..service.clone() }.command_again();
        let session = &self.inner.session;
        session.restorables.add_detached(added.address, again.clone());
        let Some(link) = self.link else { return Ok(()) };
        session.give_back_detached_late(link, added.address, again, self.deadline())
    }

    /// Records that the program leaves a detached service in tor. A reconnect
    /// then doesn't add it again.
    pub(crate) fn let_go_of_detached(&self, address: &OnionAddress) {
        self.inner.session.restorables.let_go(address);
    }

    /// Removes a service from the restorables. A reconnect then doesn't restore
    /// the service.
    pub(crate) fn forget_onion(&self, address: &OnionAddress) {
        self.inner.session.restorables.remove_onion(address);
    }

    /// Returns a subscription without events, whose only use is to learn of the
    /// connection's end. The subscription ends when the connection has ended
    /// and won't be opened again. Nothing is sent to tor.
    pub(crate) fn lifeline(&self) -> Result<Subscription> {
        self.connection().subscribe(Vec::new(), QueueLimit::Bounded(1), self.deadline())
    }

    /// Removes an onion service that this connection added, or a detached one.
    /// The service's circuits stay open.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("DEL_ONION", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// controller.del_onion(&address)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), for which
    /// [`is_unknown`](crate::control::Refusal::is_unknown) is true, if tor has
    /// no such service, or if the service belongs to another connection.
    #[doc(alias = "remove_ephemeral_hidden_service")]
    pub fn del_onion(&self, address: &OnionAddress) -> Result<()> {
        let kind = Kind::Onion(*address);
        let tor = self.on_this_link()?.in_one_call();
        let watch = self.inner.session.latest.watch(tor.deadline())?;
        let removed = tor.request(kind.undo()?);
        // A service that was already gone isn't restored either.
        if removed
            .as_ref()
            .err()
            .is_none_or(|error| error.refusal().is_some_and(|no| no.is_unknown()))
        {
            self.forget_onion(address);
            tor.not_given_back(&kind, &watch)?;
        }
        removed.map(drop)
    }
}
