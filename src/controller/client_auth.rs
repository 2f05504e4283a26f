//! ONION_CLIENT_AUTH_ADD, ONION_CLIENT_AUTH_REMOVE, ONION_CLIENT_AUTH_VIEW.

use std::fmt;
use std::sync::Arc;

use super::ledger::Kind;
use super::{Controller, ledger};
use crate::connection::PendingReply;
use crate::error::{Error, Result};
use crate::protocol::{Command, Reply, Word, Words};
use crate::word::{ClientKey, OnionAddress};

/// A client's key for one onion service that lets only certain clients in.
/// control-spec, commands ONION_CLIENT_AUTH_ADD and ONION_CLIENT_AUTH_VIEW.
///
/// ```
/// use scape::ClientAuth;
///
/// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
/// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
/// let auth = ClientAuth::new(address, key).name("bob").permanent();
/// # let _ = auth;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuth {
    /// The service.
    pub address: OnionAddress,
    /// The key. It is the secret itself, never shown by `Debug`.
    pub key: ClientKey,
    /// A name for it, that nobody but controllers sees. tor keeps it in memory
    /// only.
    pub name: Option<String>,
    /// Whether tor keeps the key in a file, in its `ClientOnionAuthDir`.
    pub permanent: bool,
    /// Keywords and flags that this version of the library does not know, in
    /// order; empty for a new one, and not sent.
    pub extra: Vec<String>,
}

impl ClientAuth {
    /// A key for a service, without a name, that tor forgets when it ends.
    pub fn new(address: OnionAddress, key: ClientKey) -> Self {
        ClientAuth { address, key, name: None, permanent: false, extra: Vec::new() }
    }

    /// A name for it: at most 16 characters of ASCII without spaces and quotes.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// tor keeps the key in a file in its `ClientOnionAuthDir`, which must be
    /// configured.
    pub fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }
}

impl ClientAuth {
    pub(super) fn command(&self) -> Result<Command> {
        let mut command = Command::build("ONION_CLIENT_AUTH_ADD");
        // tor compares the address letter by letter later on: it is always sent
        // in lower case.
        command.word("address", &self.address.service_id()).secret_word("key", &self.key.to_blob());
        if let Some(name) = &self.name {
            command.pair("ClientName", name);
        }
        if self.permanent {
            command.pair("Flags", "Permanent");
        }
        Ok(command.finish()?)
    }
}

/// The service's address, the name, and whether it is permanent.
impl fmt::Display for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        f.write_str(if self.permanent { " (permanent)" } else { "" })
    }
}

/// What tor did with a client's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuthAdded {
    /// It had none for this service.
    New,
    /// It replaced another one for this service, or the same.
    Replaced,
    /// It had the service's descriptor already, and can read it now.
    Decrypted,
}

/// Keys of clients, for onion services of others. control-spec, commands
/// ONION_CLIENT_AUTH_ADD, ONION_CLIENT_AUTH_REMOVE and ONION_CLIENT_AUTH_VIEW.
impl Controller {
    /// Gives tor a key for an onion service. tor has one for each service: an
    /// earlier one is replaced.
    ///
    /// tor 0.4.9 forgets the keys that are not permanent with every change of
    /// its configuration. Every change that is made with this library gives
    /// back the keys of all controllers, in the same write, and after
    /// [`Signal::Reload`](crate::protocol::Signal::Reload) as soon as tor has
    /// acted on it. The keys are lost if a program without this library changes
    /// something, by [`send`](Self::send) and [`send_all`](Self::send_all), and
    /// after the operating system's SIGHUP.
    ///
    /// A [permanent](ClientAuth::permanent) key is written to
    /// `ADDRESS.auth_private` in tor's `ClientOnionAuthDir`. With two files for
    /// one service tor takes no configuration any more, so the directory is
    /// looked at before. If it can't be read from here (tor is on another
    /// machine, or its directory is closed to this program), the permanent key
    /// that tor has for the service is removed first, together with its file,
    /// and put back if adding fails. A file that tor hasn't read yet can't be
    /// noticed then.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(concat!("ONION_CLIENT_AUTH_ADD ",
    /// #     "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid ",
    /// #     "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= ClientName=bob"), "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::{ClientAuth, ClientAuthAdded};
    ///
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
    /// let added = controller.onion_client_auth_add(&ClientAuth::new(address, key).name("bob"))?;
    /// assert_eq!(added, ClientAuthAdded::New);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor doesn't
    /// accept the name, or if another file in `ClientOnionAuthDir` is for the
    /// same service, and of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (553) if the key isn't
    /// valid, or can't be kept because there is no `ClientOnionAuthDir`. The
    /// kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't
    /// answer. If its late answer says that the key is new, the key is taken
    /// away again.
    pub fn onion_client_auth_add(&self, auth: &ClientAuth) -> Result<ClientAuthAdded> {
        let command = auth.command()?;
        let tor = self.on_this_link()?.in_one_call();
        let before = tor.make_room_for(auth)?;
        // A key that was there before is put back instead.
        let (address, is_first) = (auth.address, before.is_none());
        let name = Kind::ClientAuth(address).claimed();
        let claim = self.inner.session.latest.claim(vec![name.clone()], tor.deadline())?;
        let claim = Arc::new(claim);
        // Until the answer is noted.
        let _claim = claim.clone();
        let undo = move |tor: &Controller, reply: &Reply| {
            let sent = claim.undo(|is_latest| {
                if !is_first || reply.code() != 250 || !is_latest(&name) {
                    return None;
                }
                tor.inner.session.ledger.remove_client_auth(&address);
                tor.send_checked(Kind::ClientAuth(address).undo().ok()?).ok()
            });
            let _ = sent.map(PendingReply::wait);
        };
        let reply = tor.request_or_undo(command, undo).inspect_err(|_| {
            if let Some(before) = &before {
                tor.put_back(before);
            }
        })?;
        let added = match reply.code() {
            250 if before.is_some() => ClientAuthAdded::Replaced,
            250 => ClientAuthAdded::New,
            251 => ClientAuthAdded::Replaced,
            252 => ClientAuthAdded::Decrypted,
            _ => return Err(Error::answer("ONION_CLIENT_AUTH_ADD", reply.to_string())),
        };
        let ledger = &self.inner.session.ledger;
        if auth.permanent {
            ledger.remove_client_auth(&auth.address);
        } else {
            ledger.add_client_auth(auth.clone());
            tor.noted(&ledger::key_name(&auth.address))?;
        }
        Ok(added)
    }

    /// Notes which key for a service is to be given back when the connection is
    /// made again. tor isn't told.
    pub(crate) fn replace_noted_client_auth(
        &self,
        address: &OnionAddress,
        auth: Option<&ClientAuth>,
    ) {
        let ledger = &self.inner.session.ledger;
        match auth {
            Some(auth) => ledger.add_client_auth(auth.clone()),
            None => ledger.remove_client_auth(address),
        }
    }

    /// Takes the key for an onion service away from tor, its file included.
    /// `false` where tor had none.
    pub fn onion_client_auth_remove(&self, address: &OnionAddress) -> Result<bool> {
        let kind = Kind::ClientAuth(*address);
        let tor = self.on_this_link()?.in_one_call();
        let watch = self.inner.session.latest.watch();
        let reply = tor.request(kind.undo()?)?;
        self.inner.session.ledger.remove_client_auth(address);
        tor.not_given_back(&kind, &watch)?;
        match reply.code() {
            250 => Ok(true),
            251 => Ok(false),
            _ => Err(Error::answer("ONION_CLIENT_AUTH_REMOVE", reply.to_string())),
        }
    }

    /// The keys that tor has for onion services, of all of them.
    pub fn onion_client_auth_view(&self) -> Result<Vec<ClientAuth>> {
        parse(&self.request(Command::build("ONION_CLIENT_AUTH_VIEW").finish()?)?)
    }

    /// The key that tor has for an onion service. (One that another program
    /// gave it under the address in upper case is not found by tor;
    /// [`onion_client_auth_view`](Self::onion_client_auth_view) has it.)
    pub fn onion_client_auth_view_for(&self, address: &OnionAddress) -> Result<Option<ClientAuth>> {
        let mut command = Command::build("ONION_CLIENT_AUTH_VIEW");
        let reply = self.request(command.word("address", &address.service_id()).finish()?)?;
        Ok(parse(&reply)?.pop())
    }
}

fn parse(reply: &Reply) -> Result<Vec<ClientAuth>> {
    let mut auths = Vec::new();
    for (number, line) in reply.lines().enumerate() {
        let mut words = Words::new(line.text);
        if words.next_text() != "CLIENT" {
            continue;
        }
        let auth = parse_client(words).ok_or_else(|| {
            // The line itself is not shown: there is a key in it.
            Error::answer(
                "ONION_CLIENT_AUTH_VIEW",
                format!("line {} holds no address and key", number + 1),
            )
        })?;
        auths.push(auth);
    }
    Ok(auths)
}

/// What follows `CLIENT`.
fn parse_client(mut words: Words<'_>) -> Option<ClientAuth> {
    let address = words.next_value().parse()?;
    let key = words.next_value().parse()?;
    let mut auth = ClientAuth::new(address, key);
    for word in words {
        match word {
            Word::Pair("ClientName", name) => auth.name = Some(name.text().into_owned()),
            Word::Pair("Flags", flags) => {
                for flag in flags.text().split(',') {
                    match flag {
                        "Permanent" => auth.permanent = true,
                        other => auth.extra.push(other.to_owned()),
                    }
                }
            }
            Word::Pair(key, value) => auth.extra.push(format!("{key}={}", value.text())),
            Word::Bare(value) => auth.extra.push(value.text().into_owned()),
        }
    }
    Some(auth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::OnionKey;
    use proptest::prelude::*;

    #[test]
    fn a_client_of_a_later_tor_is_read_too() {
        let line = b"yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid \
            x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= Flags=Permanent,Shiny New=1 word ClientName=a=b";
        let auth = parse_client(Words::new(line)).unwrap();
        assert!(auth.permanent);
        assert_eq!(auth.name.as_deref(), Some("a=b"));
        assert_eq!(auth.extra, ["Shiny", "New=1", "word"]);
        assert!(!format!("{auth:?}{auth}").contains("8Fq"));
        assert!(
            parse_client(Words::new(b"x y")).is_none() && parse_client(Words::new(b"")).is_none()
        );
    }

    proptest! {
        #[test]
        fn what_tor_lists_is_what_it_was_told(
            address in any::<[u8; 32]>(),
            key in any::<[u8; 32]>(),
            name in proptest::option::of("[!#-&(-~]{1,16}"),
            permanent in any::<bool>(),
        ) {
            let address = OnionKey::from_seed(&address).address();
            let auth = ClientAuth {
                name,
                permanent,
                ..ClientAuth::new(address, ClientKey::from_bytes(key))
            };
            let command = auth.command().unwrap();
            let told = command.wire().strip_prefix(b"ONION_CLIENT_AUTH_ADD ").unwrap();
            prop_assert_eq!(parse_client(Words::new(told.trim_ascii_end())), Some(auth));
        }

        #[test]
        fn any_line_is_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            parse_client(Words::new(&line));
        }
    }
}
