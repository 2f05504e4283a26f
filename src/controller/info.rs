//! GETINFO.

mod accounting;
mod address_mappings;
mod config;
mod consensus;
mod directory;
mod downloads;
mod exit_policy;
mod geoip;
mod guards;
mod handshakes;
mod identity;
mod listeners;
mod names;
mod onions;
mod process;
mod relays;
mod status;
mod traffic;
mod value;
mod version;

pub use accounting::Accounting;
pub use consensus::{ConsensusLifetime, SharedRandom};
pub use handshakes::HandshakeStats;
pub use process::ProcessInfo;
pub use relays::DirServerQuery;
pub use status::Reachability;

use super::Controller;
use super::cache::{Cache, Caching};
use crate::error::{Error, Result};
use crate::protocol::{Command, Reply, parse_getinfo};
use crate::word::Version;

/// `GETINFO keys…`. control-spec, command GETINFO; what a given tor knows is in
/// its `info/names`.
///
/// What cannot change as long as tor runs, such as its version, is asked for
/// once: see [`Caching`].
impl Controller {
    /// Returns the value of one key as text. Bytes that are not UTF-8 become
    /// U+FFFD. The line end of a value of several lines is removed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO traffic/read", "250-traffic/read=1024\r\n250 OK\r\n")
    /// #     .on("GETINFO nonsense", "552 Unrecognized key \"nonsense\"\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("traffic/read")?, "1024");
    ///
    /// let error = controller.get_info("nonsense").unwrap_err();
    /// assert_eq!(error.to_string(), "tor refused GETINFO nonsense: 552 Unrecognized key \"nonsense\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor doesn't know
    /// the key (552), or if the key has no value now (551).
    pub fn get_info(&self, key: &str) -> Result<String> {
        self.get_info_bytes(key).map(text)
    }

    /// The value of one key, as the bytes that tor sent. A value of several
    /// lines ends with LF: digests and signatures of documents can be checked
    /// on it.
    pub fn get_info_bytes(&self, key: &str) -> Result<Vec<u8>> {
        let mut values = self.values(&[key])?;
        values.pop().ok_or_else(|| Error::answer(format!("GETINFO {key}"), "no value"))
    }

    /// The values of several keys, as text, in the order of the keys, with one
    /// command. All or nothing: one key that tor refuses makes it refuse all.
    pub fn get_info_many<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<String>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        Ok(self.values(&keys)?.into_iter().map(text).collect())
    }

    /// The value of each key or why there is none, as text, in the order of the
    /// keys. The keys are asked for one by one, but sent together, so it takes
    /// about as long as one.
    ///
    /// # Errors
    ///
    /// Only where nothing could be asked; what concerns one key is in its own
    /// result.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO address", "551 Address unknown\r\n")
    /// #     .on("GETINFO uptime", "250-uptime=7\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let values = controller.get_info_each(["address", "uptime"])?;
    /// assert_eq!(values[0].as_ref().unwrap_err().code(), Some(551));
    /// assert_eq!(values[1].as_ref().unwrap(), "7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_info_each<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Result<String>>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let commands: Result<Vec<_>> = keys.iter().map(|key| command(&[key.as_ref()])).collect();
        let pending = self.send_all(commands?)?;
        let one = |(pending, key): (crate::PendingReply, &K)| {
            let mut values = parse(&pending.wait_ok()?, &[key.as_ref()])?;
            Ok(text(values.pop().unwrap_or_default()))
        };
        Ok(pending.into_iter().zip(&keys).map(one).collect())
    }

    /// tor's version (`GETINFO version`).
    pub fn version(&self) -> Result<Version> {
        let version = self.get_info("version")?;
        version.parse().map_err(|e: crate::word::ParseVersionError| {
            Error::answer("GETINFO version", e.to_string())
        })
    }

    /// The lines of a key whose value is a list, none for an empty one.
    pub(super) fn get_info_lines(&self, key: &str) -> Result<Vec<Vec<u8>>> {
        let value = self.get_info_bytes(key)?;
        let lines =
            value.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Ok(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
    }

    fn values(&self, keys: &[&str]) -> Result<Vec<Vec<u8>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let cache = &self.inner.session.cache;
        let asked = match cache.info(keys) {
            Ok(values) => return self.while_open(values),
            Err(asked) => asked,
        };
        let values = parse(&self.request(command(keys)?)?, keys)?;
        cache.keep_info(asked, keys, &values);
        Ok(values)
    }

    /// A kept answer: without a connection there is no answer at all.
    pub(super) fn while_open<T>(&self, answer: T) -> Result<T> {
        match self.closed() {
            Some(closed) => Err(closed.into()),
            None => Ok(answer),
        }
    }

    /// Chooses which of tor's answers are kept instead of being asked for
    /// again, for all handles of the connection. What was kept so far is
    /// forgotten.
    ///
    /// # Errors
    ///
    /// For [`Caching::Configuration`] those of SETEVENTS: without CONF_CHANGED
    /// there is no such caching, and nothing has changed.
    pub fn set_caching(&self, caching: Caching) -> Result<()> {
        let session = &self.inner.session;
        let events = match caching {
            Caching::Configuration => {
                let cache = session.cache.clone();
                Some(self.connection().track(Cache::KINDS, cache, self.deadline())?)
            }
            _ => None,
        };
        session.cache.set_caching(caching);
        let before = std::mem::replace(&mut *session.cache_events.lock(), events);
        drop(before);
        Ok(())
    }

    /// Which of tor's answers are kept.
    pub fn caching(&self) -> Caching {
        self.inner.session.cache.caching()
    }
}

fn command(keys: &[&str]) -> Result<Command> {
    let mut command = Command::build("GETINFO");
    for key in keys {
        command.word("key", key);
    }
    Ok(command.finish()?)
}

fn parse(reply: &Reply, keys: &[&str]) -> Result<Vec<Vec<u8>>> {
    parse_getinfo(reply, keys)
        .map_err(|problem| Error::answer(format!("GETINFO {}", keys.join(" ")), problem))
}

fn text(value: Vec<u8>) -> String {
    let mut text = match String::from_utf8(value) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    if text.ends_with('\n') {
        text.pop();
    }
    text
}
