//! Keeps the onion service client keys that tor has in memory when its
//! configuration is changed.
//!
//! tor 0.4.9 forgets these keys at every SETCONF, RESETCONF and LOADCONF,
//! whatever the command is about and whichever controller added the keys. So
//! every configuration change of this library is sent by this module (SIGNAL
//! RELOAD by [`reload`](super::reload)):
//!
//! 1. ONION_CLIENT_AUTH_VIEW tells the keys.
//! 2. One write has ONION_CLIENT_AUTH_VIEW again, the change, and an
//!    ONION_CLIENT_AUTH_ADD for each key. tor takes these commands in turn, so
//!    it has the keys again before it does anything else.
//! 3. If the second answer shows that another controller changed keys between
//!    the two, the difference is made good.
//!
//! Keys with the flag `Permanent` are in files, which tor reads again by
//! itself.

use crate::connection::PendingReply;
use crate::error::{Error, Result};
use crate::protocol::{Command, Refusal, Reply, Word, Words};
use crate::word::{OnionAddress, Secret};
use std::fmt;

/// The longest name that tor takes (it shows longer ones, but answers twice if
/// it is told one).
const LONGEST_NAME: usize = 16;

/// Sends commands with one write.
pub(super) type SendAll<'a> = &'a dyn Fn(Vec<Command>) -> Result<Vec<PendingReply>>;

/// A key that tor has in memory only, as ONION_CLIENT_AUTH_VIEW shows it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// In the case in which it was added.
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
    /// Reads what follows `CLIENT`. Returns `None` for keys that are in files,
    /// and for malformed lines.
    fn parse(words: Words<'_>) -> Option<Key> {
        let mut bare = Vec::new();
        let (mut name, mut flags) = (None, None);
        for word in words {
            match word {
                Word::Bare(value) => bare.push(value.text().into_owned()),
                Word::Pair("ClientName", value) => name = Some(value.text().into_owned()),
                Word::Pair("Flags", value) => flags = Some(value.text().into_owned()),
                // The base64 of a key ends with `=`.
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

/// The command that tells the keys.
pub(super) fn view() -> Result<Command> {
    Ok(Command::build("ONION_CLIENT_AUTH_VIEW").finish()?)
}

/// The keys that tor had before a change of its configuration.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// `None` if tor, or a filter before it, doesn't tell.
    before: Option<Vec<Key>>,
    /// The change is meant to take away the key for this service.
    forget: Option<OnionAddress>,
}

impl Kept {
    /// Asks tor for the keys.
    pub(super) fn look(send: SendAll<'_>) -> Result<Kept> {
        match send(vec![view()?])?.pop() {
            Some(asked) => Kept::from(asked),
            None => Ok(Kept::default()),
        }
    }

    /// Waits for the answer to [`view`].
    pub(super) fn from(asked: PendingReply) -> Result<Kept> {
        Ok(Kept { before: told(asked)?, forget: None })
    }

    /// Reads tor's reply to [`view`], which was sent as `command`.
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

    /// Leaves the key for this service out: the change is meant to take it
    /// away.
    pub(super) fn without(mut self, address: Option<&OnionAddress>) -> Kept {
        self.forget = address.copied();
        forget(&mut self.before, address);
        self
    }

    /// Returns true if there is something to give back. `own` are the commands
    /// that add this controller's keys.
    pub(super) fn has_any(&self, own: &[Command]) -> bool {
        self.before.as_ref().map_or(!own.is_empty(), |keys| !keys.is_empty())
    }

    /// Gives back what tor has forgotten, after a change that has happened
    /// already. Keys that tor has by now for the same service are newer, and
    /// stay.
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

    /// Sends the change and gives the keys back, in one write. `own` are the
    /// commands that add this controller's keys, for a tor that doesn't tell
    /// which keys it has.
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

/// A change of the configuration that was sent.
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
    /// If the change was refused, that is in the reply.
    ///
    /// A key that tor doesn't take back is logged: the configuration was
    /// changed, as it was asked for.
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
                log::debug!(target: "scape::connection", "another controller changed clients' keys meanwhile");
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

/// The keys that tor has. `None` if it doesn't tell.
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
    log::debug!(target: "scape::connection", "the clients' keys of others may be lost: {refusal}");
}

fn keys(reply: &Reply) -> Vec<Key> {
    let lines = reply.lines().map(|line| Words::new(line.text));
    lines
        .filter_map(|mut words| (words.next_text() == "CLIENT").then(|| Key::parse(words))?)
        .collect()
}

/// What makes tor, which has the keys of `before`, have those of `now`.
fn difference(before: &[Key], now: &[Key]) -> Vec<Command> {
    let added = now.iter().filter(|key| !before.contains(key)).map(Key::add);
    let is_gone = |key: &&Key| !now.iter().any(|known| known.address == key.address);
    let removed = before.iter().filter(is_gone).map(Key::remove);
    removed.chain(added).filter_map(noted).collect()
}

/// Logs an error that is not the caller's.
fn noted<T>(result: Result<T>) -> Option<T> {
    if let Err(error) = &result {
        log::warn!(target: "scape::connection", "a client's key could not be given back to tor: {error}");
    }
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"YVHZ3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid \
        x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= Flags=Shiny ClientName=a=b";

    #[test]
    fn key_is_added_as_it_was_shown() {
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
    fn name_that_tor_answers_twice_to_is_left_out() {
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
