//! A synchronous, thread-based controller library for
//! [Tor](https://www.torproject.org).
//!
//! In its simplest form it looks like this:
//!
//! ```no_run
//! use std::io::{Read, Write};
//!
//! let tor = scape::Tor::connect()?;
//! let mut stream = tor.dial(("example.com", 80))?;
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
//! let mut page = String::new();
//! stream.read_to_string(&mut page)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This connects to the control port of a running tor, authenticates, finds
//! tor's SOCKS port, and connects to `example.com` through Tor. An onion
//! service and events take a few lines more:
//!
//! ```no_run
//! use scape::Tor;
//! use scape::event::EventKind;
//!
//! let tor = Tor::connect()?;
//! // Returns once clients can reach the service.
//! let listener = tor.onion()?.virtual_port(80).listen()?;
//! println!("http://{}/", listener.address());
//!
//! let controller = tor.controller()?;
//! println!("Tor {}", controller.version()?);
//! for event in controller.subscribe([EventKind::Bw])?.iter().take(10) {
//!     println!("{}", event.text());
//! }
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! The library is for scripts, GUI programs, daemons and test suites. All calls
//! block, every command to tor has a deadline, and there is no async runtime.
//!
//! # Which tor
//!
//! [`Tor`] is the type that most programs hold. Its [module](tor) lists the
//! ways to get one:
//!
//! - [`Tor::connect`] connects to a running tor in the usual places.
//!   [`Connect`] has settings for another address, a password and a cookie
//!   file.
//! - [`Tor::launch`] starts a new tor with the settings of a [`Launch`].
//! - [`Tor::find`] also accepts a tor that only has a SOCKS port.
//! - [`Tor::global`] gives the whole program one tor: a running one, or else a
//!   launched one.
//! - `Tor::from(controller)` uses a control connection that the program has
//!   already.
//!
//! `Tor::launch` waits until tor is ready, for two minutes at most by default.
//! A launched tor has a private directory and no open control port. It ends
//! when its last handle is dropped, or when this program ends, even if the
//! program is killed. Clients, agents, streams and listeners count as handles.
//!
//! ```no_run
//! use scape::{Launch, Tor};
//!
//! let tor = Tor::launch(
//!     Launch::new()
//!         .data_directory("tor-data") // makes the next start much quicker
//!         .on_progress(|p| eprintln!("{:3} % {}", p.percent, p.text)),
//! )?;
//! println!("{:?}", tor.client()?.dns_resolve("example.com")?);
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! Authentication is automatic. It uses SAFECOOKIE if tor offers this method
//! and the cookie file can be read, because the method also exposes an
//! impostor. Otherwise it uses a password. If authentication fails, an
//! [`AuthError`](control::AuthError) says why.
//!
//! The layers below `Tor` can be used alone: [`Controller`] is a control
//! connection, [`TorProcess`](process::TorProcess) a launched tor, and
//! [`SocksProxy`](socks::SocksProxy) a SOCKS port.
//!
//! # Connections through tor
//!
//! [`Tor::client`] returns a [`TorClient`], which connects to hosts and onion
//! services, and resolves names and addresses through Tor. The client finds out
//! which SOCKS port to use, TCP or Unix ([`SocksPort`](tor::SocksPort)). Names
//! are never resolved locally, nothing bypasses tor, and the environment
//! variables for proxies are ignored. A target is a text such as
//! `"example.com:80"`, or a pair of a host and a port
//! ([`ToTarget`](socks::ToTarget)).
//!
//! ```no_run
//! use scape::Tor;
//! use std::time::Duration;
//!
//! let client = Tor::find()?.client()?.timeout(Duration::from_secs(60));
//! // This stream shares its circuit with no other.
//! let stream = client.isolated().connect(("example.com", 80))?;
//! println!("{}", client.dns_resolve("example.com")?);
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! With the feature `http`, `Tor::http` returns a `ureq::Agent` that goes
//! through tor. The feature `https` adds TLS, for HTTP and any other protocol.
//!
//! ```no_run
//! # #[cfg(feature = "http")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let agent = scape::Tor::connect()?.http()?;
//! let page = agent.get("http://example.com/").call()?.body_mut().read_to_string()?;
//! # Ok(())
//! # }
//! ```
//!
//! Addresses of this machine and of its local network are refused, because an
//! exit relay would look for them in the relay's own network. A private Tor
//! network for tests needs [`TorClient::allow_private_addresses`].
//!
//! # Onion services
//!
//! [`Tor::onion`] builds an onion service. [`listen`](OnionBuilder::listen)
//! returns an [`OnionListener`], which is used like a `TcpListener`.
//! [`publish`](OnionBuilder::publish) puts a service in front of an existing
//! server. Both wait until clients can reach the service. The [`onion`] module
//! explains keys, services on disk, client authorization, and mistakes that
//! reveal where a service runs.
//!
//! # Commands
//!
//! [`Controller`] has a blocking method for every command of tor 0.4.9, such as
//! [`set_conf`](Controller::set_conf) and [`circuits`](Controller::circuits).
//! [`Controller::info`] has one for every GETINFO key, such as
//! [`traffic`](control::Info::traffic). `docs/control-protocol.md` lists all of
//! them. Arguments are checked before anything is sent, and answers are typed:
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder()
//! #     .on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n")
//! #     .on("GETCONF Nickname", "250 Nickname=relay01\r\n")
//! #     .on("SETCONF MaxCircuitDirtiness=\"60\"", "250 OK\r\n")
//! #     .on("SETCONF NoSuchOption=\"x\"", "552 Unrecognized option: Unknown option 'NoSuchOption'.  Failing.\r\n")
//! #     .start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! let version = controller.version()?;
//! assert!(version >= "0.4.8.0".parse()?);
//! assert_eq!(controller.get_conf("Nickname")?.as_deref(), Some("relay01"));
//! controller.set_conf([("MaxCircuitDirtiness", "60")])?;
//!
//! let error = controller.set_conf([("NoSuchOption", "x")]).unwrap_err();
//! assert_eq!(error.code(), Some(552)); // `Display` has all of tor's text
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If tor refuses a command, the error has a [`Refusal`](control::Refusal) that
//! tells the reasons apart: [`is_unknown`](control::Refusal::is_unknown) (for
//! example a circuit that has ended) differs from
//! [`is_not_allowed`](control::Refusal::is_not_allowed).
//!
//! Some commands only start something, and tor answers before that is finished.
//! Several methods also wait for the result. Examples are
//! [`build_circuit`](Controller::build_circuit),
//! [`resolve`](Controller::resolve),
//! [`HsDescriptors::fetch`](control::HsDescriptors::fetch) and
//! [`new_identity`](Controller::new_identity).
//!
//! [`Controller::send`] pipelines commands: it returns a
//! [`PendingReply`](connection::PendingReply) immediately.
//! [`Controller::send_all`] sends many commands with one write, and
//! [`Controller::msg`] sends a line as it is. Answers that can't change while
//! tor runs are cached; see [`Caching`](control::Caching).
//!
//! # Events
//!
//! [`Controller::subscribe`] returns a queue of events to iterate over, poll or
//! `select!` on. [`Controller::on_event`] calls a function for each event, as
//! long as the returned [`Registration`] lives. Every event has a typed
//! [body](event::EventBody) and its raw text. Events that this version doesn't
//! know have the body [`Unknown`](event::EventBody::Unknown).
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().on("SETEVENTS ORCONN", concat!("250 OK\r\n",
//! #     "650 ORCONN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 CONNECTED ID=7\r\n")).start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::event::{EventBody, EventKind, OrConnStatus};
//!
//! for event in controller.subscribe([EventKind::OrConn])?.iter() {
//!     if let EventBody::OrConn(connection) = event.body() {
//!         assert_eq!(connection.status, OrConnStatus::Connected);
//!         println!("{connection}");
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Queues are unbounded by default. [`QueueLimit`](connection::QueueLimit)
//! bounds a queue and counts the events that it loses.
//!
//! # Live state
//!
//! [`Tor::state`] tracks circuits, streams, relays, address mappings and entry
//! guards, and returns when all of them are loaded. The [`state`] module
//! explains how to look things up, wait and listen. The [`path`] module chooses
//! relays and builds circuits, [`attach`] decides which circuit a stream uses,
//! and [`geoip`] finds the countries of addresses. What tor hasn't reported is
//! `None`.
//!
//! ```no_run
//! use scape::Tor;
//! use std::time::Duration;
//!
//! let tor = Tor::connect()?;
//! let state = tor.state()?;
//! let registration = state.on_stream_attached(|stream, circuit| println!("{stream} uses {circuit}"));
//! let circuit = state.wait(Duration::from_secs(60), |state| {
//!     state.circuits().into_iter().find(|circuit| circuit.is_built())
//! })?;
//! if let Some(purpose) = circuit.purpose() {
//!     println!("a circuit for {purpose}");
//! }
//! for router in circuit.routers() {
//!     println!("{} at {:?}", router.nickname().unwrap_or_default(), router.or_address());
//! }
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Directory documents
//!
//! The module [`netdoc`] parses the documents that describe the Tor network,
//! and [`documents`] finds them in files: in CollecTor's archives, compressed
//! files and the data directory of a tor.
//!
//! ```no_run
//! use scape::documents::DocumentReader;
//!
//! for found in DocumentReader::new().path("server-descriptors-2026-11.tar.xz") {
//!     println!("{:?}", found?.kind());
//! }
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Configuration
//!
//! [`Tor::config`] returns a [`Config`]: the options that tor runs with, live
//! and typed, and changes that are saved together. The [`config`] module
//! explains groups of options, other programs that change the same options, and
//! torrc files.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! let tor = scape::Tor::connect()?;
//! let mut config = tor.config()?;
//! println!("{:?}", config.get::<Duration>("MaxCircuitDirtiness")?);
//! config.set("MaxCircuitDirtiness", Duration::from_secs(60))?;
//! config.save()?;
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Endpoint strings
//!
//! A program that reads addresses from its configuration can support Tor with a
//! string: `tor:example.com:80`, `onion:80`, or
//! `onion:80:privateKeyFile=/var/lib/site/key`. [`dial`] connects to an
//! endpoint and [`listen`] listens at one. The [`endpoint`] module has the
//! grammar.
//!
//! ```no_run
//! let listener = scape::listen("onion:80:privateKeyFile=site.key")?;
//! for stream in listener.incoming() {
//!     let stream = stream?; // Read and Write
//! }
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Lost connections
//!
//! A control connection can end because tor restarts, the machine sleeps or a
//! tunnel breaks. With [`Connect::reconnect`], the library reconnects by
//! itself, with growing delays; [`Controller::reconnect`] does so on demand.
//! Callbacks and subscriptions continue. This controller's onion services,
//! address mappings, client keys and ownership of tor are restored.
//! [`Connect::heartbeat`] detects a tor that doesn't answer any more, and
//! [`Controller::on_status`] reports all of this.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().listen()?;
//! # let address = tor.address().cloned().expect("it listens");
//! use scape::connection::ConnectionStatus;
//! use scape::control::Reconnect;
//! use scape::Connect;
//! use std::time::Duration;
//!
//! let controller = Connect::to(address)?
//!     .reconnect(Reconnect::new().max_delay(Duration::from_secs(10)))
//!     .heartbeat(Duration::from_secs(60))
//!     .connect()?;
//! let _registration = controller.on_status(|status| match status {
//!     ConnectionStatus::Closed(closed) => eprintln!("{closed}"),
//!     ConnectionStatus::Reconnected(_) => eprintln!("connected again"),
//!     _ => {}
//! })?;
//! # tor.hang_up();
//! # controller.wait_closed(controller.timeout())?;
//! controller.wait_connected(Duration::from_secs(30))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Fallible calls return an [`Error`], except for parsers, which have errors of
//! their own. Most programs only look at the error's [kind](Error::kind).
//! Examples are [`ErrorKind::Refused`] if tor refused a command,
//! [`ErrorKind::Closed`] if the connection has ended, and
//! [`ErrorKind::Timeout`] if a deadline passed. [`Error::get`] returns the
//! typed error of the module that failed, such as
//! [`SocksError`](socks::SocksError) or
//! [`CircuitError`](control::CircuitError). [`Error::refusal`] has the code and
//! the whole text of tor's refusal. Invalid arguments are errors of the kind
//! [`ErrorKind::Argument`], and nothing is sent then.
//!
//! # Threads
//!
//! All handles can be shared between threads, and [`Controller`] is cheap to
//! clone. A connection has one thread that reads, one for callbacks (from the
//! first callback on), and one for heartbeats and reconnects (if enabled). A
//! launched tor has two threads, and a third one with [`Launch::on_log`]. An
//! [`OnionListener`] has one for each socket. You can rely on the following:
//!
//! - **Commands don't hang.** Every command to tor has a deadline
//!   ([`Controller::with_timeout`], [`Connect::timeout`]). Only these calls can
//!   wait without end, unless the program sets a limit: reads and writes of
//!   streams, [`OnionListener::accept`], and iterators over events. When the
//!   connection ends, all waiting calls, iterators and callbacks learn it
//!   immediately, with the cause. Later calls fail with the same cause, unless
//!   the connection is restored.
//! - **Nothing is mixed up.** Each call gets the reply to its own command, even
//!   after a timeout: tor's late reply is dropped.
//! - **Replies are barriers.** When a call returns, every event that tor sent
//!   before the reply is in the queues of its subscriptions.
//!   [`Controller::sync`] also waits for callbacks.
//! - **Callbacks can do anything.** A callback may call any method, wait, add
//!   and remove callbacks, and close the connection. A slow callback only
//!   delays other callbacks, and a panic is caught and logged.
//! - **Handles own things.** Connections, subscriptions, callbacks and launched
//!   tors end when their handles are dropped. Each has a method that does the
//!   same and returns the error.
//!
//! # Testing
//!
//! With the feature `testing`:
#![cfg_attr(feature = "testing", doc = " [`testing::ScriptedTor`] answers as the test says,")]
#![cfg_attr(not(feature = "testing"), doc = " `testing::ScriptedTor` answers as the test says,")]
#![cfg_attr(
    feature = "testing",
    doc = " and [`testing::TestNetwork`] is a private Tor network of real tors on loopback."
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = " and `testing::TestNetwork` is a private Tor network of real tors on loopback."
)]
//!
//! # Logging
//!
//! The library logs through the [`log`] crate:
//!
//! | target | level | what |
//! |---|---|---|
//! | `scape::wire` | trace | every command and reply, without secrets and data blocks |
//! | `scape::connection` | debug to warn | the end of each connection, with its cause; attempts to reconnect; what could not be restored |
//! | `scape::onion` | debug, warn | directories that did not answer when a service was published; services that could not be removed |
//! | `scape::state` | debug, warn | parts of tor's answers that could not be parsed |
//! | `scape::config` | warn | other controllers' changes that were overwritten at the moment they were made |
//! | `scape::attach` | debug to error | streams that could not be attached, attachers that panicked, other controllers that attach |
//! | `scape::path` | debug | circuits of a pool that could not be built or closed |
//! | `scape::process` | debug, warn | removed temporary directories of killed programs; a launched tor that did not end properly |
//! | `scape::testing` | debug to warn | the start of a test network, and nodes that had to be killed |
//! | `scape::tor` | debug | the log of a launched tor |
//! | `scape::events` | debug to error | lost events, queues that are taken too slowly, panics in callbacks |
//!
//! Passwords, cookies, private keys and SOCKS passwords never appear in log
//! lines, `Debug` or `Display`. Addresses, host names, onion addresses and
//! paths do: a log at trace level shows where a user goes.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `http` | the module `http`, and `Tor::http`: HTTP through tor, with [`ureq`](https://docs.rs/ureq); enough for onion services |
//! | `https` | `https://` URLs, and TLS inside any connection through tor (the module `tls`) |
//! | `geoip` | databases of places and networks for [`geoip`], which otherwise asks tor |
//! | `serde` | `Serialize` for events, answers, configuration values and directory documents, and `Deserialize` for identifiers and the like: [the format](scape_proto#serde) |
//! | `verify` | checks of the signatures of directory documents, in [`netdoc`] |
//! | `onion-descriptor` | opening, making and signing the descriptors of onion services, in [`netdoc`]; includes `verify` |
//! | `archives` | all of the following ones, for [`documents`] |
//! | `tar`, `gzip`, `bzip2`, `xz`, `zstd` | tar archives and compressed files for [`documents`], one format each |
//! | `testing` | [`testing`](crate#testing): a scripted tor, and a private network of real tors |
//!
//! No feature is enabled by default.
//!
//! # Versions
//!
//! The minimum supported Rust version is 1.88. Raising it is a minor release of
//! its own. The library is tested with tor 0.4.9. The library never concludes
//! from tor's version what tor can do.
#![cfg_attr(docsrs, feature(doc_cfg))]

// The documentation shows the methods of a type in the order of the modules
// that have them. Methods that can do harm come last.
pub mod control;

mod client;
pub mod documents;
pub mod endpoint;
pub mod error;
pub mod geoip;
mod io;
mod live;
pub mod onion;
pub mod process;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tor;

mod circuits;

pub use circuits::{attach, path};
#[cfg(feature = "http")]
pub use client::http;
pub use client::socks;
#[cfg(feature = "https")]
pub use client::tls;
pub use io::{connection, transport};
pub use live::{config, state};
#[doc(inline)]
pub use scape_proto::{event, info, netdoc, word};

pub use circuits::path::circuit_builder::CircuitBuilder;
pub use client::tor_client::TorClient;
pub use control::connect::{Connect, connect};
pub use control::controller::Controller;
pub use endpoint::dial::dial;
pub use endpoint::listen::listen;
pub use error::kind::ErrorKind;
pub use error::opaque::{Error, Result};
pub use io::cancel::CancelToken;
pub use io::connection::registration::Registration;
pub use io::connection::subscription::Subscription;
pub use io::undo::undo_all;
pub use live::config::live::Config;
pub use live::state::live::State;
pub use onion::builder::OnionBuilder;
pub use onion::listener::OnionListener;
pub use process::launch::Launch;
pub use tor::handle::Tor;
