//! The cache of tor's answers, so that the same question isn't sent again.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::io::connection::Tracker;
use scape_proto::control::{ConfLine, Signal};
use scape_proto::event::{Event, EventBody, EventKind};

/// The choice of which answers from tor are cached. Asking again for a cached
/// answer takes no round trip.
///
/// The cache is emptied when the connection is opened again, and when this
/// connection learns that the configuration may have changed. The connection
/// learns of changes from its own commands. With [`Caching::Configuration`], it
/// also learns of them from the events CONF_CHANGED and SIGNAL RELOAD.
///
/// ```
/// use scape::control::Caching;
/// use scape::Connect;
///
/// let connect = Connect::new().caching(Caching::Off);
/// # let _ = connect;
/// ```
#[doc(alias = "is_caching_enabled")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Caching {
    /// No answers. Every call asks tor.
    Off,
    /// Only answers that can't change while tor runs. So a cached answer is
    /// never out of date. Examples are tor's version, its process id, the paths
    /// of its configuration files, and the names of its options, events and
    /// signals. This is the default.
    #[default]
    Constants,
    /// The answers of [`Constants`](Self::Constants), and also the values of
    /// configuration options (GETCONF). The connection subscribes to the events
    /// CONF_CHANGED and SIGNAL to learn of changes.
    ///
    /// A change through this connection is visible at once. A change by another
    /// controller is visible when its CONF_CHANGED event has arrived, some
    /// microseconds after tor has made the change. Don't use this setting if
    /// that delay matters.
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

/// The commands that may change the configuration. The cache is emptied when
/// one of them is sent.
const CHANGING_COMMANDS: &[&str] = &["SETCONF", "RESETCONF", "LOADCONF", "SIGNAL"];

/// tor's answers that are cached, as [`Caching`] allows.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    caching: Caching,
    /// The number of times that the cache was emptied. An answer is cached only
    /// if this number hasn't changed since the question was sent.
    generation: u64,
    info: HashMap<String, Arc<[u8]>>,
    conf: HashMap<Vec<String>, Arc<[ConfLine]>>,
}

/// The number of times that the cache had been emptied when a question was
/// sent. From this number, [`Cache::keep_info`] and [`Cache::keep_conf`] learn
/// whether the answer is still valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked(u64);

impl Cache {
    /// The kinds of events that report a change of the configuration.
    pub(super) const KINDS: &[EventKind] = &[EventKind::ConfChanged, EventKind::Signal];

    /// Sets which answers are cached, empties the cache, and returns the
    /// previous setting.
    pub(super) fn set_caching(&self, caching: Caching) -> Caching {
        let mut kept = self.0.lock();
        kept.forget();
        std::mem::replace(&mut kept.caching, caching)
    }

    /// Empties the cache.
    pub(super) fn forget(&self) {
        self.0.lock().forget();
    }

    /// Empties the cache if a command with this keyword may change the
    /// configuration. The caller has just sent the command.
    ///
    /// Questions that are sent from now on are answered after the change.
    /// Answers to earlier questions are not cached.
    pub(super) fn was_sent(&self, keyword: &str) {
        if CHANGING_COMMANDS.iter().any(|changing| keyword.eq_ignore_ascii_case(changing)) {
            self.forget();
        }
    }

    /// Returns the cached values of all these keys. If a value is missing,
    /// returns the [`Asked`] that [`keep_info`](Self::keep_info) needs to cache
    /// tor's answer.
    pub(super) fn info(&self, keys: &[&str]) -> Result<Vec<Vec<u8>>, Asked> {
        let kept = self.0.lock();
        let values = keys.iter().map(|key| kept.info.get(*key).map(|value| value.to_vec()));
        values.collect::<Option<_>>().ok_or(Asked(kept.generation))
    }

    /// Caches the values that can't change while tor runs. The other values are
    /// ignored.
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

    /// Returns the cached lines of exactly these options. If they aren't
    /// cached, returns the [`Asked`] that [`keep_conf`](Self::keep_conf) needs
    /// to cache tor's answer.
    pub(super) fn conf(&self, names: &[String]) -> Result<Vec<ConfLine>, Asked> {
        let kept = self.0.lock();
        kept.conf.get(names).map(|lines| lines.to_vec()).ok_or(Asked(kept.generation))
    }

    /// Caches the lines of options if [`Caching::Configuration`] is set.
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
    fn default_cache_keeps_constants_only() {
        let cache = Cache::default();
        keep(&cache, cache.info(&["version"]).unwrap_err());
        assert_eq!(cache.info(&["version"]).unwrap(), [b"1"]);
        assert!(cache.info(&["uptime"]).is_err());
        assert!(cache.info(&["version", "uptime"]).is_err());
    }

    #[test]
    fn answer_to_question_before_a_change_is_not_cached() {
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
    fn options_are_cached_with_caching_of_the_configuration() {
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
