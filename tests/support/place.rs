//! A scripted tor that tests stop and start again.
#![allow(dead_code, reason = "each test uses a part")]

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use parking_lot::Mutex;
use scape::connection::ConnectionStatus;
use scape::control::Reconnect;
use scape::testing::ScriptedTor;
use scape::{Connect, Controller, Registration};

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Returns a policy that reconnects at once and keeps trying.
pub(crate) fn eager() -> Reconnect {
    Reconnect::new().first_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(20))
}

/// A place where at most one scripted tor runs at a time. Connections go to the
/// tor that runs there now. To simulate a restart of tor, a test replaces the
/// scripted tor by another one.
#[derive(Clone, Default)]
pub(crate) struct Place(Arc<Mutex<Option<ScriptedTor>>>);

impl Place {
    pub(crate) fn put(&self, tor: ScriptedTor) {
        *self.0.lock() = Some(tor);
    }

    /// Stops the tor, and returns the lines that it has received. Its
    /// connections end, and new ones are refused.
    pub(crate) fn kill(&self) -> Vec<String> {
        let tor = self.0.lock().take().unwrap();
        let sent = tor.sent();
        drop(tor);
        sent
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&ScriptedTor) -> T) -> T {
        look(self.0.lock().as_ref().unwrap())
    }

    pub(crate) fn connect(&self) -> Connect {
        let place = self.clone();
        Connect::through(move || match &*place.0.lock() {
            Some(tor) => Ok(tor.transport()?),
            None => Err(std::io::ErrorKind::ConnectionRefused.into()),
        })
        .timeout(SOON)
    }
}

pub(crate) fn plain() -> ScriptedTor {
    ScriptedTor::builder().start().unwrap()
}

/// Adds a status listener. Returns the listener, and a channel on which each
/// status arrives as a short text.
pub(crate) fn statuses(controller: &Controller) -> (Registration, Receiver<String>) {
    let (sender, receiver) = unbounded();
    let listener = controller
        .on_status(move |status| {
            let word = match status {
                ConnectionStatus::Connected => "connected".to_owned(),
                ConnectionStatus::Reloaded => "reloaded".to_owned(),
                ConnectionStatus::Closed(_) => "closed".to_owned(),
                ConnectionStatus::ReconnectFailed { next: Some(_), .. } => "failed".to_owned(),
                ConnectionStatus::ReconnectFailed { next: None, .. } => "gave up".to_owned(),
                ConnectionStatus::Reconnected(made) => {
                    format!("reconnected, {} lost", made.failures.len())
                }
                _ => "something new".to_owned(),
            };
            sender.send(word).unwrap();
        })
        .unwrap();
    (listener, receiver)
}

pub(crate) fn next(told: &Receiver<String>) -> String {
    told.recv_timeout(SOON).unwrap()
}
