//! Over which circuits streams go: attachers.
//!
//! tor puts each stream on a circuit of its choice. A [`StreamAttacher`]
//! decides instead: over this circuit, over one that tor chooses, nowhere, or
//! later. [`Controller::attach_streams`](crate::Controller::attach_streams)
//! installs one, as long as what it returns lives. Closures are attachers:
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
//! #     .on_prefix("SETCONF __LeaveStreamsUnattached", "250 OK\r\n").info("stream-status", "").info("version", "0.4.9.11")
//! #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! # let circuit = scape::word::CircuitId::new(7);
//! use scape::attach::{Decision, StreamRequest};
//!
//! let attacher = controller.attach_streams(move |stream: &StreamRequest| {
//!     match stream.target().port() {
//!         Some(80) => Decision::on(circuit),
//!         _ => Decision::NotMine,
//!     }
//! })?;
//! // From now on, every new stream to port 80 goes over that circuit, or nowhere.
//! attacher.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Who decides over circuits by hand can be told from others**: which
//! circuits are used together, for how long, and which relays they have, may
//! reveal who uses them. tor's choice is the same for everybody.
//!
//! # What is promised
//!
//! * **No stream goes where it was not meant to.** Where a decision cannot be
//!   carried out, because the circuit is gone or cannot carry the stream, the
//!   stream is closed. It is never left to tor instead. So it is where an
//!   attacher panics, or lets go of a stream without a decision.
//! * **No stream is forgotten.** Every one is answered; those that wait already
//!   when the first attacher comes are asked about, too. What tor has in hand
//!   by then it does not give up: where such a stream is to go over another
//!   circuit, it is closed.
//! * **Streams don't wait for each other**, unless many are decided on slowly:
//!   up to 64 are decided on at once ([`StreamAttacher::max_concurrent`]), and
//!   more wait for their turn, in the order in which they came. None is lost.
//! * **No look-up ends tor.** tor 0.4.9 aborts if a look-up is attached to a
//!   circuit that isn't for general use. A circuit with the purpose
//!   [`Controller`](crate::event::CircuitPurpose::Controller) is made a general
//!   one for the moment in which the look-up is attached. Over any other
//!   circuit the look-up is closed
//!   ([`StreamProblem::Purpose`](crate::controller::StreamProblem::Purpose)).
//! * **No onion address is asked of an exit.** tor takes `abc.onion.` with a
//!   trailing dot for an ordinary name. A stream to one is closed, also where
//!   it would be left to tor. Streams that are left to another controller are
//!   that one's to close.
//! * **What is not an attacher's to decide is left to tor, at once**: onion
//!   services ([`StreamAttacher::takes`]), and what is tor's own.
//! * **What is this program's own goes first.** Streams of a client that is
//!   bound to a circuit ([`Tor::client_via`](crate::Tor::client_via)) are shown
//!   to no attacher. Then come the attachers, by
//!   [priority](crate::Controller::attach_streams_with), then tor.
//!
//! A stream that has lost its circuit before it was open (the exit refused it,
//! or did not answer: `DETACHED`) is asked about again. One that is open stays
//! where it is.
//!
//! # `__LeaveStreamsUnattached`
//!
//! tor asks nobody about streams unless this option is 1. It is set with the
//! first attacher, and put back with the last: when the guard is dropped, also
//! by a panic that unwinds, with [`AttacherGuard::close`], and when the
//! connection is closed. It is set again if somebody else or a reload has reset
//! it, and when the connection is made again.
//!
//! Clients that are bound to circuits
//! ([`Tor::client_via`](crate::Tor::client_via)) need the option, too. A single
//! one has it put back when it is dropped. If another one comes within five
//! seconds, the option stays set for five seconds after the last of them:
//! connections in turn don't change tor's configuration each time. Ten of them
//! change it four times.
//!
//! If the option was 1 before, another controller attaches streams. That is
//! logged, the option is left at 1, and streams that no attacher wants are left
//! to that controller. Two controllers that decide on the same streams get into
//! each other's way, unless both use this library for clients that are bound to
//! circuits: these leave each other's streams alone.
//!
//! Each change of the option is a change of tor's configuration, with which tor
//! forgets the client keys of onion services that it has in memory. All of them
//! are given back in the same write: see
//! [`set_conf`](crate::Controller::set_conf).
//!
//! # If the program ends, or the connection is lost
//!
//! While the option is 1 and nobody attaches, every new stream of every program
//! waits for two minutes and fails. So the option is undone wherever this
//! process still can:
//!
//! * When the control connection is lost and isn't made again by itself
//!   ([`Connect::reconnect`](crate::Connect::reconnect)), another one is opened
//!   at once, in the same way, to put the option back and to close the streams
//!   that wait. This takes five seconds at most. If the connection is made
//!   again by hand later, the option is set again. Connections that were made
//!   from a transport can't be opened twice.
//! * **Signals** (Ctrl-C, SIGTERM) and [`std::process::exit`] run no
//!   destructors: call [`undo_all`](crate::undo_all) before the program ends.
//!   The example `signals` shows how.
//! * **When `main` returns**, Rust drops neither statics nor what other threads
//!   own. If a handle on the control connection lives there, the connection
//!   ends with the process, and the option stays 1 if it was set. This includes
//!   the five seconds after several clients in turn: call
//!   [`undo_all`](crate::undo_all) at the end of `main`.
//! * **A program that is killed or aborts can't undo anything.** tor, if it
//!   goes on, is healed by
//!   [`Controller::release_streams`](crate::Controller::release_streams), or by
//!   a new start, since tor doesn't save the option. A tor that was
//!   [launched](crate::Launch) ends with its program.
//!
//! # Threads
//!
//! One (`scape-attach`) watches streams, from the first attacher to the last,
//! and attaches those of clients that are bound to circuits. Decisions are made
//! on up to [`max_concurrent`](StreamAttacher::max_concurrent) threads
//! (`scape-attach-stream`), which end when no stream is left to be decided on.
//! One (`scape-attach-linger`) puts the option back later, if clients that are
//! bound to circuits came in turn.

mod attacher;
mod crew;
mod fresh;
mod guard;
mod hold;
mod kind;
mod place;
mod priority;
mod registry;
mod request;
mod via;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use attacher::{Decision, StreamAttacher};
pub(crate) use fresh::FreshRoute;
pub use guard::AttacherGuard;
pub use kind::StreamKind;
pub use place::Place;
pub use priority::{PriorityAttacher, PriorityMember};
pub use request::{StreamAnswer, StreamRequest};
pub(crate) use via::CircuitRoute;

/// Returns what a user's code returns, or `None` if it panics. The log says so,
/// with what follows from it.
fn caught<T>(consequence: &str, call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(panic) => {
            log::error!(target: "scape::attach", "an attacher panicked: {consequence}");
            // Dropping it could panic, too.
            std::mem::forget(panic);
            None
        }
    }
}
