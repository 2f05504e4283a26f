//! The live state of tor: circuits, streams, relays, address mappings and entry
//! guards.
//!
//! A [`State`] mirrors tor's circuits and streams, the relays of the consensus,
//! the address map and the entry guards. Events keep it up to date. The state
//! first subscribes to the events, then loads the current data, and then
//! applies the events that arrived meanwhile, so nothing is missed. Events are
//! applied on the connection's reader thread. So when a reply is seen, the
//! state already contains everything that tor sent before it.
//!
//! [`Circuit`], [`Stream`] and [`Router`] are handles. After a circuit or a
//! stream has ended, its handle keeps the last known information.
//!
//! To be notified of changes, use closures ([`State::on_circuit_built`] and
//! similar methods), or a [`CircuitListener`], [`StreamListener`],
//! [`RouterListener`] or [`AddressListener`]. To wait for a change, use
//! [`Circuit::wait_built`] or [`State::wait`].
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder()
//! #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
//! #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
//! #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::State;
//!
//! let state = State::new(&controller)?; // or tor.state()?
//! let registration = state.on_circuit_built(|circuit| println!("built: {circuit}"));
//! for circuit in state.circuits() {
//!     println!("{circuit}, with {} streams", circuit.streams().len());
//! }
//! # assert_eq!(state.circuits().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! tor queues its events, so a reply may mention a change whose event arrives a
//! moment later. Some changes cause no event at all: see [`Circuit::info`].
//! Entry guards are loaded again with every new consensus and every change of
//! the configuration.

mod address_table;
mod addresses;
mod callbacks;
mod change;
mod circuit;
mod circuit_cell;
mod circuit_table;
mod directory;
mod guard_table;
mod keeper;
mod listen;
pub(crate) mod live;
mod location;
mod model;
mod router;
mod router_cell;
mod router_table;
mod routers;
mod snapshot;
mod stream;
mod stream_cell;
mod stream_process;
mod stream_table;
mod tracker;

pub use addresses::Addresses;
pub use circuit::Circuit;
pub use listen::{AddressListener, CircuitListener, RouterListener, StreamListener};
pub use router::Router;
pub use routers::Routers;
pub use stream::Stream;

pub(crate) use live::{Inner, State};
