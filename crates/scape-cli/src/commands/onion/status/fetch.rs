//! Fetches the descriptor of an onion service from the directories that store
//! it.

use std::collections::HashMap;
use std::time::Instant;

use scape::Controller;
use scape::control::{FetchedHsDescriptor, HsFetch, HsFetchError};
use scape::word::{Fingerprint, OnionAddress};
use serde::Serialize;

use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};

/// A directory that was asked for the descriptor, and its answer, as it is
/// printed with `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub(super) fingerprint: Fingerprint,
    pub(super) nickname: Option<String>,
    /// The revision of the directory's descriptor. `null` if the directory sent
    /// no descriptor, or if the descriptor has no revision.
    pub(super) revision: Option<u64>,
    /// The reason why the directory didn't send a descriptor, such as
    /// `NOT_FOUND`. `null` if the directory sent one.
    pub(super) error: Option<String>,
}

/// The result of asking the directories for the descriptor.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) asked: Vec<Asked>,
    /// The text of the descriptor with the highest revision. `None` if no
    /// directory has sent a descriptor.
    pub(super) newest: Option<Vec<u8>>,
    /// The exit code of the last failure of a directory. `None` if no directory
    /// has failed.
    pub(super) exit: Option<Exit>,
}

/// The answer of a directory: the revision of its descriptor, or the reason why
/// it sent none.
type Answer = Result<Option<u64>, String>;

/// Asks the directories that store the descriptor one after the other, until
/// one sends it. If `all` is true, asks all of them.
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
    let mut answers: HashMap<Fingerprint, Answer> = HashMap::new();
    for (number, relay) in relays.iter().enumerate() {
        // If the requested directory fails, tor also asks others. A directory
        // whose answer is known isn't asked again.
        if !answers.contains_key(relay) {
            busy.say(format_args!("asking directory {} of {}", number + 1, relays.len()));
            // Each of the remaining directories gets an equal part of the time,
            // because one of them may be offline.
            let left = deadline.saturating_duration_since(Instant::now());
            let part = left / u32::try_from(relays.len() - number).unwrap_or(1);
            let fetch = HsFetch::new(address).server(relay);
            match controller.hs_descriptors().fetch(fetch, part) {
                Ok(found) => fetched.found(&mut answers, *relay, found),
                Err(error) => fetched.failed(&mut answers, *relay, error)?,
            }
        }
        if !all && fetched.newest.is_some() {
            break;
        }
    }
    let known = relays.into_iter().filter_map(|relay| Some((relay, answers.remove(&relay)?)));
    for (relay, answer) in known {
        let (revision, error) = match answer {
            Ok(revision) => (revision, None),
            Err(reason) => (None, Some(reason)),
        };
        let nickname = nickname(controller, relay)?;
        fetched.asked.push(Asked { fingerprint: relay, nickname, revision, error });
    }
    Ok(fetched)
}

impl Fetched {
    /// Records a descriptor that was received. `named` is the directory that
    /// was asked. If it failed, tor may have received the descriptor from
    /// another one.
    fn found(
        &mut self,
        answers: &mut HashMap<Fingerprint, Answer>,
        named: Fingerprint,
        found: FetchedHsDescriptor,
    ) {
        let from = found.hsdir.as_ref().and_then(|hsdir| hsdir.fingerprint()).unwrap_or(named);
        if from != named {
            answers.insert(named, Err("no descriptor".to_owned()));
        }
        let revision = found.content.parse().ok().and_then(|content| content.revision_counter);
        let highest = answers.values().filter_map(|answer| answer.clone().ok()).max();
        if highest.is_none_or(|highest| revision > highest) {
            self.newest = Some(found.content.into_bytes());
        }
        answers.insert(from, Ok(revision));
    }

    /// Records the reasons why directories haven't sent the descriptor. `named`
    /// is the directory that was asked. If `error` isn't about directories,
    /// returns it as a failure.
    fn failed(
        &mut self,
        answers: &mut HashMap<Fingerprint, Answer>,
        named: Fingerprint,
        error: scape::Error,
    ) -> Result<(), Failure> {
        let Some(failed) = error.get::<HsFetchError>() else { return Err(error.into()) };
        for failure in &failed.failures {
            let relay = failure.hsdir.as_ref().and_then(|hsdir| hsdir.fingerprint());
            let reason = failure.reason.as_ref().map(ToString::to_string);
            let answer = Err(reason.unwrap_or_else(|| "tor gave no reason".to_owned()));
            if let Some(relay) = relay {
                answers.entry(relay).or_insert(answer);
            }
        }
        answers.entry(named).or_insert(Err("no answer in time".to_owned()));
        self.exit = Some(Failure::from(error).exit);
        Ok(())
    }
}

/// Returns the nickname of a relay. Returns `None` if the relay isn't in the
/// consensus.
pub(super) fn nickname(
    controller: &Controller,
    relay: Fingerprint,
) -> Result<Option<String>, Failure> {
    Ok(controller.info().network_status(relay)?.map(|relay| relay.nickname().to_owned()))
}
