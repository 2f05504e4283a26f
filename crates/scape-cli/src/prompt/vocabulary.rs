//! The words that can be completed.

use scape::Controller;

use super::help_texts::COMMANDS;
use super::line::SLASH_COMMANDS;

/// The words that a tor knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    /// Commands of the protocol and of the prompt.
    pub(super) commands: Vec<String>,
    pub(super) keys: Vec<String>,
    pub(super) options: Vec<String>,
    pub(super) events: Vec<String>,
    pub(super) signals: Vec<String>,
    pub(super) features: Vec<String>,
    /// Nicknames of relays, without those that several relays have.
    pub(super) relays: Vec<String>,
    pub(super) circuits: Vec<String>,
    pub(super) streams: Vec<String>,
}

impl Vocabulary {
    /// Asks tor for its words. A list stays empty if tor refuses to tell.
    pub(super) fn of(controller: &Controller) -> Self {
        let info = controller.info();
        let commands = COMMANDS.iter().map(|command| command.name);
        let keys = info.info_names().unwrap_or_default();
        let mut relays: Vec<String> = info
            .network_statuses()
            .unwrap_or_default()
            .iter()
            .map(|relay| relay.nickname().to_owned())
            .collect();
        relays.sort();
        relays.dedup();
        Vocabulary {
            commands: commands.chain(SLASH_COMMANDS).map(str::to_owned).collect(),
            keys: keys.iter().map(|name| name.key.trim_end_matches('*').to_owned()).collect(),
            options: words(&info.config_names().unwrap_or_default(), |it| it.name.clone()),
            events: words(&info.known_events().unwrap_or_default(), ToString::to_string),
            signals: words(&info.known_signals().unwrap_or_default(), ToString::to_string),
            features: info.known_features().unwrap_or_default(),
            relays,
            ..Vocabulary::default()
        }
    }

    /// Asks for the circuits and streams of this moment.
    pub(super) fn update(&mut self, controller: &Controller) {
        self.circuits = words(&controller.circuits().unwrap_or_default(), |it| it.id.to_string());
        self.streams = words(&controller.streams().unwrap_or_default(), |it| it.id.to_string());
    }
}

fn words<T>(items: &[T], word: impl Fn(&T) -> String) -> Vec<String> {
    items.iter().map(word).collect()
}
