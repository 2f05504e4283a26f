//! GETINFO: the raw values of keys, and how tor's answers are cached. The
//! submodules have typed methods for the keys.

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
mod view;

pub use accounting::Accounting;
pub use consensus::{ConsensusLifetime, SharedRandom};
pub use handshakes::HandshakeStats;
pub use process::ProcessInfo;
pub use relays::DirServerQuery;
pub use status::Reachability;
pub use view::Info;

use super::Controller;
use super::cache::{Cache, Caching};
use super::questions::{info_command, parse_info};
use crate::error::{Error, Result};
use scape_proto::word::Version;

/// Information about tor and the network. Each piece of information has a key:
/// see control-spec, command GETINFO. [`info`](Self::info) has typed methods
/// for the keys. [`Info::info_names`] returns the keys that a given tor knows.
///
/// Values that can't change as long as tor runs, such as tor's version, are
/// requested from tor only once: see [`Caching`].
impl Controller {
    /// Returns the value of one GETINFO key as text. Bytes that are not UTF-8
    /// become U+FFFD. If the value has several lines, the line end of the last
    /// line is removed.
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
    /// the key (552), or if the key has no value now (551). The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the key can't be
    /// sent, for example because it contains a space. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended, and [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer within the handle's [timeout](Self::with_timeout).
    #[doc(alias = "get_info_single")]
    pub fn get_info(&self, key: &str) -> Result<String> {
        self.info().get_bytes(key).map(text)
    }

    /// Returns tor's version (`GETINFO version`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let version = controller.version()?;
    /// assert_eq!(version.to_string(), "0.4.9.11");
    /// assert!(version >= "0.4.8.0".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](Self::get_info), most often a closed
    /// connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "get_version")]
    pub fn version(&self) -> Result<Version> {
        let version = self.get_info("version")?;
        version.parse().map_err(|e: scape_proto::word::ParseVersionError| {
            Error::answer("GETINFO version", e.to_string())
        })
    }

    /// Returns the lines of a key whose value is a list. Empty lines are left
    /// out.
    pub(super) fn get_info_lines(&self, key: &str) -> Result<Vec<Vec<u8>>> {
        let value = self.info().get_bytes(key)?;
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
        let values = parse_info(&self.request(info_command(keys)?)?, keys)?;
        cache.keep_info(asked, keys, &values);
        Ok(values)
    }

    /// Returns `answer`, which comes from the cache. Returns an error if the
    /// connection has ended, because a request to tor would also fail.
    pub(super) fn while_open<T>(&self, answer: T) -> Result<T> {
        match self.closed() {
            Some(closed) => Err(closed.into()),
            None => Ok(answer),
        }
    }

    /// Sets which of tor's answers are cached, for all handles of the
    /// connection, and returns the previous setting. Everything that was cached
    /// so far is discarded. Default: [`Caching::Constants`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Caching;
    ///
    /// let previous = controller.set_caching(Caching::Off)?;
    /// assert_eq!(previous, Caching::Constants);
    /// controller.version()?; // asks tor every time
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The call can fail only with [`Caching::Configuration`], for which the
    /// connection subscribes to the events CONF_CHANGED and SIGNAL. Returns an
    /// error of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused) if
    /// tor, or a filter in front of the control port, refuses SETEVENTS. The
    /// kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection has ended, and
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer.
    /// After an error, the previous setting stays in effect.
    #[doc(alias = "is_caching_enabled")]
    pub fn set_caching(&self, caching: Caching) -> Result<Caching> {
        let session = &self.inner.session;
        let events = match caching {
            Caching::Configuration => {
                let cache = session.cache.clone();
                Some(self.connection().track(Cache::KINDS, cache, self.deadline())?)
            }
            _ => None,
        };
        // The setting and its events are replaced together, so that a
        // concurrent call can't take away the events of this setting.
        let mut cache_events = session.cache_events.lock();
        let before = session.cache.set_caching(caching);
        let events_before = std::mem::replace(&mut *cache_events, events);
        drop(cache_events);
        drop(events_before);
        Ok(before)
    }
}

/// The raw values of GETINFO keys. [`Controller::get_info`] returns the value
/// of one key as text.
impl Info<'_> {
    /// Returns the value of one key as bytes. If the value has several lines,
    /// each line ends with LF, the last one too. So the value of a document's
    /// key is the exact document, and digests and signatures can be checked.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("config-text", "SocksPort 9050\nORPort 9001").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let text = controller.info().get_bytes("config-text")?;
    /// assert_eq!(text, b"SocksPort 9050\nORPort 9001\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::get_info`], most often a key that tor
    /// doesn't know.
    #[doc(alias = "get_info_raw")]
    pub fn get_bytes(&self, key: &str) -> Result<Vec<u8>> {
        let mut values = self.controller.values(&[key])?;
        values.pop().ok_or_else(|| Error::answer(format!("GETINFO {key}"), "no value"))
    }

    /// Returns the values of several keys as text, in the order of the keys.
    /// One command requests all keys, so the call fails if tor refuses one of
    /// them. [`get_each`](Self::get_each) returns the other values even then.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").info("uptime", "7").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let values = controller.info().get_many(["version", "uptime"])?;
    /// assert_eq!(values, ["0.4.9.11", "7"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::get_info`], most often a key that tor
    /// doesn't know.
    pub fn get_many<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<String>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        Ok(self.controller.values(&keys)?.into_iter().map(text).collect())
    }

    /// Returns a result for each key, in the order of the keys: the value as
    /// text, or the error for this key. Each key has a command of its own, but
    /// all commands are sent together. So the call takes about as long as
    /// asking for one key.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO address", "551 Address unknown\r\n")
    /// #     .on("GETINFO uptime", "250-uptime=7\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// for value in controller.info().get_each(["address", "uptime"])? {
    ///     match value {
    ///         Ok(uptime) => assert_eq!(uptime, "7"),
    ///         Err(unknown) => assert_eq!(unknown.code(), Some(551)),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if a key can't be
    /// sent, and of the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed) if
    /// the connection has ended. If tor refuses a key, the error is in that
    /// key's result.
    pub fn get_each<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Result<String>>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let commands: Result<Vec<_>> =
            keys.iter().map(|key| info_command(&[key.as_ref()])).collect();
        let pending = self.controller.send_all(commands?)?;
        let one = |(pending, key): (crate::io::connection::PendingReply, &K)| {
            let mut values = parse_info(&pending.wait_ok()?, &[key.as_ref()])?;
            Ok(text(values.pop().unwrap_or_default()))
        };
        Ok(pending.into_iter().zip(&keys).map(one).collect())
    }
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
