//! The list of services in tor's configuration: adding, changing and removing
//! them.

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

/// Allows one change at a time in this program, for all tors, because each
/// change reads the configuration and writes it back.
static TURN: Mutex<()> = Mutex::new(());

/// The time limit for undoing a change that tor made too late, and for removing
/// a service that wasn't published in time.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// The pause between two looks for a file that tor writes. The file usually
/// exists at once.
const TICK: Duration = Duration::from_millis(5);

/// The onion services in a tor's configuration.
///
/// Each change reads all services and sends all of them back in one SETCONF, so
/// that the others stay as they are: in order, with every line. If tor refuses,
/// nothing has changed, and the error contains tor's reply and log lines.
///
/// Changes by all threads of this program take turns, even on different
/// controllers. If **another program** changes the services between the reading
/// and the writing of a call, its change is lost, because tor can't prevent
/// that.
///
/// Every call takes at most the controller's timeout, which covers waiting for
/// the turn, tor's replies and files. If tor answers too late, the change is
/// undone, which may take five more seconds.
///
/// At every SETCONF, tor 0.4.9 forgets the clients' keys that it has in memory
/// only ([`onion_client_auth_add`](Controller::onion_client_auth_add)). The
/// calls here restore them.
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
    /// connected to. The handle keeps the connection open.
    pub fn of(controller: &Controller) -> Self {
        DiskOnions { controller: controller.clone() }
    }

    /// Returns the controller.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns a handle for the parts of one call, which share the controller's
    /// timeout.
    fn in_one_call(&self) -> DiskOnions {
        DiskOnions { controller: self.controller.in_one_call() }
    }

    /// Returns a handle for the parts of a call that reads tor's services and
    /// then changes them. It never continues on another tor after a reconnect.
    fn on_one_tor(&self) -> Result<DiskOnions> {
        Ok(DiskOnions { controller: self.controller.on_this_link()?.in_one_call() })
    }

    /// Returns a handle for a service to keep.
    fn to_keep(&self) -> DiskOnions {
        DiskOnions { controller: self.controller.to_keep() }
    }

    /// Returns all services in order.
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
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), which shows the
    /// lines, if tor's configuration has lines that belong to no service.
    #[doc(alias = "get_hidden_service_conf")]
    pub fn list(&self) -> Result<Vec<DiskOnion>> {
        let command = Command::build("GETCONF").option("HiddenServiceOptions").finish()?;
        // Bypass the cache, which may not know of another controller's change
        // yet.
        let reply = self.controller.send(command)?.wait_ok()?;
        parse_group(parse_getconf(&reply, 1))
    }

    /// Returns the service with this directory, or `None` if none is
    /// configured.
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
    /// Same errors as [`list`](Self::list).
    pub fn get(&self, directory: impl AsRef<Path>) -> Result<Option<DiskOnion>> {
        let directory = directory.as_ref();
        Ok(self
            .list()?
            .into_iter()
            .find(|service| directory::is_same(service.directory(), directory)))
    }

    /// Returns the service with this directory together with its files, or
    /// `None` if none is configured. Waits until tor has written its address.
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
    /// [`DiskOnionError`] if the file with the address can't be read (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) or isn't written in
    /// time (kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)).
    pub fn open(&self, directory: impl AsRef<Path>) -> Result<Option<DiskOnionService>> {
        let call = self.in_one_call();
        let Some(service) = call.get(directory)? else { return Ok(None) };
        let address = call.wait_for_hostname(service.directory())?;
        Ok(Some(DiskOnionService::new(self.to_keep(), service.directory().to_owned(), address)))
    }

    /// Adds a service at the end of the list, and waits until tor has written
    /// its address. If the directory doesn't exist, it is created. tor makes
    /// the key, unless the directory contains one from an earlier time: then
    /// the service has its old address.
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
    /// directory is configured already or the directory can't be used. The kind
    /// is [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor refuses.
    /// Nothing has changed then, and files that were created are removed again.
    ///
    /// The problem is [`DiskOnionProblem::NoHostname`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if tor doesn't write
    /// the address in time. The service is taken out of the configuration
    /// again, which may take five more seconds. Its directory stays.
    ///
    /// The kind is also [`ErrorKind::Timeout`](crate::ErrorKind::Timeout),
    /// without a [`DiskOnionError`], if tor doesn't answer in time. If the
    /// command has reached tor by then, the service is taken out again as
    /// described at [`edit`](Self::edit). Otherwise tor may still add it later.
    #[doc(alias = "create_hidden_service")]
    #[doc(alias = "create_filesystem_onion_service")]
    pub fn add(&self, service: &DiskOnion) -> Result<DiskOnionService> {
        self.add_with(service, &DiskOnionFiles::new())
    }

    /// Adds a service like [`add_with`](Self::add_with) and waits until it is
    /// published, for at most `timeout`. Calls `on_progress` with each step, on
    /// this thread.
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
    /// DiskOnions::of(&controller).publish(&blog, &files, Wait::AllUploads, minutes, |step| eprintln!("{step}"))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`add_with`](Self::add_with), and an error with a
    /// [`PublishError`](crate::onion::PublishError) (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if the service isn't
    /// published in time. The service is taken out of the configuration again.
    /// The service's directory stays, so that it has the same address the next
    /// time.
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

    /// Takes a service that was just added out of the configuration, because a
    /// later step of the call failed.
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

    /// Adds a service like [`add`](Self::add), with a given key, or with
    /// clients. Their files, of mode 0600, are written before tor is told of
    /// the service. If this program can't give files to tor's user, it must run
    /// as that user.
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
    /// another key, which isn't overwritten.
    pub fn add_with(
        &self,
        service: &DiskOnion,
        files: &DiskOnionFiles,
    ) -> Result<DiskOnionService> {
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

    /// Replaces the service with this directory by another one, at the same
    /// position. The keys stay in the directory. If the new service has another
    /// directory, it uses the keys there.
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
    /// returns its description. tor closes its circuits. The directory stays
    /// with the key, so that the service has the same address if it is added
    /// again.
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

    /// Makes tor read the services' directories again, above all their
    /// [authorized clients](crate::onion::client_auth::AuthorizedClients). For
    /// this, the unchanged services are sent to tor.
    ///
    /// If a service's clients have changed, tor publishes it again.
    /// **Directories refuse a new descriptor** (`UPLOAD_REJECTED`) within the
    /// same second as the last one, because descriptors are numbered by
    /// seconds. tor 0.4.9 doesn't try again for an hour or two. So add the
    /// first clients with [`add_with`](Self::add_with). To be sure of a later
    /// change, begin a [`Publication`] before it and wait.
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

    /// Changes all services at once, in one command. `change` gets the list of
    /// all services. If it changes the list, the new list is sent to tor. No
    /// files are read or written, so this also works for a tor on another
    /// machine.
    ///
    /// **tor 0.4.9 exits if it can't create a directory or write to it**: the
    /// parent directory must exist.
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
    ///     services.extend(["/srv/a", "/srv/b"].map(|directory| DiskOnion::new(directory).local_port(80)));
    ///     Ok(())
    /// })?;
    /// assert_eq!(tor.wait_for("SETCONF")?, concat!("SETCONF HiddenServiceDir=\"/srv/a\" HiddenServicePort=\"80\" ",
    ///     "HiddenServiceDir=\"/srv/b\" HiddenServicePort=\"80\""));
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
    /// (kind [`ErrorKind::Refused`](crate::ErrorKind::Refused)). Nothing has
    /// changed then.
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if another
    /// thread's change takes too long (`change` itself must not make one), or
    /// if tor doesn't answer in time. If tor doesn't answer, the services are
    /// put back as they were, which may take five more seconds. If tor doesn't
    /// answer that either, it may still make the change later.
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

    /// Puts the services back as they were `before`, if tor has made the change
    /// to `services` although the call has ended. Stays on the connection of
    /// the call, because the next connection may lead to another tor.
    fn put_back(&self, before: &[DiskOnion], services: &[DiskOnion]) {
        let uncancelled = self.controller.undoing_within(REMOVE_WITHIN);
        // Use the full limit even if the call's timeout is shorter, because tor
        // is late already.
        let undoing = DiskOnions::of(&uncancelled.with_timeout(REMOVE_WITHIN)).in_one_call();
        // When tor answers this, it has processed the change.
        let undone = undoing.list().and_then(|now| {
            let is_changed = format_group(&now) == format_group(services);
            if is_changed { undoing.write(before) } else { Ok(()) }
        });
        if let Err(error) = undone {
            log::warn!(target: "scape::onion", "cannot undo a change of the onion services, tor may still make it: {error}");
        }
    }

    /// Waits until no other thread of this program is changing services.
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
            // A lossily decoded value can't be sent back unchanged.
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

    /// Returns the id of the user that tor runs as, if tor tells it.
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

/// Checks services that are new or changed. Services that tor had already are
/// not refused here.
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

/// Refuses a second service with the same key, because tor would accept both
/// and serve only one.
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

/// Keeps the files that were created for a service, unless tor certainly hasn't
/// accepted the service. Explains a refusal.
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

/// Adds the likely reason to tor's refusal.
fn explain(error: Error, service: &DiskOnion, tor: Option<u32>) -> Error {
    let refused = match error.exact::<DiskOnionError>() {
        Some(refused) if matches!(refused.problem, DiskOnionProblem::Refused) => refused.clone(),
        _ => return error,
    };
    let problem = directory::explain(service, tor).unwrap_or(DiskOnionProblem::Refused);
    refused.explained(service.directory(), problem).into()
}
