//! The words with which the editor completes a line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use scape::{Controller, Result};

use super::help_texts::COMMANDS;
use super::line::SLASH_COMMANDS;
use crate::base::output::printable;

/// The time limit for reading a list of words from tor. It is short, because
/// the user has pressed Tab and waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// A list of words of one kind, which can complete a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    /// The commands of the control protocol and of the prompt.
    Commands,
    Keys,
    Options,
    Events,
    Signals,
    Features,
    /// The nicknames of the relays in the consensus.
    Relays,
    Circuits,
    Streams,
}

/// The words that the running tor knows. A list is read from tor when it is
/// needed for the first time.
#[derive(Debug)]
pub(super) struct Vocabulary {
    controller: Controller,
    known: RefCell<BTreeMap<List, Vec<String>>>,
}

impl Vocabulary {
    pub(super) fn new(controller: &Controller) -> Self {
        let controller = controller.with_timeout(PATIENCE);
        Vocabulary { controller, known: RefCell::default() }
    }

    /// Returns the words of a list. Returns no words if tor doesn't send the
    /// list within [`PATIENCE`].
    pub(super) fn words(&self, list: List) -> Vec<String> {
        if let Some(known) = self.known.borrow().get(&list) {
            return known.clone();
        }
        let Ok(mut words) = self.ask(list) else { return Vec::new() };
        // The editor doesn't escape words, so words that must be escaped are
        // left out.
        words.retain(|word| printable(word) == *word);
        // An empty list isn't stored, because tor may have no consensus yet.
        // Circuits and streams aren't stored, because they change.
        let is_lasting = !words.is_empty() && !matches!(list, List::Circuits | List::Streams);
        if is_lasting {
            self.known.borrow_mut().insert(list, words.clone());
        }
        words
    }

    fn ask(&self, list: List) -> Result<Vec<String>> {
        let info = self.controller.info();
        Ok(match list {
            List::Commands => {
                let commands = COMMANDS.iter().map(|command| command.name);
                commands.chain(SLASH_COMMANDS).map(str::to_owned).collect()
            }
            List::Keys => words(&info.info_names()?, |it| it.key.trim_end_matches('*').to_owned()),
            List::Options => words(&info.config_names()?, |it| it.name.clone()),
            List::Events => words(&info.known_events()?, ToString::to_string),
            List::Signals => words(&info.known_signals()?, ToString::to_string),
            List::Features => info.known_features()?,
            List::Relays => words(&info.network_statuses()?, |it| it.nickname().to_owned()),
            List::Circuits => words(&self.controller.circuits()?, |it| it.id.to_string()),
            List::Streams => words(&self.controller.streams()?, |it| it.id.to_string()),
        })
    }
}

fn words<T>(items: &[T], word: impl Fn(&T) -> String) -> Vec<String> {
    items.iter().map(word).collect()
}
