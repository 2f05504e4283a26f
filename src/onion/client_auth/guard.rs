//! A guard that adds a client's key to tor and removes it when dropped.

use std::time::Duration;

use super::directory::ClientAuthDir;
use crate::control::{ClientAuth, Controller, WeakController};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed};
use scape_proto::word::OnionAddress;

/// The time limit for removing the key, and for restoring the earlier one, when
/// a guard is dropped.
const DROP: Duration = Duration::from_secs(5);

/// A guard for a client's key for an onion service. tor has the key as long as
/// the guard lives. Dropping the guard removes the key from tor, and restores
/// the key that tor had before for this service, if any. See control-spec,
/// commands ONION_CLIENT_AUTH_ADD and ONION_CLIENT_AUTH_REMOVE.
///
/// The guard doesn't keep the connection open. If the connection ends before
/// the guard is dropped, tor keeps the key until tor ends. Dropping the guard
/// waits for tor's replies, for at most 5 seconds each.
///
/// When tor's configuration changes, tor 0.4.9 forgets every key that isn't
/// [permanent](ClientAuth::permanent). Changes made with this library restore
/// the guard's key. After changes by other programs, call
/// [`renew`](Self::renew).
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
/// #     .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n").on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::control::ClientAuth;
/// use scape::onion::client_auth::ClientAuthGuard;
///
/// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
/// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
/// let guard = ClientAuthGuard::add(&controller, &ClientAuth::new(address, key).name("bob"))?;
/// // Until the guard is closed, this tor can connect to the service.
/// guard.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "add_hidden_service_auth")]
#[must_use = "the key is removed when this is dropped"]
pub struct ClientAuthGuard {
    controller: WeakController,
    auth: ClientAuth,
    before: Option<ClientAuth>,
    undone: bool,
}

impl ClientAuthGuard {
    /// Adds a key to tor. If the key is [permanent](ClientAuth::permanent), tor
    /// also writes it to a file. Then tor still has the key after a restart,
    /// unless the guard is dropped or closed before.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
    /// #     .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
    /// #     .on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::ClientAuth;
    /// use scape::onion::client_auth::ClientAuthGuard;
    /// use scape::word::ClientKey;
    ///
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let auth = ClientAuth::new(address, ClientKey::random());
    /// let guard = ClientAuthGuard::add(&controller, &auth)?;
    /// assert!(guard.before().is_none()); // tor had no other key for the service
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as
    /// [`OnionClientAuth::add`](crate::control::OnionClientAuth::add). The kind
    /// is most often [`ErrorKind::Refused`](crate::ErrorKind::Refused), because
    /// tor refuses a permanent key if `ClientOnionAuthDir` isn't set.
    pub fn add(controller: &Controller, auth: &ClientAuth) -> Result<Self> {
        let call = controller.on_this_link()?.in_one_call();
        let before = find(&call, &auth.address)?;
        if auth.permanent && before.as_ref().is_some_and(|before| before.permanent) {
            // tor would write a second file if the existing one has another
            // name, and refuse every configuration change afterwards.
            call.onion_client_auth().remove(&auth.address)?;
        }
        let guard = ClientAuthGuard {
            controller: controller.downgrade(),
            auth: auth.clone(),
            before,
            undone: false,
        };
        match call.onion_client_auth().add(auth) {
            Ok(_) => Ok(guard),
            // Dropping the guard restores the key that was removed.
            Err(error) if guard.auth.permanent => {
                drop(guard);
                Err(error)
            }
            Err(error) => {
                guard.keep();
                Err(error)
            }
        }
    }

    /// Returns the key that this guard has added, with its service.
    pub fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// Returns the key that tor had for this service before the guard was
    /// created. The guard restores that key when the guard is dropped or
    /// closed. Returns `None` if tor had no key for the service.
    pub fn before(&self) -> Option<&ClientAuth> {
        self.before.as_ref()
    }

    /// Adds the key to tor again, after another program has changed tor's
    /// configuration.
    ///
    /// ```no_run
    /// use scape::control::ClientAuth;
    /// use scape::onion::client_auth::ClientAuthGuard;
    ///
    /// # fn visit(controller: &scape::Controller, auth: &ClientAuth) -> scape::Result<()> {
    /// let guard = ClientAuthGuard::add(controller, auth)?;
    /// guard.renew()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended or the last handle to it was dropped. Otherwise same errors as
    /// [`add`](Self::add).
    pub fn renew(&self) -> Result<()> {
        self.controller()?.onion_client_auth().add(&self.auth).map(drop)
    }

    /// Removes the key from tor and restores the key that tor had before. Like
    /// dropping the guard, but reports errors. Returns true if this changed
    /// tor's keys. Returns false if tor no longer had the key and there was
    /// nothing to restore.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
    /// #     .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
    /// #     .on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::ClientAuth;
    /// use scape::onion::client_auth::ClientAuthGuard;
    /// use scape::word::ClientKey;
    ///
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let auth = ClientAuth::new(address, ClientKey::random());
    /// let guard = ClientAuthGuard::add(&controller, &auth)?;
    /// assert!(guard.close()?); // tor had the key until now
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended or the last handle to it was dropped. Then tor keeps the key until
    /// tor ends. Otherwise same errors as [`add`](Self::add).
    pub fn close(mut self) -> Result<bool> {
        self.undone = true;
        let controller = self.controller()?;
        self.forget(&controller);
        self.undo(&controller)
    }

    /// Consumes the guard, leaves the key in tor and returns the key.
    ///
    /// ```no_run
    /// use scape::control::ClientAuth;
    /// use scape::onion::client_auth::ClientAuthGuard;
    ///
    /// # fn visit(controller: &scape::Controller, auth: &ClientAuth) -> scape::Result<()> {
    /// let guard = ClientAuthGuard::add(controller, auth)?;
    /// let auth = guard.keep(); // tor keeps the key
    /// # let _ = auth;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep(mut self) -> ClientAuth {
        self.undone = true;
        self.auth.clone()
    }

    fn controller(&self) -> Result<Controller> {
        self.controller.upgrade().ok_or_else(|| Closed::new(CloseCause::Local).into())
    }

    /// Makes a reconnect restore the key that tor had before the guard, instead
    /// of the guard's key. This holds even if removing the guard's key from tor
    /// fails afterwards.
    fn forget(&self, controller: &Controller) {
        let before = self.before.as_ref().filter(|before| !before.permanent);
        controller.replace_noted_client_auth(&self.auth.address, before);
    }

    /// Removes the key from tor and restores the earlier one. Returns false if
    /// tor no longer had the key and there was no earlier key.
    fn undo(&self, controller: &Controller) -> Result<bool> {
        let controller = &controller.on_this_link()?.in_one_call();
        match &self.before {
            None => controller.onion_client_auth().remove(&self.auth.address),
            Some(before) if before.permanent && !self.auth.permanent => {
                // The earlier key's file still exists. Adding that key as
                // permanent might write a second file, so tor reads the
                // existing file again.
                controller.onion_client_auth().remove(&self.auth.address)?;
                match ClientAuthDir::of(controller)? {
                    Some(directory) => {
                        directory.apply_without(controller, Some(&self.auth.address)).map(|()| true)
                    }
                    None => Ok(true),
                }
            }
            Some(before) => {
                if self.auth.permanent {
                    // This removes the guard's key together with its file.
                    controller.onion_client_auth().remove(&self.auth.address)?;
                }
                controller.onion_client_auth().add(before).map(|_| true)
            }
        }
    }
}

impl Drop for ClientAuthGuard {
    fn drop(&mut self) {
        if self.undone {
            return;
        }
        let Some(controller) = self.controller.upgrade() else { return };
        self.forget(&controller);
        let timeout = controller.timeout().min(DROP);
        if let Err(error) = self.undo(&controller.with_timeout(timeout)) {
            let address = self.auth.address;
            log::debug!(target: "scape::connection", "cannot remove the client's key for {address}: {error}");
        }
    }
}

/// Returns the key that tor has for a service, or `None` if it has none. Asks
/// tor for the keys of all services, because asking for one address doesn't
/// find a key that was added with the address in upper case.
fn find(controller: &Controller, address: &OnionAddress) -> Result<Option<ClientAuth>, Error> {
    Ok(controller.onion_client_auth().list()?.into_iter().find(|auth| auth.address == *address))
}
