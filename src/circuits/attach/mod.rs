//! Attaching streams to circuits.
//!
//! By default, tor attaches each stream to a circuit of its choice. A
//! [`StreamAttacher`] decides instead: it chooses a circuit, leaves the choice
//! to tor, closes the stream, or decides later.
//! [`Controller::attach_streams`](crate::Controller::attach_streams) installs
//! an attacher, which is active as long as the returned guard lives. Closures
//! are attachers:
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
//!         _ => Decision::Pass,
//!     }
//! })?;
//! // From now on, every new stream to port 80 uses that circuit or is closed.
//! attacher.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Hand-picked circuits stand out.** The user may be revealed by the circuits
//! that are used together, by the time for which they are used, and by their
//! relays. tor chooses the circuits of all users in the same way.
//!
//! # Guarantees
//!
//! * **No stream uses the wrong circuit.** If a decision can't be carried out,
//!   for example because the circuit has closed, the stream is closed. It is
//!   never left to tor instead. A stream is also closed if an attacher panics,
//!   or drops the stream without a decision.
//! * **No stream is forgotten.** Every stream gets a decision, including
//!   streams that already wait when the first attacher is installed. tor
//!   doesn't give up a stream that it has already started to attach. If such a
//!   stream should use another circuit, it is closed.
//! * **Streams don't wait for each other**, unless many decisions are slow. Up
//!   to 64 streams are decided on at once ([`StreamAttacher::max_concurrent`]).
//!   More streams wait in the order in which they arrived. None is lost.
//! * **No look-up crashes tor.** tor 0.4.9 aborts if a look-up is attached to a
//!   circuit that isn't for general use. A circuit with the purpose
//!   [`Controller`](crate::event::CircuitPurpose::Controller) is given the
//!   general purpose while the look-up is being attached. For any other
//!   circuit, the look-up is closed
//!   ([`StreamProblem::Purpose`](crate::control::StreamProblem::Purpose)).
//! * **No exit learns an onion address.** tor treats `abc.onion.` with a
//!   trailing dot as an ordinary name. A stream to such a name is closed, even
//!   if it would be left to tor. Streams that are left to another controller
//!   are that controller's responsibility.
//! * **Other streams are left to tor at once**: streams to onion services and
//!   tor's own streams, unless an attacher wants them
//!   ([`StreamAttacher::takes`]).
//! * **Streams of circuit-bound clients come first.** Streams of a client that
//!   is bound to a circuit ([`TorClient::via`](crate::TorClient::via)) aren't
//!   shown to attachers. All other streams are shown to the attachers by
//!   [priority](crate::Controller::attach_streams_with) and then left to tor.
//!
//! If a stream loses its circuit before it is open (`DETACHED`: the exit
//! refused it or didn't answer), the attachers are asked again. A stream that
//! is open stays on its circuit.
//!
//! # `__LeaveStreamsUnattached`
//!
//! tor asks controllers about streams only while its option
//! `__LeaveStreamsUnattached` is 1. Installing the first attacher sets the
//! option. The option is reset when the last attacher is removed: when the
//! attacher's guard is dropped (even by a panic that unwinds), by
//! [`AttacherGuard::close`], and when the connection is closed. If another
//! controller or a reload resets the option, or if the connection reconnects,
//! it is set again.
//!
//! Circuit-bound clients ([`TorClient::via`](crate::TorClient::via)) need the
//! option, too. For a single client, the option is reset when the client is
//! dropped. If another client is created within five seconds, the option stays
//! 1 until five seconds after the last client of the series was dropped. So a
//! series of clients doesn't change tor's configuration each time. Ten clients
//! in a row change it four times: the first client sets and resets the option,
//! and so does the rest of the series.
//!
//! If the option was already 1, another controller attaches streams. A warning
//! is logged, the option is left at 1, and streams that no attacher wants are
//! left to that controller. Two controllers that decide on the same streams
//! interfere with each other. The exception is two programs that use this
//! library only for circuit-bound clients, because they ignore each other's
//! streams.
//!
//! Each change of the option changes tor's configuration, and then tor forgets
//! the client keys of onion services that it holds in memory. All of these keys
//! are added again in the same write: see
//! [`set_conf`](crate::Controller::set_conf).
//!
//! # If the program ends, or the connection is lost
//!
//! While the option is 1 and no controller attaches streams, every new stream
//! of every program waits for two minutes and then fails. So the option is
//! reset whenever this process still can:
//!
//! * **If the control connection is lost** and doesn't reconnect by itself
//!   ([`Connect::reconnect`](crate::Connect::reconnect)), this library opens
//!   another connection at once, with the same address and credentials. On this
//!   connection it resets the option and closes the waiting streams, within
//!   five seconds. If the connection is reconnected manually later, the option
//!   is set again. A connection that was made from a
//!   [`Transport`](crate::transport::Transport) can't be opened again, so the
//!   option stays 1.
//! * **Signals** (Ctrl-C, SIGTERM) and [`std::process::exit`] don't run
//!   destructors: call [`undo_all`](crate::undo_all) before the program ends.
//!   The example `signals` shows how.
//! * **When `main` returns**, Rust drops neither statics nor values that other
//!   threads own. If one of these values is a handle to the control connection,
//!   the connection ends with the process, and the option stays 1 if it was
//!   set. This includes the five seconds after a series of circuit-bound
//!   clients: call [`undo_all`](crate::undo_all) at the end of `main`.
//! * **A program that is killed or aborts can't reset anything.** If tor keeps
//!   running, call
//!   [`Controller::release_streams`](crate::Controller::release_streams).
//!   Restarting tor also helps, because tor doesn't save the option. A tor that
//!   was [launched](crate::Launch) ends with its program.
//!
//! # Threads
//!
//! One thread (`scape-attach`) watches streams while there are attachers, and
//! attaches the streams of circuit-bound clients. Decisions are made on up to
//! [`max_concurrent`](StreamAttacher::max_concurrent) threads
//! (`scape-attach-stream`), which end when no stream is waiting. One thread
//! (`scape-attach-linger`) resets the option later, after a series of
//! circuit-bound clients.

mod attach_point;
mod attacher;
mod bound_stream;
mod circuit_binder;
mod circuit_socks;
mod client;
mod crew;
mod decision;
mod fresh;
mod guard;
mod hand_back;
mod kind;
mod leave_unattached;
mod message;
mod operations;
mod pending;
mod priority;
mod registry;
mod request;
mod run;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use attach_point::AttachPoint;
pub use attacher::StreamAttacher;
pub use circuit_socks::CircuitSocks;
pub use decision::Decision;
pub use guard::AttacherGuard;
pub use kind::StreamKind;
pub use priority::{PriorityAttacher, PriorityMember};
pub use request::{StreamAnswer, StreamRequest};

/// Calls the user's code and returns its result, or `None` if it panics. A
/// panic is logged together with its consequence.
fn catch_panic<T>(consequence: &str, call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(panic) => {
            log::error!(target: "scape::attach", "an attacher panicked: {consequence}");
            // Dropping the panic's value could panic again.
            std::mem::forget(panic);
            None
        }
    }
}
