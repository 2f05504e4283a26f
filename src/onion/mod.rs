//! Onion services: servers that are reached through Tor and whose location
//! stays hidden.
//!
//! [`OnionBuilder`] describes a service. [`listen`](OnionBuilder::listen) adds
//! it to tor and returns a listener that accepts its connections.
//! [`publish`](OnionBuilder::publish) adds a service whose connections go to a
//! server that is already running.
//!
//! ```no_run
//! use scape::OnionBuilder;
//! use std::io::Write;
//!
//! let controller = scape::connect()?;
//! let listener = OnionBuilder::new(&controller)
//!     .virtual_port(80)
//!     .on_progress(|step| eprintln!("{step}"))
//!     .listen()?;
//! println!("http://{}/", listener.address());
//! for stream in listener.incoming() {
//!     stream?.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n")?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The builder sends nothing to tor before `listen` or `publish`. When one of
//! them succeeds, the service is published: all relays that store its
//! descriptors (its directories) have answered, unless another [`Wait`] was
//! set. This takes about ten seconds on the public network.
//!
//! # Choosing a kind of service
//!
//! **Ephemeral or on disk.** An ephemeral service, which [`OnionBuilder`]
//! makes, exists in tor's memory only. It ends when its Rust object is dropped,
//! or with the control connection. Without a key, the address is a new one each
//! time. To keep the address, a program [saves](save_key) a key in a file
//! before the first publication. Each time, the program [loads](load_key) the
//! key and [gives](OnionBuilder::key) it to the builder. Ephemeral services
//! suit programs that are servers themselves.
//!
//! A service in tor's configuration (`HiddenServiceDir`) keeps its key in a
//! directory and runs whenever tor does. Such services suit servers that an
//! administrator runs anyway. They are in the module [`disk`].
//!
//! **Public or restricted.** Anybody who knows the address of a service can
//! connect to it. Nobody can list the addresses, but they are not secrets: they
//! are in links, logs and histories. With [`client`](OnionBuilder::client), the
//! service gets the public keys of its clients, and only holders of a matching
//! private key can connect (client authorization, [`client_auth`]). Other
//! people can't read the descriptor, so they can't even tell whether the
//! service is up. A program makes keys with
//! [`ClientKey::random`](crate::word::ClientKey::random).
//!
//! The authorization types `basic` and `stealth`, which txtorcon and old
//! versions of tor have, belonged to version 2 of onion services and are gone.
//! The clients of an ephemeral service have no names: each key is a client.
//!
//! **Hidden or not.** [`single_hop`](OnionBuilder::single_hop) is for services
//! whose location is public anyway, and whose clients should be able to stay
//! inside Tor. Such a service requires a tor that was started in single-hop
//! mode. In this mode, tor can't do anything else.
//!
//! # Lifetime
//!
//! | | on drop | when the control connection ends | when tor ends |
//! |---|---|---|---|
//! | [`OnionService`], [`OnionListener`] | removed | removed | removed |
//! | after [`OnionService::detach`] | | removed | removed |
//! | [`detached`](OnionBuilder::detached) | removed, if the connection is open | stays | removed |
//! | [`detached`](OnionBuilder::detached), after [`OnionService::detach`] | | stays | removed |
//!
//! If the controller reconnects
//! ([`Connect::reconnect`](crate::Connect::reconnect)), the service is added
//! again with the same address, and a listener goes on accepting. This also
//! works with a tor that was restarted.
//!
//! tor usually still has a detached service after a reconnect. If tor no longer
//! has it, most often because tor was restarted, it is added again, unless
//! [`OnionService::detach`] was called.
//! [`Info::onions_detached`](crate::control::Info::onions_detached) lists the
//! detached services. [`OnionService::adopt`] takes over one of them.
//!
//! # Protecting the location
//!
//! tor hides where the connections go. It doesn't hide what the server says or
//! does:
//!
//! * **The server talks.** Error pages, headers (`Server`, `Date`, `Via`), host
//!   names, absolute links, mail headers, TLS certificates and time zones
//!   reveal the location. So does everything that a client can make the server
//!   fetch or resolve, because the server's own connections don't go through
//!   Tor.
//! * **The server has another address.** A server that also answers on a public
//!   address is recognized by its content, its SSH host keys, its certificates,
//!   or by being down at the same time. A [listener](OnionListener)'s socket is
//!   on 127.0.0.1: keep it there. Any user of the machine can connect to
//!   127.0.0.1. [`unix_socket`](OnionBuilder::unix_socket) keeps other users
//!   out.
//! * **All clients come from 127.0.0.1.** Software that trusts local
//!   connections (administration pages, status pages, rules of `sudo` or of a
//!   firewall) trusts every client. Software that limits or bans addresses
//!   affects every client at once.
//! * **Presence.** Anybody who knows the address can see when the service is
//!   up. The address of a service on a laptop shows when the laptop is in use.
//! * **The key is the service.** Anybody who copies the key can run the
//!   service, and the key can't be revoked. The key never appears in `Debug`,
//!   errors or logs of this library. If you save the key, make sure that only
//!   its owner can read it.
//! * **Overload.** Attackers may send more connections than the server can
//!   handle. [`max_streams`](OnionBuilder::max_streams) limits the streams of
//!   one circuit. [`proof_of_work`](OnionBuilder::proof_of_work) makes clients
//!   solve a puzzle when there are too many of them.
//!
//! For more advice, see Riseup's [onion service best
//! practices](https://riseup.net/en/security/network-security/tor/onionservices-best-practices)
//! and the Tor Project's [Onion Services
//! section](https://community.torproject.org/onion-services/advanced/opsec/).
//!
//! # Several machines
//!
//! A service can be spread over several tors with OnionBalance: the clients'
//! connections go to backends, which are onion services [on
//! disk](disk::DiskOnionFiles::onion_balance). A program publishes descriptors
//! with the introduction points of all backends. See
//! [`netdoc::onion`](crate::netdoc::onion) for the procedure. The example
//! `onion_balance` is such a program.
//!
//! # Failures
//!
//! A [`PublishError`] contains the answer of each directory. If tor begins no
//! upload, this library asks tor for the reasons and adds them to the error.
//! Examples are a disabled network and `PublishHidServDescriptors 0`. After a
//! failure, the service is removed from tor again.

mod acceptor;
pub(crate) mod builder;
pub mod client_auth;
pub mod disk;
mod error;
mod key_file;
pub(crate) mod listener;
mod local;
mod private_directory;
mod private_file;
mod publication;
mod publish;
mod reconfigure;
mod service;
mod stream;
mod uploads;
mod wait;

pub(crate) use builder::OnionBuilder;
pub use error::{PublishError, PublishHint, UploadFailure};
pub use key_file::{load_key, save_key};
pub(crate) use listener::OnionListener;
pub use listener::{Incoming, OnionShutdown};
pub use local::ListeningSocket;
pub use publication::Publication;
pub use service::OnionService;
pub use stream::OnionStream;
pub use wait::Wait;
