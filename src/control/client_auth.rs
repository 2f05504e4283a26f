//! ONION_CLIENT_AUTH_ADD, ONION_CLIENT_AUTH_REMOVE and ONION_CLIENT_AUTH_VIEW:
//! keys for onion services that let only certain clients in.

use std::fmt;
use std::sync::Arc;

use super::restorables::Kind;
use super::{Controller, restorables};
use crate::error::{Error, Result};
use crate::io::connection::PendingReply;
use scape_proto::control::{Command, Reply, Word, Words};
use scape_proto::word::{ClientKey, OnionAddress};

/// A client's key for an onion service that lets only certain clients in
/// (client authorization). See control-spec, commands ONION_CLIENT_AUTH_ADD and
/// ONION_CLIENT_AUTH_VIEW.
///
/// ```
/// use scape::control::ClientAuth;
///
/// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
/// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
/// let auth = ClientAuth::new(address, key).name("bob").permanent();
/// # let _ = auth;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "HiddenServiceCredential")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuth {
    /// The address of the onion service that the key is for.
    pub address: OnionAddress,
    /// The private key. `Debug` doesn't show it.
    pub key: ClientKey,
    /// A name for the key, or `None` if the key has no name. Only controllers
    /// see the name, and tor keeps it in memory only.
    pub name: Option<String>,
    /// True if tor stores the key in a file in its `ClientOnionAuthDir`.
    pub permanent: bool,
    /// Keywords and flags that this version of the library doesn't know, in
    /// order. They are not sent. Empty for a new key.
    pub extra: Vec<String>,
}

impl ClientAuth {
    /// Creates a key for a service, without a name. tor forgets the key when
    /// tor ends.
    ///
    /// ```
    /// use scape::control::ClientAuth;
    ///
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
    /// let auth = ClientAuth::new(address, key);
    /// assert!(auth.name.is_none() && !auth.permanent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(address: OnionAddress, key: ClientKey) -> Self {
        ClientAuth { address, key, name: None, permanent: false, extra: Vec::new() }
    }

    /// Sets a name for the key: at most 16 ASCII characters without spaces and
    /// quotes.
    ///
    /// ```
    /// # use scape::control::ClientAuth;
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
    /// let auth = ClientAuth::new(address, key).name("bob");
    /// assert_eq!(auth.name.as_deref(), Some("bob"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Makes the key permanent: tor will store it in a file in its
    /// `ClientOnionAuthDir`. tor refuses a permanent key if
    /// `ClientOnionAuthDir` isn't set.
    ///
    /// ```
    /// # use scape::control::ClientAuth;
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
    /// let auth = ClientAuth::new(address, key).permanent();
    /// assert!(auth.permanent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }
}

impl ClientAuth {
    pub(super) fn command(&self) -> Result<Command> {
        let mut command = Command::build("ONION_CLIENT_AUTH_ADD");
        // tor compares addresses case-sensitively later, so the address is
        // always sent in lower case.
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

/// Shows the service's address, the name, and `(permanent)` if the key is
/// stored in a file.
impl fmt::Display for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        f.write_str(if self.permanent { " (permanent)" } else { "" })
    }
}

/// The result of [`OnionClientAuth::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuthAdded {
    /// tor added the key. It had no key for this service before.
    New,
    /// tor already had a key for this service. The new key replaced that key,
    /// even if both are the same.
    Replaced,
    /// tor added the key. It already had the service's descriptor, and can
    /// decrypt the descriptor now.
    Decrypted,
}

/// The methods that list, add and remove client keys. tor needs such a key for
/// an onion service that lets only certain clients in.
/// [`Controller::onion_client_auth`] returns this type. See control-spec,
/// commands ONION_CLIENT_AUTH_ADD, ONION_CLIENT_AUTH_REMOVE and
/// ONION_CLIENT_AUTH_VIEW.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on("ONION_CLIENT_AUTH_VIEW", concat!("250-ONION_CLIENT_AUTH_VIEW\r\n",
/// #     "250-CLIENT yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid ",
/// #     "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= ClientName=bob\r\n250 OK\r\n")).start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// for key in controller.onion_client_auth().list()? {
///     println!("{key}"); // the service's address and the key's name
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OnionClientAuth<'a> {
    controller: &'a Controller,
}

impl OnionClientAuth<'_> {
    /// Adds a key for an onion service. tor keeps one key for each service, so
    /// an earlier one is replaced.
    ///
    /// tor 0.4.9 forgets all keys that are not permanent whenever its
    /// configuration is changed. If this library makes the change, it restores
    /// the keys of all controllers in the same write. After
    /// [`Signal::Reload`](crate::control::Signal::Reload), it restores the keys
    /// as soon as tor has reloaded. In these cases the keys are lost:
    ///
    /// * A program without this library changes the configuration.
    /// * A change is sent with [`send`](Controller::send) or
    ///   [`send_all`](Controller::send_all).
    /// * tor gets the operating system's SIGHUP.
    ///
    /// A [permanent](ClientAuth::permanent) key is written to
    /// `ADDRESS.auth_private` in tor's `ClientOnionAuthDir`. If the directory
    /// has two files for the same service, tor refuses every change of its
    /// configuration. So this method first searches the directory for another
    /// file with a key for the service.
    ///
    /// The directory can't be searched if tor is on another machine, or if this
    /// program lacks the permission. In that case this method first removes the
    /// permanent key that tor has for the service, together with the key's
    /// file. A file that tor hasn't read yet isn't found in this way.
    ///
    /// If adding the new key then fails, the method adds the old key again. If
    /// the connection has ended, the method waits for a reconnect: for the rest
    /// of the call's time, but at least for one second. It never waits longer
    /// than the handle's timeout. If the old key can't be added again, the
    /// error says so.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(concat!("ONION_CLIENT_AUTH_ADD ",
    /// #     "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid ",
    /// #     "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= ClientName=bob"), "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::{ClientAuth, ClientAuthAdded};
    ///
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
    /// let added = controller.onion_client_auth().add(&ClientAuth::new(address, key).name("bob"))?;
    /// assert_eq!(added, ClientAuthAdded::New);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor doesn't
    /// accept the name, or if another file in `ClientOnionAuthDir` is for the
    /// same service. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (553) if the key is
    /// invalid, or if a permanent key can't be stored because there is no
    /// `ClientOnionAuthDir`.
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer within the handle's timeout. If tor answers later that
    /// the key is new, the key is removed again.
    #[doc(alias = "add_hidden_service_auth", alias = "onion_client_auth_add")]
    pub fn add(&self, auth: &ClientAuth) -> Result<ClientAuthAdded> {
        let command = auth.command()?;
        let tor = self.controller.on_this_link()?.in_one_call();
        let (address, name) = (auth.address, Kind::ClientAuth(auth.address).claimed());
        // A call that fails here changes nothing, so it claims nothing.
        let needs_room = tor.needs_room_for(auth)?;
        // The claim is held until the result is in the restorables.
        let claim =
            self.controller.inner.session.latest.claim(vec![name.clone()], tor.deadline())?;
        let claim = Arc::new(claim);
        let before = if needs_room { tor.make_room_for(auth, &claim)? } else { None };
        // Only a key that was added for the first time is removed again. A key
        // that was replaced is put back below.
        let (is_first, late) = (before.is_none(), claim.clone());
        let undo = move |tor: &Controller, reply: &Reply| {
            let sent = late.undo(|is_latest| {
                if !is_first || reply.code() != 250 || !is_latest(&name) {
                    return None;
                }
                tor.inner.session.restorables.remove_client_auth(&address);
                tor.send_checked(Kind::ClientAuth(address).undo().ok()?).ok()
            });
            let _ = sent.map(PendingReply::wait);
        };
        let reply = tor.request_or_undo(command, undo).map_err(|error| match &before {
            Some(before) => tor.put_back(before, &claim, error),
            None => error,
        })?;
        let added = match reply.code() {
            250 if before.is_some() => ClientAuthAdded::Replaced,
            250 => ClientAuthAdded::New,
            251 => ClientAuthAdded::Replaced,
            252 => ClientAuthAdded::Decrypted,
            _ => return Err(Error::answer("ONION_CLIENT_AUTH_ADD", reply.to_string())),
        };
        let restorables = &self.controller.inner.session.restorables;
        if auth.permanent {
            restorables.remove_client_auth(&auth.address);
        } else {
            restorables.add_client_auth(auth.address, auth.command());
            tor.noted(&restorables::key_name(&auth.address))?;
        }
        Ok(added)
    }

    /// Removes the key for an onion service from tor. The file of a permanent
    /// key is removed, too. Returns false if tor had no key for the service.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// assert!(controller.onion_client_auth().remove(&address)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter in
    /// front of it, refuses the command. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended, and [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer.
    #[doc(alias = "remove_hidden_service_auth", alias = "onion_client_auth_remove")]
    pub fn remove(&self, address: &OnionAddress) -> Result<bool> {
        let kind = Kind::ClientAuth(*address);
        let tor = self.controller.on_this_link()?.in_one_call();
        let watch = self.controller.inner.session.latest.watch(tor.deadline())?;
        let reply = tor.request(kind.undo()?)?;
        self.controller.inner.session.restorables.remove_client_auth(address);
        tor.not_given_back(&kind, &watch)?;
        match reply.code() {
            250 => Ok(true),
            251 => Ok(false),
            _ => Err(Error::answer("ONION_CLIENT_AUTH_REMOVE", reply.to_string())),
        }
    }

    /// Returns the keys that tor has, for all onion services.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("ONION_CLIENT_AUTH_VIEW", concat!("250-ONION_CLIENT_AUTH_VIEW\r\n",
    /// #     "250-CLIENT yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid ",
    /// #     "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA= ClientName=bob\r\n250 OK\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let keys = controller.onion_client_auth().list()?;
    /// assert_eq!(keys[0].name.as_deref(), Some("bob"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter in
    /// front of it, refuses the command. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if a line of the
    /// reply can't be parsed, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended.
    #[doc(alias = "list_hidden_service_auth", alias = "onion_client_auth_view")]
    pub fn list(&self) -> Result<Vec<ClientAuth>> {
        parse(&self.controller.request(Command::build("ONION_CLIENT_AUTH_VIEW").finish()?)?)
    }

    /// Returns the key that tor has for an onion service, or `None` if tor has
    /// no key for it.
    ///
    /// tor compares addresses case-sensitively, and this library always uses
    /// lower case. If another program has added a key with the address in upper
    /// case, only [`list`](Self::list) returns that key.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("ONION_CLIENT_AUTH_VIEW",
    /// #     "250-ONION_CLIENT_AUTH_VIEW yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// assert!(controller.onion_client_auth().get(&address)?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`list`](Self::list), most often a connection that has
    /// ended.
    #[doc(alias = "list_hidden_service_auth", alias = "onion_client_auth_view")]
    pub fn get(&self, address: &OnionAddress) -> Result<Option<ClientAuth>> {
        let mut command = Command::build("ONION_CLIENT_AUTH_VIEW");
        let reply =
            self.controller.request(command.word("address", &address.service_id()).finish()?)?;
        Ok(parse(&reply)?.pop())
    }
}

impl Controller {
    /// Returns the methods that list, add and remove client keys. tor needs
    /// such a key for an onion service that lets only certain clients in.
    ///
    /// ```no_run
    /// use scape::control::ClientAuth;
    ///
    /// let controller = scape::connect()?;
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
    /// controller.onion_client_auth().add(&ClientAuth::new(address, key))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn onion_client_auth(&self) -> OnionClientAuth<'_> {
        OnionClientAuth { controller: self }
    }

    /// Sets the client key that a reconnect restores for a service. `None`
    /// means that no key is restored. Nothing is sent to tor.
    pub(crate) fn replace_noted_client_auth(
        &self,
        address: &OnionAddress,
        auth: Option<&ClientAuth>,
    ) {
        let restorables = &self.inner.session.restorables;
        match auth {
            Some(auth) => restorables.add_client_auth(auth.address, auth.command()),
            None => restorables.remove_client_auth(address),
        }
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
            // The line itself isn't shown, because it may contain a key.
            Error::answer(
                "ONION_CLIENT_AUTH_VIEW",
                format!("line {} holds no address and key", number + 1),
            )
        })?;
        auths.push(auth);
    }
    Ok(auths)
}

/// Reads the words after `CLIENT` in a line of the reply to
/// ONION_CLIENT_AUTH_VIEW. Returns `None` if the address or the key can't be
/// parsed.
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
    use proptest::prelude::*;
    use scape_proto::word::OnionKey;

    #[test]
    fn client_with_unknown_words_is_read() {
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
        fn client_in_the_answer_is_the_added_one(
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
