//! Onion services: servers that are reached through tor, and whose place nobody
//! learns.
//!
//! [`OnionBuilder`] describes a service; [`listen`](OnionBuilder::listen) makes
//! it, with a listener to accept connections from, and
//! [`publish`](OnionBuilder::publish) makes one whose connections go to a
//! server that is there already.
//!
//! ```no_run
//! use scape::OnionBuilder;
//! use std::io::Write;
//!
//! let controller = scape::connect()?;
//! let listener = OnionBuilder::new(&controller).virtual_port(80).on_progress(|step| eprintln!("{step}")).listen()?;
//! println!("http://{}/", listener.address());
//! for stream in listener.incoming() {
//!     stream?.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n")?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing happens before `listen` or `publish`. When they return, the service
//! is published everywhere ([`Wait`] has other wishes), which takes some ten
//! seconds on the public network.
//!
//! # Which kind
//!
//! **Ephemeral or on disk.** An ephemeral service, which this module's
//! [`OnionBuilder`] makes, is in tor's memory only. It goes with the object
//! that stands for it, or with the control connection. Its key is
//! [returned](OnionService::key): a program can
//! [save](crate::word::OnionKey::save) it, and
//! [load](crate::word::OnionKey::load) and [use](OnionBuilder::key) it the
//! next time, so that the address stays the same. Without a key, the address is
//! a new one each time. It suits programs that are servers themselves. A
//! service in tor's configuration (`HiddenServiceDir`) has its key in a
//! directory of tor's, and runs whenever tor does: it suits servers that are
//! there anyway, and have an administrator. These are in [`disk`].
//!
//! **For everybody or for some.** Who knows the address of a service can
//! connect to it; and though nobody can list the addresses, they are not
//! secrets: they are in links, logs and histories. With
//! [`client`](OnionBuilder::client) the service is for those only that have one
//! of the private keys (client authorization, [`client_auth`]; a program makes
//! keys with [`ClientKey::random`](crate::word::ClientKey::random)): nobody
//! else can read the descriptor, so that they do not even learn whether the
//! service is there. (What txtorcon and old tors call `basic` and `stealth` was
//! of version 2, and is gone. There are no names of clients: each key is a
//! client.)
//!
//! **Hidden or not.** [`single_hop`](OnionBuilder::single_hop) is for services
//! whose place is known anyway, and that want to be reached without leaving
//! tor. The tor must be started for it, and cannot do anything else.
//!
//! # How long it lives
//!
//! | | when it is dropped | when the control connection ends | when tor ends |
//! |---|---|---|---|
//! | [`OnionService`], [`OnionListener`] | goes | goes | goes |
//! | after [`OnionService::detach`] | | goes | goes |
//! | [`detached`](OnionBuilder::detached), after [`OnionService::detach`] | | stays | goes |
//!
//! Where the connection is made again
//! ([`Connect::reconnect`](crate::Connect::reconnect)), also to a tor that was
//! restarted, the service comes back at the same address, and a listener goes
//! on accepting.
//! [`Controller::onions_detached`](crate::Controller::onions_detached) lists
//! what detached services there are; [`OnionService::adopt`] takes one over.
//!
//! # What gives the place away
//!
//! tor hides where the connections go. It does not hide what the server says or
//! does:
//!
//! * **The server talks.** Error pages, headers (`Server`, `Date`, `Via`), host
//!   names, absolute links, mail headers, TLS certificates, time zones, and
//!   everything that a client can have it fetch or resolve: connections that it
//!   makes itself do not go through tor by themselves.
//! * **The server is reached otherwise, too.** One that also answers on a
//!   public address is recognized by its content, its host keys (SSH), its
//!   certificates, or by being down at the same time. A
//!   [listener](OnionListener)'s socket is on 127.0.0.1; keep it there. Any
//!   user of the machine can connect to that:
//!   [`unix_socket`](OnionBuilder::unix_socket) shuts them out.
//! * **All clients come from 127.0.0.1.** What trusts local connections
//!   (administration pages, status pages, rules of `sudo` or of a firewall)
//!   trusts everybody. So does what limits or bans addresses.
//! * **Presence.** When a service is up is seen by whoever knows its address;
//!   that of a laptop follows its owner's day.
//! * **The key is the service.** Who copies it can be the service, and it
//!   cannot be revoked. It never appears in `Debug`, errors or logs here; where
//!   it is saved, only its owner should be able to read it.
//! * **Load is a weapon.** [`max_streams`](OnionBuilder::max_streams) bounds
//!   what one circuit may ask for,
//!   [`proof_of_work`](OnionBuilder::proof_of_work) makes clients pay when
//!   there are too many.
//!
//! Riseup's [onion service best
//! practices](https://riseup.net/en/security/network-security/tor/onionservices-best-practices)
//! say more about running one, and so does the Tor Project's [Onion Services
//! section](https://community.torproject.org/onion-services/advanced/opsec/).
//!
//! # When it does not work
//!
//! A [`PublishError`] has the answer of each directory, and the reason why tor
//! doesn't publish at all if it can be found out: no network, or
//! `PublishHidServDescriptors 0`. Whatever fails, no service is left behind.

mod acceptor;
mod builder;
pub mod client_auth;
pub mod disk;
mod error;
mod key_file;
mod listener;
mod local;
mod private_file;
mod publication;
mod reconfigure;
mod service;
mod stream;
mod uploads;

pub use builder::OnionBuilder;
pub use error::{PublishError, PublishHint, UploadFailure};
pub use listener::{Incoming, OnionListener, OnionShutdown};
pub use local::ListeningSocket;
pub use publication::{Publication, Wait};
pub use service::OnionService;
pub use stream::OnionStream;
