//! Fetching the descriptor from the directories that store it.

use std::time::Instant;

use scape::Controller;
use scape::control::{HsFetch, HsFetchError};
use scape::word::{Fingerprint, OnionAddress};
use serde::Serialize;

use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::printable;

/// A directory that was asked for the descriptor.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    /// The fingerprint of the relay. Missing if tor has chosen it and didn't
    /// tell it.
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) nickname: Option<String>,
    /// The revision of the descriptor that the directory has.
    pub(super) revision: Option<u64>,
    /// The reason if the directory has no descriptor.
    pub(super) error: Option<String>,
}

/// The result of asking the directories.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) asked: Vec<Asked>,
    /// The text of the descriptor with the highest revision.
    pub(super) newest: Option<Vec<u8>>,
    /// The exit code if a directory didn't answer.
    pub(super) exit: Option<Exit>,
}

/// Asks the directories one after the other, until one has the descriptor, or
/// all of them.
pub(super) fn fetch(
    context: &Context,
    controller: &Controller,
    address: OnionAddress,
    all: bool,
) -> Result<Fetched, Failure> {
    let deadline = Instant::now() + context.network_timeout();
    let busy = Busy::new("looking for the directories");
    let relays = controller.hs_descriptors().directories()?.responsible(&address);
    let mut fetched = Fetched { asked: Vec::new(), newest: None, exit: None };
    let mut highest = None;
    for (number, relay) in relays.iter().enumerate() {
        busy.say(format_args!("asking directory {} of {}", number + 1, relays.len()));
        // Each of the remaining directories gets its part of the time, because
        // one may be offline.
        let left = deadline.saturating_duration_since(Instant::now());
        let part = left / u32::try_from(relays.len() - number).unwrap_or(1);
        let fetch = HsFetch::new(address).server(relay);
        let result = controller.hs_descriptors().fetch(fetch, part);
        let mut asked = Asked {
            fingerprint: Some(*relay),
            nickname: nickname(controller, *relay)?,
            revision: None,
            error: None,
        };
        match result {
            Ok(found) => {
                asked.revision = found.content.parse().ok().and_then(|it| it.revision_counter);
                if fetched.newest.is_none() || asked.revision > highest {
                    highest = asked.revision;
                    fetched.newest = Some(found.content.into_bytes());
                }
            }
            Err(error) if error.get::<HsFetchError>().is_some() => {
                let failure = Failure::from(error);
                asked.error = Some(printable(&failure.message));
                fetched.exit = Some(failure.exit);
            }
            Err(error) => return Err(error.into()),
        }
        fetched.asked.push(asked);
        if !all && fetched.newest.is_some() {
            break;
        }
    }
    Ok(fetched)
}

/// Returns the nickname of a relay in the consensus.
pub(super) fn nickname(
    controller: &Controller,
    relay: Fingerprint,
) -> Result<Option<String>, Failure> {
    Ok(controller.info().network_status(relay)?.map(|relay| relay.nickname().to_owned()))
}
