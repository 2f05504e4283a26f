//! Configuration changes that keep the onion service client keys in tor's
//! memory.
//!
//! tor 0.4.9 forgets these keys at every SETCONF, RESETCONF and LOADCONF,
//! whatever the command is about and whichever controller added the keys. So
//! every configuration change of this library goes through this module. (SIGNAL
//! RELOAD goes through [`reload`](super::reload).)
//!
//! 1. ONION_CLIENT_AUTH_VIEW returns the keys.
//! 2. One write contains ONION_CLIENT_AUTH_VIEW again, the change, and an
//!    ONION_CLIENT_AUTH_ADD for each key. tor handles these commands in turn,
//!    so it has the keys again before it does anything else.
//! 3. If the two replies to ONION_CLIENT_AUTH_VIEW differ, another controller
//!    has changed keys in between, and step 2 has overwritten its changes. This
//!    module then repeats those changes.
//!
//! Keys with the flag `Permanent` are in files, which tor reads again by
//! itself.

use crate::error::{Error, Result};
use crate::io::connection::PendingReply;
use scape_proto::control::{Command, Refusal, Reply, Word, Words};
use scape_proto::word::{OnionAddress, Secret};
use std::fmt;

/// The maximum length of a name in ONION_CLIENT_AUTH_ADD.
/// ONION_CLIENT_AUTH_VIEW may show a longer name. Such a name isn't sent,
/// because tor would answer the ONION_CLIENT_AUTH_ADD twice.
const LONGEST_NAME: usize = 16;

/// A function that sends commands with one write.
pub(super) type SendAll<'a> = &'a dyn Fn(Vec<Command>) -> Result<Vec<PendingReply>>;

/// A key that tor has in memory only, as ONION_CLIENT_AUTH_VIEW shows it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The service's address, with upper and lower case letters as they were
    /// when the key was added.
    address: String,
    key: Secret,
    name: Option<String>,
    flags: Option<String>,
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        (&self.address, self.key.expose(), &self.name, &self.flags)
            == (&other.address, other.key.expose(), &other.name, &other.flags)
    }
}

impl Key {
    /// Reads the words after `CLIENT` in a line of the reply to
    /// ONION_CLIENT_AUTH_VIEW. Returns `None` for keys that are in files, and
    /// for malformed lines.
    fn parse(words: Words<'_>) -> Option<Key> {
        let mut bare = Vec::new();
        let (mut name, mut flags) = (None, None);
        for word in words {
            match word {
                Word::Bare(value) => bare.push(value.text().into_owned()),
                Word::Pair("ClientName", value) => name = Some(value.text().into_owned()),
                Word::Pair("Flags", value) => flags = Some(value.text().into_owned()),
                // The base64 of a key ends with `=`, so the parser takes it for
                // a pair.
                Word::Pair(start, value) => bare.push(format!("{start}={}", value.text())),
            }
        }
        let is_permanent = |flags: &String| flags.split(',').any(|flag| flag == "Permanent");
        if flags.as_ref().is_some_and(is_permanent) {
            return None;
        }
        let mut bare = bare.into_iter();
        Some(Key { address: bare.next()?, key: Secret::from(bare.next()?), name, flags })
    }

    fn add(&self) -> Result<Command> {
        let mut command = Command::build("ONION_CLIENT_AUTH_ADD");
        command.word("address", &self.address);
        command.secret_word("key", &String::from_utf8_lossy(self.key.expose()));
        if let Some(name) = self.name.as_ref().filter(|name| name.len() <= LONGEST_NAME) {
            command.pair("ClientName", name);
        }
        if let Some(flags) = &self.flags {
            command.pair("Flags", flags);
        }
        Ok(command.finish()?)
    }

    fn remove(&self) -> Result<Command> {
        Ok(Command::build("ONION_CLIENT_AUTH_REMOVE").word("address", &self.address).finish()?)
    }

    fn is_for(&self, address: &OnionAddress) -> bool {
        self.address.eq_ignore_ascii_case(&address.service_id())
    }
}

/// Returns the command that asks tor for its client keys
/// (ONION_CLIENT_AUTH_VIEW).
pub(super) fn view() -> Result<Command> {
    Ok(Command::build("ONION_CLIENT_AUTH_VIEW").finish()?)
}

/// The client keys that tor had before a change of its configuration.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The keys in tor's memory. `None` if tor, or a filter in front of it,
    /// refuses to list them.
    before: Option<Vec<Key>>,
    /// The service whose key the change is meant to remove. `None` if the
    /// change removes no key.
    forget: Option<OnionAddress>,
}

impl Kept {
    /// Asks tor for its client keys and waits for the answer.
    pub(super) fn look(send: SendAll<'_>) -> Result<Kept> {
        match send(vec![view()?])?.pop() {
            Some(asked) => Kept::from(asked),
            None => Ok(Kept::default()),
        }
    }

    /// Waits for tor's reply to [`view`], and reads the keys in it.
    pub(super) fn from(asked: PendingReply) -> Result<Kept> {
        Ok(Kept { before: told(asked)?, forget: None })
    }

    /// Reads the keys in tor's reply to a [`view`] command. `command` is that
    /// command.
    pub(super) fn read(reply: &Reply, command: &Command) -> Kept {
        let before = match reply.refusal(command) {
            None => Some(keys(reply)),
            Some(refusal) => {
                untold(&refusal);
                None
            }
        };
        Kept { before, forget: None }
    }

    /// Leaves out the key for this service, for a change that is meant to
    /// remove that key. Returns the other keys.
    pub(super) fn without(mut self, address: Option<&OnionAddress>) -> Kept {
        self.forget = address.copied();
        forget(&mut self.before, address);
        self
    }

    /// Returns true if there are keys to restore. `own` are the commands that
    /// add this controller's keys. They count only if tor, or a filter in front
    /// of it, refused to list tor's keys.
    pub(super) fn has_any(&self, own: &[Command]) -> bool {
        self.before.as_ref().map_or(!own.is_empty(), |keys| !keys.is_empty())
    }

    /// Restores the keys that tor has forgotten, after a change that has
    /// already happened. If tor has a key for the same service by now, that key
    /// is newer and is kept. If tor refused to list the keys, only the commands
    /// in `own`, which add this controller's keys, are sent.
    pub(super) fn give_back(self, send: SendAll<'_>, own: Vec<Command>) -> Result<()> {
        let add = match self.before {
            Some(before) => {
                let Some(asked) = send(vec![view()?])?.pop() else { return Ok(()) };
                let now = told(asked)?.unwrap_or_default();
                let is_there = |key: &&Key| now.iter().any(|known| known.address == key.address);
                before
                    .iter()
                    .filter(|key| !is_there(key))
                    .filter_map(|key| noted(key.add()))
                    .collect()
            }
            None => own,
        };
        if !add.is_empty() {
            for given_back in send(add)? {
                noted(given_back.wait_ok());
            }
        }
        Ok(())
    }

    /// Sends the change and the commands that add the keys again, in one write.
    /// `own` are the commands that add this controller's keys. If tor, or a
    /// filter in front of it, has refused to list the keys, only this
    /// controller's keys are added again.
    pub(super) fn send(
        self,
        send: SendAll<'_>,
        change: Command,
        own: Vec<Command>,
    ) -> Result<Change> {
        let mut commands = Vec::new();
        if self.before.is_some() {
            commands.push(view()?);
        }
        commands.push(change);
        match &self.before {
            Some(keys) => commands.extend(keys.iter().filter_map(|key| noted(key.add()))),
            None => commands.extend(own),
        }
        let mut replies = send(commands)?.into_iter();
        let now = if self.before.is_some() { replies.next() } else { None };
        let change = replies.next();
        Ok(Change {
            before: self.before,
            forget: self.forget,
            now,
            change,
            given_back: replies.collect(),
        })
    }
}

/// A configuration change that was sent together with the commands that add the
/// client keys again. [`wait`](Self::wait) waits for the replies.
#[derive(Debug)]
pub(super) struct Change {
    before: Option<Vec<Key>>,
    forget: Option<OnionAddress>,
    now: Option<PendingReply>,
    change: Option<PendingReply>,
    given_back: Vec<PendingReply>,
}

impl Change {
    /// Waits for tor's reply to the change, and until tor has the keys again.
    /// Returns this reply, even if it is a refusal, and the command that made
    /// the change.
    ///
    /// If tor refuses to restore a key, the refusal is only logged, because the
    /// configuration was changed as the caller wanted.
    pub(super) fn wait(self, send: SendAll<'_>) -> Result<(Reply, Command)> {
        let mut now = self.now.and_then(|now| told(now).ok().flatten());
        forget(&mut now, self.forget.as_ref());
        let Some(change) = self.change else {
            return Err(Error::answer("SETCONF", "nothing was sent"));
        };
        let command = change.command().clone();
        let reply = change.wait()?;
        for given_back in self.given_back {
            noted(given_back.wait_ok());
        }
        if let (Some(before), Some(now)) = (self.before, now) {
            let repairs = difference(&before, &now);
            if !repairs.is_empty() {
                log::debug!(target: "scape::connection", "another controller has changed client keys meanwhile");
                for repaired in noted(send(repairs)).into_iter().flatten() {
                    noted(repaired.wait_ok());
                }
            }
        }
        Ok((reply, command))
    }
}

fn forget(keys: &mut Option<Vec<Key>>, address: Option<&OnionAddress>) {
    if let (Some(keys), Some(address)) = (keys, address) {
        keys.retain(|key| !key.is_for(address));
    }
}

/// Waits for the list of the keys that tor has. Returns `None` if tor, or a
/// filter in front of it, refuses to list them.
fn told(asked: PendingReply) -> Result<Option<Vec<Key>>> {
    match asked.wait_ok() {
        Ok(reply) => Ok(Some(keys(&reply))),
        Err(error) if error.is::<Refusal>() => {
            untold(&error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn untold(refusal: &dyn fmt::Display) {
    log::debug!(target: "scape::connection", "client keys of other controllers may be lost: {refusal}");
}

fn keys(reply: &Reply) -> Vec<Key> {
    let lines = reply.lines().map(|line| Words::new(line.text));
    lines
        .filter_map(|mut words| (words.next_text() == "CLIENT").then(|| Key::parse(words))?)
        .collect()
}

/// Returns the commands that replace the keys `before` in tor by the keys
/// `now`.
fn difference(before: &[Key], now: &[Key]) -> Vec<Command> {
    let added = now.iter().filter(|key| !before.contains(key)).map(Key::add);
    let is_gone = |key: &&Key| !now.iter().any(|known| known.address == key.address);
    let removed = before.iter().filter(is_gone).map(Key::remove);
    removed.chain(added).filter_map(noted).collect()
}

/// Logs an error that must not fail the caller's operation, and returns `None`
/// for it.
fn noted<T>(result: Result<T>) -> Option<T> {
    if let Err(error) = &result {
        log::warn!(target: "scape::connection", "a client key could not be restored in tor: {error}");
    }
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"YVHZ3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid \
        x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= Flags=Shiny ClientName=a=b";

    #[test]
    fn key_is_added_with_the_shown_words() {
        let key = Key::parse(Words::new(LINE)).unwrap();
        let told = [b"ONION_CLIENT_AUTH_ADD ", LINE, b"\r\n"].concat();
        let told = String::from_utf8(told).unwrap();
        let told = told.replace("Flags=Shiny ClientName=a=b", "ClientName=a=b Flags=Shiny");
        assert_eq!(key.add().unwrap().wire(), told.as_bytes());
        assert!(
            !format!("{key:?}").contains("8Fq") && !key.add().unwrap().to_string().contains("8Fq")
        );
    }

    #[test]
    fn permanent_and_malformed_keys_are_left_to_tor() {
        for line in [
            &b"abc x25519:8Fq= Flags=Permanent"[..],
            b"abc x25519:8Fq= Flags=Shiny,Permanent",
            b"abc",
            b"",
        ] {
            assert!(Key::parse(Words::new(line)).is_none());
        }
    }

    #[test]
    fn too_long_client_name_is_left_out() {
        let key = Key::parse(Words::new(b"abc x25519:8Fq= ClientName=12345678901234567")).unwrap();
        assert_eq!(key.add().unwrap().wire(), b"ONION_CLIENT_AUTH_ADD abc x25519:8Fq=\r\n");
    }

    #[test]
    fn difference_adds_replaces_and_removes_keys() {
        let key = |address: &str, key: &str| Key {
            address: address.into(),
            key: Secret::from(key),
            name: None,
            flags: None,
        };
        let before = [key("a", "1"), key("b", "2"), key("c", "3")];
        let now = [key("a", "1"), key("b", "9"), key("d", "4")];
        let wires: Vec<_> =
            difference(&before, &now).iter().map(|command| command.wire().to_vec()).collect();
        assert_eq!(
            wires,
            [
                &b"ONION_CLIENT_AUTH_REMOVE c\r\n"[..],
                b"ONION_CLIENT_AUTH_ADD b 9\r\n",
                b"ONION_CLIENT_AUTH_ADD d 4\r\n"
            ]
        );
        assert!(difference(&now, &now).is_empty());
    }
}
