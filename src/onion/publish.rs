//! The methods of [`OnionBuilder`] that publish the service.

use super::builder::{OnionBuilder, To};
use super::disk::{DiskOnion, DiskOnions};
use super::listener::{Door, OnionListener};
use super::publication::Publication;
use super::service::OnionService;
use super::wait::Wait;
use crate::control::{Controller, OnionTarget};
use crate::error::{Error, Phase, Result};
use crate::io::transport::{Address, Deadline};
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::word::Progress;

/// Methods that publish the service.
impl OnionBuilder {
    /// Adds the service to tor and waits until it is published. If this fails,
    /// the service is removed from tor again.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// let controller = scape::connect()?;
    /// // A web server listens on 127.0.0.1:8080.
    /// let service = OnionBuilder::new(&controller).port(80, 8080).publish()?;
    /// println!("http://{service}/");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument), before anything is
    /// added:
    ///
    /// * if there are no ports;
    /// * if a port or the port of a target is 0;
    /// * if a port is given twice;
    /// * if a [`virtual_port`](Self::virtual_port) was added, because only
    ///   [`listen`](Self::listen) accepts its connections;
    /// * if [`single_hop`](Self::single_hop) was called, but tor isn't in
    ///   single-hop mode;
    /// * if tor is in single-hop mode, but [`single_hop`](Self::single_hop)
    ///   wasn't called;
    /// * if the control port doesn't allow events about descriptors, unless the
    ///   [`wait`](Self::wait) is [`Wait::Nothing`].
    ///
    /// The kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused), with
    /// tor's text, if tor refuses, for example because a service with this key
    /// exists already (550).
    ///
    /// Returns an error with a [`PublishError`](crate::onion::PublishError)
    /// (kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if the service
    /// isn't published within the [`timeout`](Self::timeout). The error
    /// contains the answer of each directory. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the control
    /// connection has ended. The kind is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the call was
    /// cancelled (see [`cancel_with`](Self::cancel_with)).
    pub fn publish(mut self) -> Result<OnionService> {
        let mut ports = Vec::new();
        for (port, to) in self.checked_ports()? {
            match to {
                To::Target(target) => ports.push((port, target)),
                To::Listener => {
                    let why =
                        "has no target: add it with port(), or call listen() instead of publish()";
                    return Err(invalid(&format!("port {port}"), why));
                }
            }
        }
        self.publish_ports(ports)
    }

    /// Binds the local socket, adds the service, and waits until it is
    /// published. Clients may have connected already when this returns.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// let controller = scape::connect()?;
    /// let listener = OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// println!("http://{}/", listener.address());
    /// let stream = listener.accept()?;
    /// # let _ = stream;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`publish`](Self::publish), most often a
    /// [`PublishError`](crate::onion::PublishError), except that virtual ports
    /// are allowed. The kind is also
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument):
    ///
    /// * if there is no [`virtual_port`](Self::virtual_port);
    /// * if the path of the Unix socket is relative or contains a space;
    /// * if tor is on another machine that can't reach the listener's socket
    ///   (see [`reached_at`](Self::reached_at)).
    ///
    /// The kind is [`ErrorKind::Io`](crate::ErrorKind::Io) if the local socket
    /// can't be bound. After an error, the socket is closed and the service is
    /// removed.
    #[doc(alias = "create_onion_endpoint")]
    pub fn listen(mut self) -> Result<OnionListener> {
        self.deadline().check_cancelled(Phase::Publish)?;
        let wanted = self.checked_ports()?;
        let is_own = |(port, to): &(u16, To)| (*to == To::Listener).then_some(*port);
        let own: Vec<u16> = wanted.iter().filter_map(is_own).collect();
        if own.is_empty() {
            let why = "has none for the listener: add one with virtual_port(), or call publish() instead of listen()";
            return Err(invalid("list of ports", why));
        }
        self.local.check()?;
        let sockets = std::mem::take(&mut self.local).bind(&own)?;
        if self.reached_at.is_none() {
            let targets = sockets.iter().map(|(socket, _)| socket.target());
            check_reachable(self.controller.tor_address(), targets)?;
        }
        let mut served = Vec::new();
        for (socket, own) in &sockets {
            let target = self.reached_at.clone().unwrap_or_else(|| socket.target());
            served.extend(own.iter().map(|port| (*port, target.clone())));
        }
        // Restore the order in which the ports were added.
        let target_of = |(port, to): (u16, To)| match to {
            To::Target(target) => Some((port, target)),
            To::Listener => served.iter().find(|(own, _)| *own == port).cloned(),
        };
        let ports = wanted.into_iter().filter_map(target_of).collect();
        let door = Door::open(sockets)?;
        let service = self.publish_ports(ports)?;
        OnionListener::new(service, door)
    }

    fn checked_ports(&mut self) -> Result<Vec<(u16, To)>> {
        let ports = std::mem::take(&mut self.ports);
        if ports.is_empty() {
            let why = "is empty: a service needs one: port() with its local target, or virtual_port() for a listener";
            return Err(invalid("list of ports", why));
        }
        for (at, (port, to)) in ports.iter().enumerate() {
            if *port == 0
                || matches!(to, To::Target(OnionTarget::Tcp(address)) if address.port() == 0)
            {
                return Err(invalid("port", "is 0, which is no port"));
            }
            if ports.iter().take(at).any(|(before, _)| before == port) {
                return Err(invalid(&format!("port {port}"), "is given twice"));
            }
        }
        Ok(ports)
    }

    /// Returns the deadline of a call that begins now.
    fn deadline(&self) -> Deadline {
        let deadline = Deadline::after(self.timeout).cancelled_by(self.cancel.as_ref());
        deadline.earlier(self.controller.deadline_after(self.timeout))
    }

    /// Adds the service with these ports and waits until it is published. If
    /// this fails, the service is removed again.
    fn publish_ports(mut self, ports: Vec<(u16, OnionTarget)>) -> Result<OnionService> {
        let deadline = self.deadline();
        deadline.check_cancelled(Phase::Publish)?;
        let tor = self.controller.until(deadline);
        let mut tell = self.on_progress.take();
        let mut tell = |progress: &Progress| {
            if let Some(tell) = &mut tell {
                tell(progress);
            }
        };
        for (port, target) in &ports {
            self.service = self.service.port(*port, target.clone());
        }
        if let Some(key) = &self.key {
            self.service = self.service.key(key.clone());
        }
        // Report invalid arguments before anything is sent.
        self.service.check()?;
        tell(&Progress::new(0, "adding", "Adding the onion service"));
        self.check_single_hop(&tor)?;
        let publication = match self.wait {
            Wait::Nothing => None,
            _ => Some(Publication::begin(&tor).map_err(no_events)?),
        };
        let service = match self.on_disk {
            Some(service) => {
                let add = |service: DiskOnion, (port, target): &(u16, OnionTarget)| {
                    service.port(*port, target.clone())
                };
                let configured = DiskOnions::of(&tor).add(&ports.iter().fold(service, add))?;
                OnionService::configured(self.controller, &configured, ports, self.keep)
            }
            None => {
                let tor = tor.on_this_link()?;
                let mut added = tor.add_onion(&self.service)?;
                added.key = added.key.or(self.key);
                let kept = match self.detached {
                    true => tor.keep_detached(&self.service, &added),
                    false => Ok(()),
                };
                let service =
                    OnionService::new(self.controller, added, ports, self.detached, self.keep);
                if let Err(error) = kept {
                    service.undo();
                    return Err(error);
                }
                service
            }
        };
        let address = *service.address();
        let published = match publication {
            Some(publication) => publication.wait_until(&address, self.wait, deadline, tell),
            None => {
                tell(&Progress::new(100, "added", "tor has the service"));
                Ok(())
            }
        };
        // A cancelled call returns no service, even if it was published at the
        // last moment.
        match published.and_then(|()| deadline.check_cancelled(Phase::Publish)) {
            Ok(()) => Ok(service),
            Err(error) => {
                service.undo();
                Err(error)
            }
        }
    }

    /// Checks that tor's mode and [`single_hop`](Self::single_hop) agree. tor
    /// refuses a mismatch, too, but its text doesn't say what to do. If a
    /// filter on the control port refuses GETCONF, this returns `Ok` and leaves
    /// the check to tor.
    fn check_single_hop(&self, tor: &Controller) -> Result<()> {
        const OPTIONS: [&str; 2] = ["HiddenServiceNonAnonymousMode", "HiddenServiceSingleHopMode"];
        let lines = match tor.get_conf_lines(OPTIONS) {
            Ok(lines) => lines,
            Err(error) if error.is::<Refusal>() => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_on =
            |name| lines.iter().any(|line| line.name == name && line.value.as_deref() == Some("1"));
        let is_single_hop = OPTIONS.into_iter().all(is_on);
        match (self.single_hop, is_single_hop) {
            (true, false) => Err(invalid(
                "single hop",
                "was asked for, but this tor hides its services: it must be started with HiddenServiceNonAnonymousMode 1, \
                 HiddenServiceSingleHopMode 1 and SocksPort 0",
            )),
            (false, true) => Err(invalid(
                "service",
                "would not be hidden: this tor has HiddenServiceNonAnonymousMode 1 and HiddenServiceSingleHopMode 1; call \
                 single_hop() if that is intended, or use another tor",
            )),
            _ => Ok(()),
        }
    }

    /// Makes a single onion service: **its location is not hidden**, and in
    /// exchange it is faster. This requires a tor that is configured with
    /// `HiddenServiceNonAnonymousMode 1`, `HiddenServiceSingleHopMode 1` and
    /// `SocksPort 0`. Such a tor can't do anything else.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).single_hop();
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn single_hop(mut self) -> Self {
        self.service = self.service.non_anonymous();
        self.single_hop = true;
        self
    }
}

/// Returns an error if tor is on another machine and a target is only reachable
/// from this machine. For a tor on another machine, a loopback address leads to
/// that other machine.
fn check_reachable(
    control: Option<&Address>,
    mut targets: impl Iterator<Item = OnionTarget>,
) -> Result<()> {
    let Some(remote) = control.filter(|address| !address.is_on_this_machine()) else {
        return Ok(());
    };
    let is_here_only = |target: &OnionTarget| match target {
        OnionTarget::Tcp(address) => address.ip().is_loopback(),
        #[cfg(unix)]
        OnionTarget::Unix(_) => true,
    };
    match targets.find(is_here_only) {
        Some(target) => {
            let why = format!(
                "at {target} can't be reached by the tor at {remote}, which is on another machine: say where tor reaches it \
                 (reached_at), or listen at an address that the other machine can connect to (local)"
            );
            Err(invalid("listener's socket", &why))
        }
        None => Ok(()),
    }
}

/// Replaces the refusal of HS_DESC events by a filter on the control port with
/// an error that says what to do. Returns any other error unchanged.
fn no_events(error: Error) -> Error {
    match error.refusal() {
        Some(refusal) if refusal.is_unrecognized_command() => {
            let why = format!(
                "can't be honored, because the control port doesn't allow events about descriptors ({} {}): use \
                 wait(Wait::Nothing)",
                refusal.code(),
                refusal.excerpt()
            );
            invalid("wait", &why)
        }
        _ => error,
    }
}

fn invalid(what: &str, why: &str) -> Error {
    ArgumentError::invalid("OnionBuilder", what, why).into()
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::io::transport::Transport;

    fn check(control: Option<&str>, target: impl Into<OnionTarget>) -> Result<()> {
        let control = control.map(|control| control.parse::<Address>().unwrap());
        check_reachable(control.as_ref(), [target.into()].into_iter())
    }

    #[test]
    fn listen_sends_nothing_to_a_tor_on_another_machine() {
        let (ours, theirs) = Transport::pair();
        let controller = Controller::as_if_at(ours, "192.0.2.1:9051");
        let builder =
            OnionBuilder::new(&controller).virtual_port(80).timeout(Duration::from_millis(500));
        let error = builder.listen().unwrap_err();
        assert!(error.is::<ArgumentError>() && error.to_string().contains("reached_at"), "{error}");
        drop(controller);
        let mut sent = String::new();
        std::io::Read::read_to_string(&mut &theirs, &mut sent).unwrap();
        assert_eq!(sent, "");
    }

    #[test]
    fn loopback_listener_is_refused_if_tor_is_on_another_machine() {
        let local = |text: &str| OnionTarget::Tcp(text.parse().unwrap());
        for remote in ["192.0.2.1:9051", "tor.example:9051"] {
            for target in ["127.0.0.1:40913", "[::1]:80"] {
                let error = check(Some(remote), local(target)).unwrap_err();
                assert!(error.is::<ArgumentError>(), "{error}");
                for part in ["reached_at", remote, target] {
                    assert!(error.to_string().contains(part), "{error}");
                }
            }
            #[cfg(unix)]
            assert!(check(Some(remote), PathBuf::from("/run/app/socket")).is_err());
            assert!(check(Some(remote), local("192.0.2.7:80")).is_ok());
        }
        for here in [None, Some("127.0.0.1:9051"), Some("localhost:9051"), Some("/run/tor/control")]
        {
            assert!(check(here, local("127.0.0.1:80")).is_ok(), "{here:?}");
        }
    }
}
