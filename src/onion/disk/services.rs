//! Adding, changing and removing services in tor's configuration.

use std::path::Path;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::super::publication::{Publication, Wait};
use super::super::reconfigure::reconfigure;
use super::directory::{self, Prepared};
use super::files::DiskOnionFiles;
use super::group::{format_group, parse_group};
use super::service::DiskOnionService;
use super::value::DiskOnion;
use crate::controller::Controller;
use crate::error::{AnswerError, Error, Phase, Result};
use crate::onion::disk::{DiskOnionError, DiskOnionProblem, is_not_configured};
use crate::protocol::{ArgumentError, Command, Refusal, parse_getconf};
use crate::word::{OnionAddress, OnionKey, Progress};

/// One change at a time, whatever tor it is for: each reads the configuration
/// and writes it back.
static TURN: Mutex<()> = Mutex::new(());

/// The time for undoing a change that was made too late, and for removing a
/// service that could not be published in time.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// How often is looked for a file that tor writes; it is usually there at once.
const TICK: Duration = Duration::from_millis(5);

/// The onion services in a tor's configuration.
///
/// Each change reads all of them, and sends all of them back in one SETCONF, so
/// that the others stay as they are: in order, with every line. Where tor
/// refuses, nothing has changed, and the error has tor's words and what it
/// logged. The changes of all threads of this program take turns, also through
/// several controllers; what **another program** changes in the very moment
/// between reading and writing is lost, since tor has no way to prevent that.
///
/// Every call takes at most the controller's timeout: waiting for its turn,
/// tor's replies and files included. If tor answers too late, the change is
/// undone, which may take five seconds more.
///
/// tor 0.4.9 forgets with every SETCONF the clients' keys that it has in memory
/// only ([`onion_client_auth_add`](Controller::onion_client_auth_add)); they
/// are given to it again here.
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
/// onions.remove("/srv/b")?; // from the configuration: its directory stays
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DiskOnions {
    controller: Controller,
}

impl DiskOnions {
    /// Those of the tor that `controller` is connected to. This keeps the
    /// connection open.
    pub fn of(controller: &Controller) -> Self {
        DiskOnions { controller: controller.clone() }
    }

    /// The controller.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The same services, for the parts of one call, which share the
    /// controller's timeout.
    fn in_one_call(&self) -> DiskOnions {
        DiskOnions { controller: self.controller.in_one_call() }
    }

    /// For the parts of one call that reads what tor has and then changes it:
    /// never that of the next tor, after a reconnect.
    fn on_one_tor(&self) -> Result<DiskOnions> {
        Ok(DiskOnions { controller: self.controller.on_this_link()?.in_one_call() })
    }

    /// The handle that a service keeps.
    fn to_keep(&self) -> DiskOnions {
        DiskOnions { controller: self.controller.to_keep() }
    }

    /// Returns all services, in order.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), which shows the
    /// lines, if tor's configuration has lines that belong to no service.
    pub fn list(&self) -> Result<Vec<DiskOnion>> {
        let command = Command::build("GETCONF").option("HiddenServiceOptions").finish()?;
        // Not from a cache, which may not know of another controller's change
        // yet.
        let reply = self.controller.send(command)?.wait_ok()?;
        parse_group(parse_getconf(&reply, 1))
    }

    /// The service with this directory.
    pub fn get(&self, directory: impl AsRef<Path>) -> Result<Option<DiskOnion>> {
        let directory = directory.as_ref();
        Ok(self
            .list()?
            .into_iter()
            .find(|service| directory::is_same(service.directory(), directory)))
    }

    /// The service with this directory, with its files. `None` where none is
    /// configured.
    pub fn open(&self, directory: impl AsRef<Path>) -> Result<Option<DiskOnionService>> {
        let call = self.in_one_call();
        let Some(service) = call.get(directory)? else { return Ok(None) };
        let address = call.wait_for_hostname(service.directory())?;
        Ok(Some(DiskOnionService::new(self.to_keep(), service.directory().to_owned(), address)))
    }

    /// Adds a service, behind those that are there, and waits until tor has
    /// written its address. A directory that is not there is made, and the key,
    /// too, by tor; with a key in it that tor has used before, the service has
    /// its address again.
    ///
    /// tor must see the same files as this program. For one elsewhere, use
    /// [`edit`](Self::edit).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for a service that
    /// tor would not take ([`DiskOnion::check`]), and with a [`DiskOnionError`]
    /// (kind [`ErrorKind::Config`](crate::ErrorKind::Config)) if a service with
    /// this directory is configured already or the directory can't be used. The
    /// kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor
    /// refuses. Nothing has changed then, and what was made here is removed
    /// again.
    ///
    /// The error is [`DiskOnionProblem::NoHostname`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if tor doesn't write
    /// the address in time. The service is taken out of the configuration again
    /// then, which may take five seconds more, and its directory stays.
    ///
    /// The kind is also [`ErrorKind::Timeout`](crate::ErrorKind::Timeout),
    /// without a [`DiskOnionError`], if tor doesn't answer in time. If the
    /// command had reached tor by then, tor may still add the service.
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
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if the service is not
    /// published in time. It is taken out of the configuration again then. Its
    /// directory stays, so that it has the same address the next time.
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

    /// Takes a service that was just added out of the configuration, because
    /// the rest of the call failed.
    fn take_out_again(&self, service: &DiskOnion) {
        let undoing = self.controller.undoing_within(REMOVE_WITHIN);
        match DiskOnions::of(&undoing).remove(service.directory()) {
            Ok(_) => {}
            Err(error) if is_not_configured(&error) => {}
            Err(error) => {
                let directory = service.directory().display();
                log::warn!(target: "scape::onion", "{directory} stays configured: {error}");
            }
        }
    }

    /// As [`add`](Self::add), with a key of one's own, or clients, which are
    /// put there before tor looks, in files of mode 0600. (What this program
    /// may not give to tor's user, it must be tor's user itself to write.)
    ///
    /// # Errors
    ///
    /// As with `add`; [`DiskOnionProblem::OtherKey`] where there is another
    /// key, which is not overwritten; and those of
    /// [`AuthorizedClients::add`](crate::onion::client_auth::AuthorizedClients::add).
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

    /// Replaces the service with this directory by another, in its place. Its
    /// keys stay in their directory, unless the other has another directory.
    ///
    /// # Errors
    ///
    /// As with [`add`](Self::add); and [`DiskOnionProblem::NotConfigured`]
    /// where there is none with this directory.
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

    /// Takes the service with this directory out of the configuration, and
    /// gives what it was: added again, it has the same address. Its circuits
    /// are closed. The directory, with its key, stays.
    ///
    /// # Errors
    ///
    /// [`DiskOnionProblem::NotConfigured`] where there is none with this
    /// directory.
    pub fn remove(&self, directory: impl AsRef<Path>) -> Result<DiskOnion> {
        self.edit(|services| Ok(services.remove(find(services, directory.as_ref())?)))
    }

    /// Has tor read again what is in the services' directories, their
    /// [authorized clients](crate::onion::client_auth::AuthorizedClients) above
    /// all: sends it the services as they are.
    ///
    /// Where a service's clients have changed, tor publishes it anew.
    /// **Directories refuse that** (`UPLOAD_REJECTED`) within the same second
    /// as the last time, since descriptors are numbered by seconds, and tor
    /// 0.4.9 does not try again before an hour or two: so clients that are to
    /// be there from the beginning are given with [`add_with`](Self::add_with),
    /// and whoever must be sure of a change waits with a [`Publication`] that
    /// was begun before.
    ///
    /// This is the safe way. `SIGNAL RELOAD` does so, too, but it also reads
    /// the torrc again, and drops every option that was not saved, services
    /// included; and a torrc that cannot be read ends tor.
    pub fn reread(&self) -> Result<()> {
        let call = self.on_one_tor()?;
        let _turn = call.turn()?;
        let services = call.list()?;
        if services.is_empty() { Ok(()) } else { call.write(&services) }
    }

    /// Changes all services at once, in one command: `change` is given all of
    /// them, and what it leaves is sent to tor, if it is something else. This
    /// looks at no files, so it is also for a tor on another machine.
    ///
    /// **A directory that tor cannot make or write to ends tor 0.4.9**: the one
    /// above it must be there.
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
    /// Returns the error of `change`, an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for a new or changed
    /// service that tor would not take or for two with one directory, and an
    /// error with a [`DiskOnionError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if tor refuses. Nothing
    /// has changed then.
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if another
    /// thread's change is not done in time (`change` itself must not make one),
    /// or if tor doesn't answer in time. In that case the services are put back
    /// as they were, which may take five seconds more. If tor doesn't answer
    /// that either, it may still make the change later.
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
    /// the call, because the next one may lead to another tor.
    fn put_back(&self, before: &[DiskOnion], services: &[DiskOnion]) {
        let uncancelled = self.controller.undoing_within(REMOVE_WITHIN);
        // Also if the call's own timeout is shorter: tor is late already.
        let undoing = DiskOnions::of(&uncancelled.with_timeout(REMOVE_WITHIN)).in_one_call();
        // tor has dealt with the change when it answers this.
        let undone = undoing.list().and_then(|now| {
            let is_changed = format_group(&now) == format_group(services);
            if is_changed { undoing.write(before) } else { Ok(()) }
        });
        if let Err(error) = undone {
            log::warn!(target: "scape::onion", "a change of the onion services may still be made: {error}");
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
            // It cannot be sent back as it was.
            if value.contains('\u{fffd}') {
                let problem = format!(
                    "{} has a value that is no UTF-8: {value}; nothing was changed",
                    line.name
                );
                return Err(Error::answer("GETCONF HiddenServiceOptions", problem));
            }
            command.quoted(&line.name, &value);
        }
        reconfigure(&self.controller, command.finish()?, None)
    }

    /// The user that tor runs as, where it says so.
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

/// Those that are new or changed are checked; what tor had already is not for
/// us to refuse.
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

/// tor would take two services with one key, and serve one of them.
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

/// What was made for a service stays, unless it is sure that tor has not taken
/// it; a refusal is explained.
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

/// tor's refusal, with what may be its reason.
fn explain(error: Error, service: &DiskOnion, tor: Option<u32>) -> Error {
    let refused = match error.exact::<DiskOnionError>() {
        Some(refused) if matches!(refused.problem, DiskOnionProblem::Refused) => refused.clone(),
        _ => return error,
    };
    let problem = directory::explain(service, tor).unwrap_or(DiskOnionProblem::Refused);
    refused.explained(service.directory(), problem).into()
}
