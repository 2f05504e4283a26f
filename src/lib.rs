//! scape controls [Tor](https://www.torproject.org): a synchronous,
//! thread-based library for scripts, programs with a window, daemons and test
//! suites. No async runtime.
//!
//! ```no_run
//! use scape::Tor;
//! use scape::event::EventKind;
//! use std::io::Write;
//!
//! let tor = Tor::connect()?; // the usual places; cookie, then password
//! let mut stream = tor.dial(("example.com", 80))?; // through tor, name and all
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
//!
//! let listener = tor.onion()?.virtual_port(80).listen()?; // published when this returns
//! println!("http://{}/", listener.address());
//!
//! let controller = tor.controller()?; // every command, every event
//! println!("Tor {}", controller.version()?);
//! for event in controller.subscribe([EventKind::Bw])?.iter().take(10) {
//!     println!("{}", event.text());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which tor
//!
//! [`Tor`] is the object that most programs hold; its [module](tor) has the
//! table of the ways to one. Below it, and usable without it, are
//! [`Controller`] (a control connection), [`TorProcess`] (a tor that was
//! launched) and [`SocksProxy`](socks::SocksProxy) (a SOCKS port).
//!
//! **One that runs already.** [`Tor::connect`] and [`connect()`] try the usual
//! places, [`Connect`] is for everything else: an address, a password, a cookie
//! file somewhere else, a prompt. Authentication needs no thought: SAFECOOKIE
//! if tor offers it (which also finds out an impostor), then the password, if
//! one is given. If it fails, an [`AuthError`](controller::AuthError) says why.
//! [`Tor::find`] also takes a tor that has only a SOCKS port.
//!
//! **One of our own.** [`Launch`] starts a tor, with a private directory and
//! without any open control port, reports how its bootstrap comes along, and
//! ends it when the last handle is dropped, or this program dies.
//!
//! ```no_run
//! use scape::{Launch, Tor};
//!
//! let tor = Tor::launch(
//!     Launch::new()
//!         .data_directory("tor-data") // the next start is much quicker
//!         .on_progress(|p| eprintln!("{:3} % {}", p.percent, p.text)),
//! )?;
//! println!("{:?}", tor.client()?.dns_resolve("example.com")?);
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! **Whichever there is.** [`Tor::global`] is one for the whole program: one
//! that runs, or else one that is launched.
//!
//! # What tor has and does
//!
//! [`Tor::state`] keeps it live: circuits, streams, the consensus' routers,
//! addresses, entry guards. [`state`] tells how to look things up, wait, and
//! listen. [`path`] chooses relays and builds circuits, [`attach`] decides
//! which circuit a stream goes over, [`geoip`] knows where addresses are.
//!
//! ```no_run
//! use scape::Tor;
//! use std::time::Duration;
//!
//! let tor = Tor::connect()?;
//! let state = tor.state()?;
//! let listener = state.on_stream_attached(|stream, circuit| println!("{stream} goes over {circuit}"));
//! let circuit = state.wait(Duration::from_secs(60), |state| {
//!     state.circuits().into_iter().find(|circuit| circuit.is_built())
//! })?;
//! for router in circuit.routers() {
//!     println!("{router} at {:?}", router.or_address());
//! }
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Testing
//!
//! With the feature `testing`:
#![cfg_attr(feature = "testing", doc = " [`testing::ScriptedTor`] says what the test wants,")]
#![cfg_attr(not(feature = "testing"), doc = " `testing::ScriptedTor` says what the test wants,")]
#![cfg_attr(
    feature = "testing",
    doc = " [`testing::TestNetwork`] is a private Tor network of real tors on loopback."
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = " `testing::TestNetwork` is a private Tor network of real tors on loopback."
)]
//!
//! # Commands
//!
//! [`Controller`] has a blocking method for a command, with arguments that are
//! checked before anything is sent and answers that are values:
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
//! Every command of tor 0.4.9 has a method, and every key of GETINFO:
//! `docs/control-protocol.md` lists them. What tor answers is a value:
//! [`Controller::map_address`] gives a result for each mapping,
//! [`Controller::onion_client_auth_add`] what became of the key. If tor
//! refuses, the error has a [`Refusal`](protocol::Refusal), which tells what
//! that means: [`is_unknown`](protocol::Refusal::is_unknown) (already gone) is
//! not [`is_not_allowed`](protocol::Refusal::is_not_allowed).
//!
//! Some methods also wait for what the command begins, and see it even where it
//! is quicker than they are: [`build_circuit`](Controller::build_circuit),
//! [`resolve`](Controller::resolve),
//! [`fetch_hs_descriptor`](Controller::fetch_hs_descriptor),
//! [`new_identity`](Controller::new_identity), [`wake`](Controller::wake).
//!
//! Several commands may be on the way at once: [`Controller::send`] gives a
//! [`PendingReply`], and [`Controller::send_all`] writes many with one call.
//! [`Controller::msg`] sends a line as it is.
//!
//! What cannot change as long as tor runs is asked for once; [`Caching`] says
//! what, and turns it off.
//!
//! # Events
//!
//! [`Controller::subscribe`] gives a queue of one's own, to iterate over, to
//! poll, or to `select!` on; [`Controller::on`] calls back, as long as its
//! [`Listener`] lives. Each event is a value of [`event::EventBody`], with its
//! raw text at hand; what this version does not know comes as
//! [`Unknown`](event::EventBody::Unknown), never as an error. An event is
//! parsed when somebody wants its kind, once for all of them.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().on("SETEVENTS ORCONN", concat!("250 OK\r\n",
//! #     "650 ORCONN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 CONNECTED ID=7\r\n")).start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::event::EventBody;
//! use scape::event::{EventKind, OrConnStatus};
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
//! Queues are unbounded unless told otherwise: [`QueueLimit`] bounds one, and
//! what it loses is counted.
//!
//! # A connection that ends
//!
//! tor is restarted, a machine sleeps, a tunnel breaks. [`Connect::reconnect`]
//! makes the connection again by itself, with growing delays;
//! [`Controller::reconnect`] does so when it is called. Callbacks and
//! subscriptions go on, and what this controller had made comes back: onion
//! services at their addresses, address mappings, clients' keys, ownership.
//! [`Connect::heartbeat`] finds out a tor that is silent;
//! [`Controller::on_status`] tells of all this, and of reloads.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().listen()?;
//! # let address = tor.address().cloned().expect("it listens");
//! use scape::{Connect, ConnectionStatus, Reconnect};
//! use std::time::Duration;
//!
//! let controller = Connect::to(address)?
//!     .reconnect(Reconnect::new().max_delay(Duration::from_secs(10)))
//!     .heartbeat(Duration::from_secs(60))
//!     .connect()?;
//! let _listener = controller.on_status(|status| match status {
//!     ConnectionStatus::Closed(closed) => eprintln!("{closed}"),
//!     ConnectionStatus::Reconnected(_) => eprintln!("here again"),
//!     _ => {}
//! })?;
//! # tor.hang_up();
//! # controller.wait_closed(controller.timeout())?;
//! controller.wait_connected(Duration::from_secs(30))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Connections through tor
//!
//! [`Tor::client`] gives a [`TorClient`]: connections to hosts and onion
//! services, names and addresses looked up by tor, isolation tokens, one
//! deadline over everything, and each of tor's error codes told apart. It finds
//! out which SOCKS port to use, TCP or Unix ([`SocksPort`]). No name is ever
//! looked up locally, nothing goes around tor, and the environment's proxies
//! are not asked.
//!
//! ```no_run
//! use scape::Tor;
//! use std::time::Duration;
//!
//! let client = Tor::find()?.client()?.timeout(Duration::from_secs(60));
//! let stream = client.isolated().connect(("example.com", 80))?; // on circuits of its own
//! println!("{}", client.dns_resolve("example.com")?);
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! With the feature `http` there is `Tor::http`, a `ureq::Agent` over the same;
//! with `https` also TLS, for HTTP and for any other protocol.
//!
//! # Onion services
//!
//! [`Tor::onion`] describes one: [`listen`](OnionBuilder::listen) gives an
//! [`OnionListener`], which is like a `TcpListener`,
//! [`publish`](OnionBuilder::publish) makes one in front of a server that is
//! there already. Both wait until it can be reached, and tell how it comes
//! along. [`onion`] is the manual: which kind to choose, services on disk,
//! client authorization, what gives a service's place away.
//!
//! # Configuration
//!
//! [`Tor::config`] gives a [`Config`]: what tor runs with, live and typed, and
//! changes that are sent together. [`config`] is the manual: groups of options,
//! other programs that change the same, torrc files, what options mean.
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
//! A program that takes its addresses from its configuration gets Tor by a
//! string: `tor:example.com:80`, `onion:80`,
//! `onion:80:privateKeyFile=/var/lib/site/key`. [`dial`] connects to one,
//! [`listen`] listens at one; [`endpoint`] has the grammar.
//!
//! ```no_run
//! let listener = scape::listen("onion:80:privateKeyFile=site.key")?;
//! for stream in listener.incoming() {
//!     let stream = stream?; // Read and Write
//! }
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Threads
//!
//! A [`Controller`] is `Clone + Send + Sync`; any number of threads may call
//! it. A connection has a thread that reads; from the first callback on, one
//! that runs callbacks; and one that looks after it, where it has a heartbeat
//! or is made again by itself. A launched tor has two, and an [`OnionListener`]
//! one for each of its sockets. [`Tor`], [`TorClient`] and listeners may be
//! shared by threads as well. What can be relied on:
//!
//! * **Nothing hangs.** Every call has a deadline
//!   ([`Controller::with_timeout`], [`Connect::timeout`]). When the connection
//!   ends, every waiting call, iterator and callback learns it at once, with
//!   the cause, and every later call fails with the same. (Where it is made
//!   again by itself, iterators go on, and calls succeed again then.)
//! * **Nothing is mixed up.** Each call gets the reply to its own command,
//!   whatever other threads do, and also after a timeout: the late reply is
//!   thrown away.
//! * **Barrier.** What tor sent before a reply is in every subscription's queue
//!   when that reply is seen; [`Controller::sync`] also waits for callbacks.
//! * **Callbacks are free** to call any method, to wait, to add and remove
//!   callbacks, to close the connection or drop its last handle. A slow one
//!   delays other callbacks only; a panic in one is caught and logged.
//! * **Things end with their handles**: connections, subscriptions, callbacks,
//!   launched tors. Each has a method that does the same and returns the error.
//!
//! # Errors
//!
//! Every fallible call returns an [`Error`]. Most programs decide on its
//! [kind](Error::kind): for example [`ErrorKind::Refused`] if tor refused,
//! [`ErrorKind::Closed`] if the connection has ended, or [`ErrorKind::Timeout`]
//! if a deadline passed. [`Error::get`] gives the typed error of the module
//! that failed, such as [`SocksError`](socks::SocksError) or
//! [`CircuitError`](controller::CircuitError). [`Error::refusal`] has the code
//! and all of the text of tor's refusal. Wrong input is an error of the kind
//! [`ErrorKind::Argument`] before anything is sent, and leaves the connection
//! as it was.
//!
//! # What is logged
//!
//! Through the [`log`] crate:
//!
//! | target | level | what |
//! |---|---|---|
//! | `scape::wire` | trace | every command and reply, without secrets and without data blocks |
//! | `scape::connection` | debug to warn | the end of each connection, with its cause; attempts to make it again, what could not be given back |
//! | `scape::onion` | debug, warn | directories that have not answered when a service is published; services that could not be removed |
//! | `scape::state` | debug, warn | what of tor's answers is not understood |
//! | `scape::config` | warn | changes of other controllers that were overwritten in the moment in which they were made |
//! | `scape::attach` | debug, warn | streams that could not be attached, attachers that panicked, other controllers that attach |
//! | `scape::process` | debug, warn | temporary directories of killed programs that were removed; a launched tor that did not end as it should |
//! | `scape::testing` | info, warn | nodes of a test network that had to be killed |
//! | `scape::tor` | debug | what a launched tor logs |
//! | `scape::events` | warn, error | lost events, panics in callbacks |
//!
//! Passwords, cookies, private keys and SOCKS passwords appear in no log line,
//! no `Debug` and no `Display`. What is not hidden: addresses, host names,
//! onion addresses, paths. A log at trace level tells where a user goes.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `http` | [`http`]: `Tor::http`, HTTP through tor, with [`ureq`](https://docs.rs/ureq): enough for onion services |
//! | `https` | and `https://` URLs; [`tls`]: TLS inside any connection through tor |
//! | `geoip` | databases of places and networks for [`geoip`], which asks tor's own data without it |
//! | `manual` | [`config`]: what tor's options mean, from its manual page where that is installed |
//! | `testing` | [`testing`](crate#testing): a scripted tor, and a private network of real ones |
//!
//! None is on by default.
//!
//! # Versions
//!
//! The minimum supported Rust version is 1.88; raising it is a minor release of
//! its own. tor 0.4.9 is what the library is tested against. What a tor can do
//! is never read off its version.

pub mod error;
// First, for its macro.
#[macro_use]
pub mod word;

pub mod attach;
mod cancel;
pub mod config;
pub mod connection;
pub mod controller;
pub mod descriptor;
pub mod endpoint;
pub mod event;
pub mod geoip;
#[cfg(feature = "http")]
pub mod http;
pub mod onion;
pub mod path;
pub mod process;
pub mod protocol;
mod regular_file;
pub mod socks;
pub mod state;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "https")]
pub mod tls;
pub mod tor;
pub mod transport;
mod undo;

pub use cancel::CancelToken;
pub use config::Config;
pub use connection::{
    ConnectionStatus, EventItem, Listener, PendingReply, QueueLimit, Reconnected, Subscription,
};
pub use controller::{
    AddOnion, AddedOnion, BuildCircuit, Caching, ClientAuth, ClientAuthAdded, Connect, Controller,
    FetchedHsDescriptor, HsFetch, HsPostAnswer, HsPostOutcome, MappedAddress, Mapping, OnionTarget,
    PasswordRequest, PostDescriptor, PostedDescriptor, Reconnect, WeakController, connect,
};
pub use endpoint::{Endpoint, dial, listen, listen_with};
pub use error::{Error, ErrorKind, Result};
pub use onion::{OnionBuilder, OnionListener, OnionService, OnionStream};
pub use path::{CircuitBuilder, CircuitPool, PathBuilder};
pub use process::{Launch, TorProcess};
pub use state::State;
pub use tor::{SocksPort, Tor, TorClient, TorMode};
pub use undo::undo_all;
