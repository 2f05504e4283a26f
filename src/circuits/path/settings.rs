//! The settings of circuits, which a [`CircuitBuilder`](super::CircuitBuilder)
//! collects.

use std::time::Duration;

use super::builder::PathBuilder;
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::control::{ArgumentError, ArgumentProblem};
use scape_proto::event::CircuitPurpose;

/// The settings of circuits, as set by the methods of
/// [`CircuitBuilder`](super::CircuitBuilder).
#[derive(Debug, Clone)]
pub(super) struct CircuitSettings {
    pub(super) route: Route,
    pub(super) purpose: Option<CircuitPurpose>,
    pub(super) attempts: usize,
    pub(super) attempt_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
}

/// The way in which the relays of a circuit are chosen.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// tor chooses the relays.
    Tor,
    /// The user names all relays, first hop first.
    Along(Vec<String>),
    /// This library chooses the relays by the user's settings.
    Choosing(Box<PathBuilder>),
}

impl CircuitSettings {
    /// Creates the default settings with this route.
    pub(super) fn over(route: Route) -> Self {
        CircuitSettings {
            route,
            purpose: None,
            attempts: 3,
            attempt_timeout: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            concurrency: 4,
        }
    }

    /// Returns the deadline of a circuit that is started now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// Returns an error if a setting is invalid or contradicts another one.
    pub(super) fn check(&self) -> Result<()> {
        let invalid = |argument, why: &str| {
            let problem = ArgumentProblem::Invalid(why.into());
            Err(ArgumentError::new("CircuitBuilder", argument, problem).into())
        };
        if self.attempts == 0 {
            return invalid("number of attempts", "is 0");
        }
        if self.concurrency == 0 {
            return invalid("number of circuits at once", "is 0");
        }
        match &self.route {
            Route::Tor
                if self.purpose.as_ref().is_some_and(|it| *it != CircuitPurpose::General) =>
            {
                invalid("purpose", "must be general if tor chooses the relays")
            }
            Route::Along(relays) if relays.is_empty() => invalid("path", "is empty"),
            Route::Choosing(path) => path.check(),
            _ => Ok(()),
        }
    }
}
