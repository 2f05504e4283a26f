//! Client authorization of onion services, on the side of the service and on
//! the side of the client. See rend-spec-v3, "Client authorization", and tor's
//! manual, "CLIENT AUTHORIZATION".
//!
//! A client has a private key ([`ClientKey`](crate::word::ClientKey)), and the
//! service has the client's [public key](crate::word::ClientPublicKey). Clients
//! without a key that the service knows can't read the descriptor, so they
//! can't find the service.
//!
//! | | in files | in tor's memory |
//! |---|---|---|
//! | service | [`AuthorizedClients`]: `authorized_clients/NAME.auth` | [`AddOnion::client`](crate::control::AddOnion::client) |
//! | client | [`ClientAuthDir`]: `NAME.auth_private` in its `ClientOnionAuthDir` | [`ClientAuthGuard`] |
//!
//! ```no_run
//! use scape::control::ClientAuth;
//! use scape::onion::client_auth::ClientAuthGuard;
//! use scape::onion::disk::DiskOnions;
//! use scape::word::ClientKey;
//!
//! # let (service_side, client_side) = (scape::connect()?, scape::connect()?);
//! let key = ClientKey::random();
//! // On the service's side:
//! let Some(service) = DiskOnions::of(&service_side).open("/srv/tor/blog")? else { return Ok(()) };
//! service.authorized_clients().add("bob", &key.public_key())?;
//! service.reread()?;
//! // On the client's side, as long as the guard lives:
//! let guard = ClientAuthGuard::add(&client_side, &ClientAuth::new(service.address(), key))?;
//! # let _ = guard;
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Behavior of tor
//!
//! * A service without clients is open to **everybody**. This includes a
//!   service whose last client was removed. It also includes a service whose
//!   client files are all malformed, because tor skips malformed files.
//! * If a service is published before its first client is added, the earlier
//!   descriptors stay on the directories for a while. Everybody can read them.
//!   To add clients from the beginning, use
//!   [`DiskOnionFiles`](crate::onion::disk::DiskOnionFiles).
//! * tor reads all of these files again at `SIGNAL RELOAD` and at every
//!   SETCONF, even if the SETCONF is about something else. (`SIGNAL RELOAD`
//!   also discards options that weren't saved: see
//!   [`DiskOnions::reread`](crate::onion::disk::DiskOnions::reread).)
//! * At every SETCONF, tor 0.4.9 also **forgets the clients' keys that it has
//!   in memory only**. Such keys were added with ONION_CLIENT_AUTH_ADD. Every
//!   configuration change made with this library restores them, whichever
//!   controller added them. After changes by other programs, call
//!   [`ClientAuthGuard::renew`].
//! * With two `.auth_private` files for one service, tor refuses every SETCONF,
//!   doesn't start, and **exits** at `SIGNAL RELOAD`. [`ClientAuthDir::add`]
//!   never writes a second file.

mod authorized;
mod directory;
mod guard;
mod line;
mod names;

pub use authorized::{AuthorizedClient, AuthorizedClientList, AuthorizedClients};
pub use directory::{ClientAuthDir, ClientAuthFile, ClientAuthFileList};
pub use guard::ClientAuthGuard;
pub use line::{ParseAuthLineError, parse_auth_line, parse_auth_private_line};
pub use names::{BadAuthFile, BadAuthFileProblem};
