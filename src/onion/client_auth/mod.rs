//! Who may reach an onion service: client authorization, of both sides.
//! rend-spec-v3, "Client authorization"; tor's manual, "CLIENT AUTHORIZATION".
//!
//! A client has a [`ClientKey`](crate::word::ClientKey), and the service is
//! told its [public key](crate::word::ClientPublicKey). Whoever has no such
//! key cannot even read where the service is.
//!
//! | | in files | for a tor that runs |
//! |---|---|---|
//! | service | [`AuthorizedClients`]: `authorized_clients/NAME.auth` | [`AddOnion::client`](crate::AddOnion::client) |
//! | client | [`ClientAuthDir`]: `NAME.auth_private` in its `ClientOnionAuthDir` | [`ClientAuthGuard`] |
//!
//! ```no_run
//! use scape::ClientAuth;
//! use scape::onion::client_auth::ClientAuthGuard;
//! use scape::onion::disk::DiskOnions;
//! use scape::word::ClientKey;
//!
//! # let (service_side, client_side) = (scape::connect()?, scape::connect()?);
//! let key = ClientKey::random();
//! // The service's side:
//! let Some(service) = DiskOnions::of(&service_side).open("/srv/tor/blog")? else { return Ok(()) };
//! service.authorized_clients().add("bob", &key.public_key())?;
//! service.reread()?;
//! // The client's side, as long as the guard lives:
//! let guard = ClientAuthGuard::add(&client_side, &ClientAuth::new(service.address(), key))?;
//! # let _ = guard;
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # What tor does with them
//!
//! * A service whose last client is taken away is open to **everybody**: so is
//!   one all of whose files are bad, since tor only passes over these.
//! * Clients that come later leave behind descriptors that everybody could
//!   read: those that are to be there from the beginning are put there with the
//!   service ([`DiskOnionFiles`](crate::onion::disk::DiskOnionFiles)).
//! * tor reads all of these files at every SETCONF, whatever it is about, and
//!   at `SIGNAL RELOAD` (which drops the options that were not saved: see
//!   [`DiskOnions::reread`](crate::onion::disk::DiskOnions::reread)).
//! * At every SETCONF it also **forgets the clients' keys that it has in memory
//!   only**, from ONION_CLIENT_AUTH_ADD. Every configuration change that is
//!   made with this library gives them back, whichever controller added them.
//!   [`ClientAuthGuard::renew`] is for after the changes of other programs.
//! * Two `.auth_private` files for one service make tor refuse every SETCONF,
//!   not start, and **end** at `SIGNAL RELOAD`: [`ClientAuthDir::add`] does not
//!   make a second.

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
