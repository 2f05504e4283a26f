//! A client's key for a while.

use std::time::Duration;

use super::directory::ClientAuthDir;
use crate::connection::{CloseCause, Closed};
use crate::controller::{ClientAuth, Controller, WeakController};
use crate::error::{Error, Result};
use crate::word::OnionAddress;

/// How long each of tor's answers may take while a guard is dropped.
const DROP: Duration = Duration::from_secs(5);

/// A client's key for an onion service, which tor has as long as this lives.
/// What tor had before for that service is put back then. control-spec,
/// commands ONION_CLIENT_AUTH_ADD and ONION_CLIENT_AUTH_REMOVE.
///
/// It does not keep the connection open; a key outlives a connection that ends
/// before this is dropped, as long as tor runs. Dropping it waits for tor's
/// answers, for at most some seconds each.
///
/// tor 0.4.9 forgets a key that is not permanent when its configuration is
/// changed. Changes by the same controller give it back; after those of others,
/// and `SIGNAL RELOAD`, [`renew`](Self::renew) does.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
/// #     .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n").on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::ClientAuth;
/// use scape::onion::client_auth::ClientAuthGuard;
///
/// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
/// let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
/// let guard = ClientAuthGuard::add(&controller, &ClientAuth::new(address, key).name("bob"))?;
/// // The service can be reached, until now:
/// guard.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the key is taken away when this is dropped"]
pub struct ClientAuthGuard {
    controller: WeakController,
    auth: ClientAuth,
    before: Option<ClientAuth>,
    undone: bool,
}

impl ClientAuthGuard {
    /// Gives tor a key. It may be [permanent](ClientAuth::permanent): then tor
    /// keeps it in a file meanwhile, also when this program does not come to
    /// take it away.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::onion_client_auth_add`].
    pub fn add(controller: &Controller, auth: &ClientAuth) -> Result<Self> {
        let call = controller.on_this_link()?.in_one_call();
        let before = find(&call, &auth.address)?;
        if auth.permanent && before.as_ref().is_some_and(|before| before.permanent) {
            // tor would write a second file beside one of another name, and
            // take no configuration any more.
            call.onion_client_auth_remove(&auth.address)?;
        }
        let guard = ClientAuthGuard {
            controller: controller.downgrade(),
            auth: auth.clone(),
            before,
            undone: false,
        };
        match call.onion_client_auth_add(auth) {
            Ok(_) => Ok(guard),
            // What was there is put back where it was taken away.
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

    /// The key, and the service that it is for.
    pub fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// What tor had before for this service, and will have again.
    pub fn before(&self) -> Option<&ClientAuth> {
        self.before.as_ref()
    }

    /// Gives tor the key again, after a SETCONF of others.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended, or its last handle was dropped.
    pub fn renew(&self) -> Result<()> {
        self.controller()?.onion_client_auth_add(&self.auth).map(drop)
    }

    /// Takes the key away and puts back what was there before, as dropping
    /// does. Returns false if the key was gone already and nothing had to be
    /// put back.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended, or its last handle was dropped. tor still has the key then, as
    /// long as it runs.
    pub fn close(mut self) -> Result<bool> {
        self.undone = true;
        let controller = self.controller()?;
        self.forget(&controller);
        self.undo(&controller)
    }

    /// Leaves the key in place.
    pub fn keep(mut self) -> ClientAuth {
        self.undone = true;
        self.auth.clone()
    }

    fn controller(&self) -> Result<Controller> {
        self.controller.upgrade().ok_or_else(|| Closed::new(CloseCause::Local).into())
    }

    /// Whatever becomes of the key on this connection, a new one is given what
    /// was there before.
    fn forget(&self, controller: &Controller) {
        let before = self.before.as_ref().filter(|before| !before.permanent);
        controller.replace_noted_client_auth(&self.auth.address, before);
    }

    /// Returns false if there was nothing to undo.
    fn undo(&self, controller: &Controller) -> Result<bool> {
        let controller = &controller.on_this_link()?.in_one_call();
        match &self.before {
            None => controller.onion_client_auth_remove(&self.auth.address),
            Some(before) if before.permanent && !self.auth.permanent => {
                // Its file is still there. Added again as permanent, it might
                // get a second one; so it is read again.
                controller.onion_client_auth_remove(&self.auth.address)?;
                match ClientAuthDir::of(controller)? {
                    Some(directory) => {
                        directory.apply_without(controller, Some(&self.auth.address)).map(|()| true)
                    }
                    None => Ok(true),
                }
            }
            Some(before) => {
                if self.auth.permanent {
                    // With its file.
                    controller.onion_client_auth_remove(&self.auth.address)?;
                }
                controller.onion_client_auth_add(before).map(|_| true)
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
            log::debug!(target: "scape::connection", "tor keeps the client's key for {address}: {error}");
        }
    }
}

/// What tor has for this service; also where it was given the address in upper
/// case, which tor itself would not find.
fn find(controller: &Controller, address: &OnionAddress) -> Result<Option<ClientAuth>, Error> {
    Ok(controller.onion_client_auth_view()?.into_iter().find(|auth| auth.address == *address))
}
