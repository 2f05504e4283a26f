//! Answers that need not be asked for again.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::connection::Tracker;
use crate::event::{Event, EventBody, EventKind};
use crate::protocol::{ConfLine, Signal};

/// Which of tor's answers are kept, so that asking again takes no round trip.
///
/// Everything kept is forgotten when the configuration changes, as far as this
/// connection hears of it (CONF_CHANGED, SIGNAL RELOAD, its own commands), and
/// when the connection is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Caching {
    /// Nothing: every call asks tor.
    Off,
    /// What cannot change as long as tor runs: its version, the names and types
    /// of its options, keys, events and signals, the names of its files, its
    /// process. Never stale.
    #[default]
    Constants,
    /// Also the values of configuration options (GETCONF). To hear of their
    /// changes it has CONF_CHANGED and SIGNAL sent. A change that was made
    /// through this connection is seen at once; another controller's change is
    /// seen when its CONF_CHANGED has arrived, some microseconds after tor made
    /// it. Whoever cannot have that does not choose this.
    Configuration,
}

/// The keys of GETINFO whose values are the same as long as tor runs.
const CONSTANT_KEYS: &[&str] = &[
    "config-defaults-file",
    "config-file",
    "config/defaults",
    "config/names",
    "events/names",
    "exit-policy/default",
    "features/names",
    "info/names",
    "process/pid",
    "process/uid",
    "process/user",
    "signal/names",
    "version",
];

/// The commands after which nothing that depends on the configuration may be
/// taken from here.
const CHANGING_COMMANDS: &[&str] = &["SETCONF", "RESETCONF", "LOADCONF", "SIGNAL"];

/// The answers that are kept.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    caching: Caching,
    /// Counts how often everything was forgotten: an answer is kept only where
    /// that has not happened since it was asked for.
    generation: u64,
    info: HashMap<String, Arc<[u8]>>,
    conf: HashMap<Vec<String>, Arc<[ConfLine]>>,
}

/// A question that is being asked: for [`Cache::keep_info`] and
/// [`Cache::keep_conf`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked(u64);

impl Cache {
    /// The events by which it hears of changes.
    pub(super) const KINDS: &[EventKind] = &[EventKind::ConfChanged, EventKind::Signal];

    /// Chooses what is kept from now on; what was kept so far is forgotten.
    pub(super) fn set_caching(&self, caching: Caching) {
        let mut kept = self.0.lock();
        kept.forget();
        kept.caching = caching;
    }

    pub(super) fn caching(&self) -> Caching {
        self.0.lock().caching
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        self.0.lock().forget();
    }

    /// Forgets everything if `command`, which was written just now, may have
    /// changed it. (What is asked for from now on is answered after it; what
    /// was asked for before is not kept.)
    pub(super) fn was_sent(&self, keyword: &str) {
        if CHANGING_COMMANDS.iter().any(|changing| keyword.eq_ignore_ascii_case(changing)) {
            self.forget();
        }
    }

    /// The kept values of all these keys; or what to keep them with once they
    /// were asked for.
    pub(super) fn info(&self, keys: &[&str]) -> Result<Vec<Vec<u8>>, Asked> {
        let kept = self.0.lock();
        let values = keys.iter().map(|key| kept.info.get(*key).map(|value| value.to_vec()));
        values.collect::<Option<_>>().ok_or(Asked(kept.generation))
    }

    /// Keeps those of the values that may be kept.
    pub(super) fn keep_info(&self, asked: Asked, keys: &[&str], values: &[Vec<u8>]) {
        let mut kept = self.0.lock();
        if kept.caching == Caching::Off || kept.generation != asked.0 {
            return;
        }
        for (key, value) in keys.iter().zip(values) {
            if CONSTANT_KEYS.contains(key) {
                kept.info.insert((*key).to_owned(), value.as_slice().into());
            }
        }
    }

    /// The kept lines of exactly these options; or what to keep them with once
    /// they were asked for.
    pub(super) fn conf(&self, names: &[String]) -> Result<Vec<ConfLine>, Asked> {
        let kept = self.0.lock();
        kept.conf.get(names).map(|lines| lines.to_vec()).ok_or(Asked(kept.generation))
    }

    /// Keeps the lines of options, where they may be kept.
    pub(super) fn keep_conf(&self, asked: Asked, names: Vec<String>, lines: &[ConfLine]) {
        let mut kept = self.0.lock();
        if kept.caching == Caching::Configuration && kept.generation == asked.0 {
            kept.conf.insert(names, lines.into());
        }
    }
}

impl Kept {
    fn forget(&mut self) {
        self.generation += 1;
        self.info.clear();
        self.conf.clear();
    }
}

impl Tracker for Cache {
    fn event(&self, event: &Arc<Event>) {
        let changed = match event.kind() {
            EventKind::Signal => matches!(event.body(), EventBody::Signal(Signal::Reload)),
            kind => *kind == EventKind::ConfChanged,
        };
        if changed {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(cache: &Cache) -> bool {
        cache.info(&["version"]).is_ok()
    }

    fn keep(cache: &Cache, asked: Asked) {
        cache.keep_info(asked, &["version", "uptime"], &[b"1".to_vec(), b"2".to_vec()]);
    }

    #[test]
    fn only_constants_are_kept() {
        let cache = Cache::default();
        keep(&cache, cache.info(&["version"]).unwrap_err());
        assert_eq!(cache.info(&["version"]).unwrap(), [b"1"]);
        assert!(cache.info(&["uptime"]).is_err());
        assert!(cache.info(&["version", "uptime"]).is_err());
    }

    #[test]
    fn nothing_is_kept_that_was_asked_before_a_change() {
        let cache = Cache::default();
        let asked = cache.info(&["version"]).unwrap_err();
        cache.was_sent("setconf");
        keep(&cache, asked);
        assert!(!kept(&cache));
        keep(&cache, cache.info(&["version"]).unwrap_err());
        assert!(kept(&cache));
        cache.was_sent("GETCONF");
        assert!(kept(&cache));
    }

    #[test]
    fn options_are_kept_where_that_was_chosen() {
        let cache = Cache::default();
        let names = vec!["Nickname".to_owned()];
        let keep = |cache: &Cache| {
            let asked = cache.conf(&names).unwrap_err();
            cache.keep_conf(asked, names.clone(), &[]);
            cache.conf(&names).is_ok()
        };
        assert!(!keep(&cache));
        cache.set_caching(Caching::Configuration);
        assert!(keep(&cache));
        cache.set_caching(Caching::Off);
        assert!(!keep(&cache));
    }
}
