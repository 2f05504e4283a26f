//! [`Tor`]: the object that most programs hold.
//!
//! # Which tor
//!
//! | made by | which tor | when it ends |
//! |---|---|---|
//! | [`Tor::connect`] | a running tor with a control port, at the address that the environment names, or else at the usual places | never ended by this library |
//! | [`Tor::connect_with`], `Tor::from(controller)` | a running tor with a control port, anywhere | never ended by this library |
//! | [`Tor::launch`] | a new process, configured by a [`Launch`](crate::Launch) | with its last handle |
//! | [`Tor::private`] | a new process that leaves no files behind | with its last handle |
//! | [`Tor::socks_only`] | a running tor with a SOCKS port only: connections, but no onion services and no events | never ended by this library |
//! | [`Tor::find`] | the first running tor: with a control port, or else with a SOCKS port | never ended by this library |
//! | [`Tor::global`] | one tor for the whole program: a running one, or else a new process | a running one is never ended by this library; a new process ends with its last handle |
//!
//! A `Tor` is a cheap handle, and its clones refer to the same tor. Everything
//! that is made with a `Tor` counts as a handle while it lives: a
//! [`TorClient`](crate::TorClient), streams, HTTP agents, onion services,
//! listeners. So a launched tor doesn't end while a stream uses it.
//!
//! # Entry points
//!
//! * [`controller`](Tor::controller): every command and every event.
//! * [`client`](Tor::client): connections through tor, DNS look-ups by tor,
//!   stream isolation; [`dial`](Tor::dial) for a single connection.
#![cfg_attr(
    feature = "http",
    doc = "* [`http`](Tor::http): a `ureq::Agent` through tor, which ignores proxy variables."
)]
//! * [`onion`](Tor::onion): onion services and listeners behind them;
//!   [`disk_onions`](Tor::disk_onions): the onion services in tor's
//!   configuration.
//!
//! No connection ever bypasses tor. If tor can't be used, the call fails with
//! an error that lists everything that was tried.

pub(crate) mod handle;
mod ready;

mod global;
mod no_tor;
mod not_ready;

pub use crate::client::{NoControlError, NoSocksPortError, SocksPort};
pub use handle::TorMode;
pub use no_tor::NoTorError;
pub use not_ready::NotReadyError;

pub(crate) use handle::Tor;
