//! The list of services in tor's configuration, and the functions that add,
//! change and remove them.

use std::path::Path;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::super::publication::Publication;
use super::super::reconfigure::reconfigure;
use super::super::wait::Wait;
use super::directory::{self, Prepared};
use super::files::DiskOnionFiles;
use super::group::{format_group, parse_group};
use super::service::DiskOnionService;
use super::value::DiskOnion;
use crate::control::Controller;
use crate::error::{AnswerError, Error, Phase, Result};
use crate::onion::disk::{DiskOnionError, DiskOnionProblem, is_not_configured};
use scape_proto::control::{ArgumentError, Command, Refusal, parse_getconf};
use scape_proto::word::{OnionAddress, OnionKey, Progress};

/// The lock that each change holds from reading the configuration to writing it
/// back. There is one lock for all tors.
static TURN: Mutex<()> = Mutex::new(());

/// The time limit for undoing a change that tor made after the call's deadline,
/// and for removing a service that wasn't published before the deadline.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// The pause between two attempts to read a file that tor writes. The file
/// usually exists at the first attempt.
const TICK: Duration = Duration::from_millis(5);

/// The onion services in a tor's configuration.
///
/// Each change reads all services and sends all of them back in one SETCONF. So
/// the other services keep their order and all of their lines. If tor refuses,
/// nothing has changed, and the error contains tor's reply and log lines.
///
/// Changes by all threads of this program take turns, even on different
/// controllers. If **another program** changes the services between the reading
/// and the writing of a call, that program's change is lost. tor has no means
/// to prevent this.
///
/// Every call takes at most the controller's timeout. This covers the wait for
/// other threads' changes, for tor's replies and for files. If tor answers too
/// late, the change is undone, which may take five more seconds.
///
/// At every SETCONF, tor 0.4.9 forgets the clients' keys that it has in memory
/// only ([`OnionClientAuth::add`](crate::control::OnionClientAuth::add)). The
/// methods of this type restore these keys.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .on("GETCONF HiddenServiceOptions", concat!("250-HiddenServiceDir=/srv/a\r\n250-HiddenServicePort=80\r\n",
/// #         "250-HiddenServiceDir=/srv/b\r\n250 HiddenServicePort=22\r\n"))
/// #     .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
/// #     .on("SETCONF HiddenServiceDir=\"/srv/a\" HiddenServicePort=\"80\"", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::onion::disk::DiskOnions;
///
/// let onions = DiskOnions::of(&controller);
/// for service in onions.list()? {
///     println!("{}: {:?}", service.directory().display(), service.ports());
/// }
/// onions.remove("/srv/b")?; // only from the configuration: the directory stays
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DiskOnions {
    controller: Controller,
}

impl DiskOnions {
    /// Returns a handle for the services of the tor that `controller` is
    /// connected to. The connection stays open as long as the handle lives.
    ///
    /// ```
    /// # let tor = scape::testing::ScriptedTor::builder()
    /// #     .on("GETCONF HiddenServiceOptions", "250 HiddenServiceOptions\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let onions = DiskOnions::of(&controller);
    /// assert!(onions.list()?.is_empty()); // no service is configured
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn of(controller: &Controller) -> Self {
        DiskOnions { controller: controller.clone() }
    }

    /// Returns the controller of the tor whose services this handle manages.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns a handle for the steps of one call. All steps together take at
    /// most the controller's timeout.
    fn in_one_call(&self) -> DiskOnions {
        DiskOnions { controller: self.controller.in_one_call() }
    }

    /// Returns a handle for the steps of a call that reads tor's services and
    /// then changes them. After a reconnect, which may lead to another tor, the
    /// steps fail.
    fn on_one_tor(&self) -> Result<DiskOnions> {
        Ok(DiskOnions { controller: self.controller.on_this_link()?.in_one_call() })
    }

    /// Returns a handle that isn't limited to the deadline and the socket of
    /// the current call. A service that outlives the call keeps this handle.
    fn to_keep(&self) -> DiskOnions {
        DiskOnions { controller: self.controller.to_keep() }
    }

    /// Returns all services in the order of tor's configuration.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// for service in DiskOnions::of(&controller).list()? {
    ///     println!("{}", service.directory().display());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's
    /// configuration has lines that belong to no service. The error shows these
    /// lines. The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if
    /// the connection has ended, and
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// within the controller's timeout.
    #[doc(alias = "get_hidden_service_conf")]
    pub fn list(&self) -> Result<Vec<DiskOnion>> {
        let command = Command::build("GETCONF").option("HiddenServiceOptions").finish()?;
        // Bypass the cache, which may not know of another controller's change
        // yet.
        let reply = self.controller.send(command)?.wait_ok()?;
        parse_group(parse_getconf(&reply, 1))
    }

    /// Returns the service with this directory, or `None` if no such service is
    /// configured. Directories are the same if their paths lead to the same
    /// place, for example through a symbolic link.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// if let Some(blog) = DiskOnions::of(&controller).get("/var/lib/tor/blog")? {
    ///     println!("{:?}", blog.ports());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`list`](Self::list), most often of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn get(&self, directory: impl AsRef<Path>) -> Result<Option<DiskOnion>> {
        let directory = directory.as_ref();
        Ok(self
            .list()?
            .into_iter()
            .find(|service| directory::is_same(service.directory(), directory)))
    }

    /// Returns the service with this directory together with its files, or
    /// `None` if no such service is configured. Waits until tor has written the
    /// service's address to the file `hostname`.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// if let Some(service) = DiskOnions::of(&controller).open("/var/lib/tor/blog")? {
    ///     println!("http://{}/", service.address());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`list`](Self::list), and an error with a
    /// [`DiskOnionError`] if the file `hostname` can't be read (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) or isn't written within
    /// the controller's timeout (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)).
    pub fn open(&self, directory: impl AsRef<Path>) -> Result<Option<DiskOnionService>> {
        let call = self.in_one_call();
        let Some(service) = call.get(directory)? else { return Ok(None) };
        let address = call.wait_for_hostname(service.directory())?;
        Ok(Some(DiskOnionService::new(self.to_keep(), service.directory().to_owned(), address)))
    }

    /// Adds a service at the end of tor's list of services, and waits until tor
    /// has written the service's address to the file `hostname`. If the
    /// directory doesn't exist, it is created. If the directory already
    /// contains a key, the service has the address of that key. Otherwise, tor
    /// makes a new key.
    ///
    /// tor must see the same files as this program. For a tor on another
    /// machine, use [`edit`](Self::edit).
    ///
    /// ```no_run
    /// use scape::onion::disk::{DiskOnion, DiskOnions};
    ///
    /// let controller = scape::connect()?;
    /// let blog = DiskOnion::new("/var/lib/tor/blog").port(80, ([127, 0, 0, 1], 8080));
    /// let service = DiskOnions::of(&controller).add(&blog)?;
    /// println!("http://{}/", service.address());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor wouldn't
    /// accept the service ([`DiskOnion::check`]). Returns an error with a
    /// [`DiskOnionError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if a service with this
    /// directory or key is configured already, or if the directory can't be
    /// used. The kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused) if
    /// tor refuses. After these errors, tor's configuration is unchanged, and
    /// files that were created are removed again.
    ///
    /// The problem is [`DiskOnionProblem::NoHostname`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if tor doesn't write
    /// the address within the controller's timeout. Then the service is taken
    /// out of the configuration again, which may take five more seconds. The
    /// service's directory stays.
    ///
    /// The kind is also [`ErrorKind::Timeout`](crate::ErrorKind::Timeout),
    /// without a [`DiskOnionError`], if tor doesn't answer within the
    /// controller's timeout. Then this call waits up to five more seconds for
    /// tor and takes the service out again. If tor doesn't answer within these
    /// five seconds either, it may still add the service later.
    #[doc(alias = "create_hidden_service")]
    #[doc(alias = "create_filesystem_onion_service")]
    pub fn add(&self, service: &DiskOnion) -> Result<DiskOnionService> {
        self.add_with(service, &DiskOnionFiles::new())
    }

    /// Adds a service like [`add_with`](Self::add_with) and waits until it is
    /// published. Adding and waiting together take at most `timeout`. The
    /// controller's timeout limits the adding, too. Calls `on_progress` with
    /// each step of the wait, on the calling thread.
    ///
    /// ```no_run
    /// use scape::onion::Wait;
    /// use scape::onion::disk::{DiskOnion, DiskOnionFiles, DiskOnions};
    /// use scape::word::ClientKey;
    /// use std::time::Duration;
    ///
    /// let controller = scape::connect()?;
    /// let blog = DiskOnion::new("/var/lib/tor/blog").local_port(80);
    /// let files = DiskOnionFiles::new().client("bob", ClientKey::random().public_key());
    /// let minutes = Duration::from_secs(180);
    /// DiskOnions::of(&controller).publish(&blog, &files, Wait::AllUploads, minutes, |step| {
    ///     eprintln!("{step}");
    /// })?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`add_with`](Self::add_with), and an error with a
    /// [`PublishError`](crate::onion::PublishError) (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if the service isn't
    /// published within `timeout`. Then the service is taken out of the
    /// configuration again. The service's directory stays, so the service has
    /// the same address if it is added again. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a filter on the
    /// control port doesn't allow events about descriptors. Then the service
    /// isn't added.
    pub fn publish(
        &self,
        service: &DiskOnion,
        files: &DiskOnionFiles,
        wait: Wait,
        timeout: Duration,
        on_progress: impl FnMut(&Progress),
    ) -> Result<DiskOnionService> {
        let deadline = self.controller.deadline_after(timeout);
        let call = DiskOnions { controller: self.controller.until(deadline) };
        let publication = Publication::begin(&call.controller)?;
        let added = call.add_with(service, files)?;
        let published = publication.wait_until(&added.address(), wait, deadline, on_progress);
        match published.and_then(|()| deadline.check_cancelled(Phase::Publish)) {
            Ok(()) => Ok(added),
            Err(error) => {
                self.take_out_again(service);
                Err(error)
            }
        }
    }

    /// Takes `service` out of the configuration again. Called after the service
    /// was added, if a later step of the call fails.
    fn take_out_again(&self, service: &DiskOnion) {
        let undoing = self.controller.undoing_within(REMOVE_WITHIN);
        match DiskOnions::of(&undoing).remove(service.directory()) {
            Ok(_) => {}
            Err(error) if is_not_configured(&error) => {}
            Err(error) => {
                let directory = service.directory().display();
                log::warn!(target: "scape::onion", "cannot remove the onion service in {directory}: {error}");
            }
        }
    }

    /// Adds a service like [`add`](Self::add), with a given key, with clients,
    /// or with frontends of OnionBalance. These are written to files of mode
    /// 0600 before the service is added to tor. The files must belong to tor's
    /// user, so this program must run as that user or as root.
    ///
    /// ```no_run
    /// use scape::onion::disk::{DiskOnion, DiskOnionFiles, DiskOnions};
    /// use scape::word::ClientKey;
    ///
    /// let controller = scape::connect()?;
    /// let blog = DiskOnion::new("/var/lib/tor/blog").local_port(80);
    /// let client = ClientKey::random();
    /// let files = DiskOnionFiles::new().client("bob", client.public_key());
    /// let service = DiskOnions::of(&controller).add_with(&blog, &files)?;
    /// println!("only bob can connect to http://{}/", service.address());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`add`](Self::add) and
    /// [`AuthorizedClients::add`](crate::onion::client_auth::AuthorizedClients::add).
    /// The problem is [`DiskOnionProblem::OtherKey`] if the directory contains
    /// another key, and [`DiskOnionProblem::OtherFrontends`] if it contains
    /// other frontends of OnionBalance. Neither is overwritten.
    pub fn add_with(
        &self,
        service: &DiskOnion,
        files: &DiskOnionFiles,
    ) -> Result<DiskOnionService> {
        let balanced;
        let service = match files.frontends.is_empty() {
            true => service,
            false => {
                balanced = service.clone().onion_balance_instance(true);
                &balanced
            }
        };
        service.check()?;
        let call = self.on_one_tor()?;
        let tor = call.tors_user()?;
        let mut prepared: Option<Prepared> = None;
        let added = call.edit(|services| {
            if position(services, service.directory()).is_some() {
                return Err(
                    DiskOnionError::new(service.directory(), DiskOnionProblem::Configured).into()
                );
            }
            prepared = Some(directory::prepare(service, files, tor)?);
            check_same_key(service, services)?;
            services.push(service.clone());
            Ok(())
        });
        settle(added, prepared, service, tor)?;
        let address = call.wait_for_hostname(service.directory()).and_then(|address| {
            match files.key.as_ref().map(OnionKey::address).filter(|wanted| *wanted != address) {
                None => Ok(address),
                Some(wanted) => {
                    let command =
                        format!("SETCONF HiddenServiceDir={}", service.directory().display());
                    Err(Error::answer(command, format!("{address} in place of {wanted}")))
                }
            }
        });
        match address {
            Ok(address) => {
                Ok(DiskOnionService::new(self.to_keep(), service.directory().to_owned(), address))
            }
            Err(error) => {
                self.take_out_again(service);
                Err(error)
            }
        }
    }

    /// Replaces the service in `directory` by `service`, at the same position
    /// in the list of services. The keys stay in the directory. If `service`
    /// has another directory, it uses the keys in that directory.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// let onions = DiskOnions::of(&controller);
    /// if let Some(blog) = onions.get("/var/lib/tor/blog")? {
    ///     onions.change("/var/lib/tor/blog", &blog.max_streams(50))?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`add`](Self::add), except
    /// [`DiskOnionProblem::NoHostname`]. The problem is
    /// [`DiskOnionProblem::NotConfigured`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if no service with this
    /// directory is configured.
    pub fn change(&self, directory: impl AsRef<Path>, service: &DiskOnion) -> Result<()> {
        let directory = directory.as_ref();
        service.check()?;
        let call = self.on_one_tor()?;
        let tor = call.tors_user()?;
        let mut prepared = None;
        let changed = call.edit(|services| {
            let at = find(services, directory)?;
            if !directory::is_same(directory, service.directory()) {
                if position(services, service.directory()).is_some() {
                    return Err(DiskOnionError::new(
                        service.directory(),
                        DiskOnionProblem::Configured,
                    )
                    .into());
                }
                prepared = Some(directory::prepare(service, &DiskOnionFiles::new(), tor)?);
            }
            if let Some(place) = services.get_mut(at) {
                *place = service.clone();
            }
            let others: Vec<_> =
                services.iter().filter(|other| *other != service).cloned().collect();
            check_same_key(service, &others)
        });
        settle(changed, prepared, service, tor)
    }

    /// Takes the service with this directory out of the configuration and
    /// returns its description. tor closes the service's circuits. The
    /// directory isn't removed, nor is the key in it. So the service has the
    /// same address if it is added again.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// let onions = DiskOnions::of(&controller);
    /// let blog = onions.remove("/var/lib/tor/blog")?;
    /// onions.add(&blog)?; // at the same address
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`edit`](Self::edit). The problem is
    /// [`DiskOnionProblem::NotConfigured`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if no service with this
    /// directory is configured.
    #[doc(alias = "remove_hidden_service")]
    pub fn remove(&self, directory: impl AsRef<Path>) -> Result<DiskOnion> {
        self.edit(|services| Ok(services.remove(find(services, directory.as_ref())?)))
    }

    /// Makes tor read the services' directories again, so that tor notices
    /// changes of the [authorized
    /// clients](crate::onion::client_auth::AuthorizedClients). To do so, this
    /// method sends tor the unchanged services. If there are no services, it
    /// does nothing.
    ///
    /// If a service's clients have changed, tor publishes the service again.
    /// The relays that store descriptors **refuse a second descriptor within
    /// the same second** (`UPLOAD_REJECTED`), because descriptors are numbered
    /// by seconds. After this refusal, tor 0.4.9 uploads again only after an
    /// hour or two. So add the first clients with [`add_with`](Self::add_with).
    /// To be sure that a later change is published, call [`Publication::begin`]
    /// before the change and [`Publication::wait`] afterwards.
    ///
    /// This is safer than `SIGNAL RELOAD`, which also reads the torrc again and
    /// discards every option that wasn't saved, services included. If the torrc
    /// can't be read, tor exits.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// DiskOnions::of(&controller).reread()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`list`](Self::list), and an error with a
    /// [`DiskOnionError`] (kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused)) if tor refuses. The
    /// kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if another
    /// thread's change or tor's reply takes too long.
    pub fn reread(&self) -> Result<()> {
        let call = self.on_one_tor()?;
        let _turn = call.turn()?;
        let services = call.list()?;
        if services.is_empty() { Ok(()) } else { call.write(&services) }
    }

    /// Changes all services at once, in one command, and returns the result of
    /// `change`. `change` is called with the list of all services. If it
    /// modifies the list, the new list is sent to tor. No files are read or
    /// written, so this also works for a tor on another machine.
    ///
    /// **tor 0.4.9 exits if it can't create a service's directory or write to
    /// it**: the parent directory must exist.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETCONF HiddenServiceOptions", "250 HiddenServiceOptions\r\n")
    /// #     .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
    /// #     .on_prefix("SETCONF", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::onion::disk::{DiskOnion, DiskOnions};
    ///
    /// DiskOnions::of(&controller).edit(|services| {
    ///     services.push(DiskOnion::new("/srv/a").local_port(80));
    ///     services.push(DiskOnion::new("/srv/b").local_port(80));
    ///     Ok(())
    /// })?;
    /// # assert_eq!(tor.wait_for("SETCONF")?, concat!("SETCONF HiddenServiceDir=\"/srv/a\" HiddenServicePort=\"80\" ",
    /// #     "HiddenServiceDir=\"/srv/b\" HiddenServicePort=\"80\""));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of `change`. Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor wouldn't
    /// accept a new or changed service. Returns an error with a
    /// [`DiskOnionError`] if two services have the same directory (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)), or if tor refuses
    /// (kind [`ErrorKind::Refused`](crate::ErrorKind::Refused)). After these
    /// errors, tor's configuration is unchanged.
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if another
    /// thread's change takes too long, or if tor doesn't answer within the
    /// controller's timeout. (`change` itself must not call a method that
    /// changes services, because such a call waits for this one.) If tor
    /// doesn't answer within the timeout, the services are put back as they
    /// were, which may take five more seconds. If tor doesn't answer within
    /// these five seconds either, it may still make the change later.
    #[doc(alias = "set_hidden_service_conf")]
    pub fn edit<T>(&self, change: impl FnOnce(&mut Vec<DiskOnion>) -> Result<T>) -> Result<T> {
        let call = self.on_one_tor()?;
        let _turn = call.turn()?;
        let before = call.list()?;
        let mut services = before.clone();
        let result = change(&mut services)?;
        check_all(&before, &services)?;
        if services != before {
            let written = call.write(&services);
            if written.as_ref().is_err_and(Error::is_unanswered) {
                call.put_back(&before, &services);
            }
            written?;
        }
        Ok(result)
    }

    /// Undoes a change that tor has made after the call's deadline. If tor now
    /// has `services`, sends it the services in `before` again. Uses only the
    /// socket of the call, because the socket after a reconnect may lead to
    /// another tor.
    fn put_back(&self, before: &[DiskOnion], services: &[DiskOnion]) {
        let uncancelled = self.controller.undoing_within(REMOVE_WITHIN);
        // Use the full limit even if the call's timeout is shorter, because tor
        // is late already.
        let undoing = DiskOnions::of(&uncancelled.with_timeout(REMOVE_WITHIN)).in_one_call();
        // tor answers commands in order, so when it answers this one, it has
        // processed the change.
        let undone = undoing.list().and_then(|now| {
            let is_changed = format_group(&now) == format_group(services);
            if is_changed { undoing.write(before) } else { Ok(()) }
        });
        if let Err(error) = undone {
            log::warn!(target: "scape::onion", "cannot undo a change of the onion services; tor may still make the change: {error}");
        }
    }

    /// Waits until no other thread of this program is changing services. Other
    /// threads then have to wait as long as the returned guard lives. Returns
    /// an error after the controller's timeout.
    fn turn(&self) -> Result<MutexGuard<'static, ()>> {
        let deadline = self.controller.deadline();
        TURN.try_lock_until(deadline.instant()).ok_or_else(|| deadline.error(Phase::Write))
    }

    fn write(&self, services: &[DiskOnion]) -> Result<()> {
        let mut command = Command::build("SETCONF");
        if services.is_empty() {
            command.option("HiddenServiceDir");
        }
        for line in format_group(services) {
            let value = line.value.unwrap_or_default();
            // A value that isn't UTF-8 was decoded with U+FFFD, so it can't be
            // sent back unchanged.
            if value.contains('\u{fffd}') {
                let problem = format!(
                    "{} has a value that is not UTF-8: {value}; nothing was changed",
                    line.name
                );
                return Err(Error::answer("GETCONF HiddenServiceOptions", problem));
            }
            command.quoted(&line.name, &value);
        }
        reconfigure(&self.controller, command.finish()?, None)
    }

    /// Returns the id of the user that tor runs as. Returns `None` if tor, or a
    /// filter on the control port, refuses to tell it. Always returns `None` on
    /// Windows.
    fn tors_user(&self) -> Result<Option<u32>> {
        match self.controller.get_info("process/uid") {
            Ok(uid) => Ok(uid.parse().ok()),
            Err(error) if error.is::<Refusal>() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wait_for_hostname(&self, directory: &Path) -> Result<OnionAddress> {
        let deadline = self.controller.deadline();
        let problem = |problem| DiskOnionError::new(directory, problem);
        loop {
            if let Some(address) = directory::hostname(directory).map_err(problem)? {
                return Ok(address);
            }
            if let Some(closed) = self.controller.closed() {
                return Err(closed.into());
            }
            deadline.check_cancelled(Phase::Publish)?;
            if deadline.has_passed() {
                return Err(problem(DiskOnionProblem::NoHostname(deadline.timeout())).into());
            }
            deadline.sleep(TICK);
        }
    }
}

fn position(services: &[DiskOnion], directory: &Path) -> Option<usize> {
    services.iter().position(|service| directory::is_same(service.directory(), directory))
}

fn find(services: &[DiskOnion], directory: &Path) -> Result<usize> {
    let missing = || DiskOnionError::new(directory, DiskOnionProblem::NotConfigured).into();
    position(services, directory).ok_or_else(missing)
}

/// Checks the services that are new or changed. Services that tor had already
/// are not checked, because tor accepts them.
fn check_all(before: &[DiskOnion], services: &[DiskOnion]) -> Result<()> {
    for (at, service) in services.iter().enumerate() {
        if before.contains(service)
            && services.iter().filter(|other| *other == service).count() == 1
        {
            continue;
        }
        service.check()?;
        let others = services.iter().enumerate().filter(|(other, _)| *other != at);
        if others.map(|(_, other)| other).any(|other| other.directory() == service.directory()) {
            return Err(
                DiskOnionError::new(service.directory(), DiskOnionProblem::Configured).into()
            );
        }
    }
    Ok(())
}

/// Returns an error if one of `others` has the same key as `service`, because
/// tor would accept both and serve only one.
fn check_same_key(service: &DiskOnion, others: &[DiskOnion]) -> Result<()> {
    let Some(address) = directory::known_address(service.directory()) else { return Ok(()) };
    for other in others {
        if directory::known_address(other.directory()) == Some(address) {
            let problem = DiskOnionProblem::SameKey(other.directory().to_owned());
            return Err(DiskOnionError::new(service.directory(), problem).into());
        }
    }
    Ok(())
}

/// Finishes a change. If tor certainly hasn't accepted the service, removes the
/// files that were created for it. Otherwise keeps the files. If tor refused,
/// adds the likely reason to the error.
fn settle(
    result: Result<()>,
    prepared: Option<Prepared>,
    service: &DiskOnion,
    tor: Option<u32>,
) -> Result<()> {
    let is_sure = result.as_ref().is_err_and(|error| {
        error.is::<DiskOnionError>() || error.is::<ArgumentError>() || error.is::<AnswerError>()
    });
    let result = result.map_err(|error| explain(error, service, tor));
    if let Some(prepared) = prepared.filter(|_| !is_sure) {
        prepared.keep();
    }
    result
}

/// Adds the likely reason to tor's refusal. Returns any other error unchanged.
fn explain(error: Error, service: &DiskOnion, tor: Option<u32>) -> Error {
    let refused = match error.exact::<DiskOnionError>() {
        Some(refused) if matches!(refused.problem, DiskOnionProblem::Refused) => refused.clone(),
        _ => return error,
    };
    let problem = directory::explain(service, tor).unwrap_or(DiskOnionProblem::Refused);
    refused.explained(service.directory(), problem).into()
}
