//! Closures as listeners of the live state.

use super::change::Change;
use super::{Circuit, Router, State, Stream};
use crate::io::connection::Registration;
use scape_proto::event::AddrMapEvent;
use scape_proto::info::AddressMapping;
use scape_proto::word::RelayName;

macro_rules! closures {
    ($( $(#[$meta:meta])* $name:ident($($argument:ty),*): $change:pat => $call:expr; )*) => {
        /// Methods that install a closure as a listener. Each closure is called
        /// in the same cases as the listener method of the same name without
        /// `on_`. For example, [`on_circuit_new`](Self::on_circuit_new)
        /// corresponds to
        /// [`CircuitListener::circuit_new`](super::CircuitListener::circuit_new).
        /// A closure is called as long as the returned [`Registration`] lives.
        /// The registration keeps the state alive.
        impl State {
            $(
                $(#[$meta])*
                pub fn $name(
                    &self,
                    mut callback: impl FnMut($(&$argument),*) + Send + 'static,
                ) -> Registration {
                    self.listen(move |state, change| {
                        if let $change = change {
                            let call: fn(&mut dyn FnMut($(&$argument),*), &State, &Change) = $call;
                            call(&mut callback, state, change);
                        }
                    })
                }
            )*
        }
    };
}

fn with_circuit(callback: &mut dyn FnMut(&Circuit), state: &State, change: &Change) {
    if let Some(cell) = change.circuit() {
        callback(&Circuit::new(cell.clone(), state.clone()));
    }
}

fn with_hop(callback: &mut dyn FnMut(&Circuit, &RelayName), state: &State, change: &Change) {
    if let Change::CircuitExtended(cell, hop) = change {
        callback(&Circuit::new(cell.clone(), state.clone()), hop);
    }
}

fn with_stream(callback: &mut dyn FnMut(&Stream), state: &State, change: &Change) {
    if let Some(cell) = change.stream() {
        callback(&Stream::new(cell.clone(), state.clone()));
    }
}

fn with_both(callback: &mut dyn FnMut(&Stream, &Circuit), state: &State, change: &Change) {
    if let Change::StreamAttached(stream, circuit) = change {
        callback(
            &Stream::new(stream.clone(), state.clone()),
            &Circuit::new(circuit.clone(), state.clone()),
        );
    }
}

fn with_router(callback: &mut dyn FnMut(&Router), state: &State, change: &Change) {
    if let Change::RouterAdded(cell) | Change::RouterChanged(cell) | Change::RouterRemoved(cell) =
        change
    {
        callback(&Router::new(cell.clone(), state.clone()));
    }
}

fn with_mapping(callback: &mut dyn FnMut(&AddressMapping), _state: &State, change: &Change) {
    if let Change::AddressAdded(mapping) | Change::AddressExpired(mapping) = change {
        callback(mapping);
    }
}

fn with_failure(callback: &mut dyn FnMut(&AddrMapEvent), _state: &State, change: &Change) {
    if let Change::AddressFailed(event) = change {
        callback(event);
    }
}

closures! {
    /// Installs `callback`, which is called for every new circuit.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let (sender, ids) = mpsc::channel();
    /// let registration = state.on_circuit_new(move |circuit| {
    ///     let _ = sender.send(circuit.id().get());
    /// });
    /// # tor.send("650 CIRC 8 LAUNCHED PURPOSE=GENERAL\r\n");
    /// registration.finish(Duration::from_secs(10))?; // waits until it has been called
    /// assert_eq!(ids.recv()?, 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_new(Circuit): Change::CircuitNew(_) => with_circuit;
    /// Installs `callback`, which is called when tor starts to build a circuit.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_circuit_launched(|circuit| println!("building: {circuit}"));
    /// # tor.send("650 CIRC 8 LAUNCHED PURPOSE=GENERAL\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_launched(Circuit): Change::CircuitLaunched(_) => with_circuit;
    /// Installs `callback`, which is called for every hop that is added to a
    /// circuit. The arguments are the circuit and the hop.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_circuit_extended(|circuit, hop| {
    ///     println!("circuit {} has reached {hop}", circuit.id());
    /// });
    /// # tor.send("650 CIRC 8 LAUNCHED PURPOSE=GENERAL\r\n");
    /// # tor.send("650 CIRC 8 EXTENDED $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_extended(Circuit, RelayName): Change::CircuitExtended(..) => with_hop;
    /// Installs `callback`, which is called when a circuit becomes able to
    /// carry streams.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_circuit_built(|circuit| println!("built: {circuit}"));
    /// # tor.send("650 CIRC 8 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_built(Circuit): Change::CircuitBuilt(_) => with_circuit;
    /// Installs `callback`, which is called when the purpose or the onion
    /// service state of a circuit has changed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_circuit_changed(|circuit| {
    ///     println!("circuit {} is now for {:?}", circuit.id(), circuit.purpose());
    /// });
    /// # tor.send("650 CIRC_MINOR 7 PURPOSE_CHANGED PURPOSE=CONTROLLER OLD_PURPOSE=GENERAL\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_changed(Circuit): Change::CircuitChanged(_) => with_circuit;
    /// Installs `callback`, which is called when a circuit couldn't be built.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_circuit_failed(|circuit| {
    ///     eprintln!("circuit {} has failed: {:?}", circuit.id(), circuit.info().reason);
    /// });
    /// # tor.send("650 CIRC 8 LAUNCHED PURPOSE=GENERAL\r\n");
    /// # tor.send("650 CIRC 8 FAILED REASON=NOPATH\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_failed(Circuit): Change::CircuitFailed(_) => with_circuit;
    /// Installs `callback`, which is called when a circuit was closed after it
    /// had been built, or when tor no longer has the circuit after a reconnect.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_circuit_closed(|circuit| {
    ///     println!("circuit {} was closed: {:?}", circuit.id(), circuit.info().reason);
    /// });
    /// # tor.send("650 CIRC 7 CLOSED REASON=FINISHED\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_circuit_closed(Circuit): Change::CircuitClosed(_) => with_circuit;
    /// Installs `callback`, which is called for every new stream.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_stream_new(|stream| {
    ///     println!("stream {} is for {}", stream.id(), stream.target());
    /// });
    /// # tor.send("650 STREAM 4 NEW 0 www.example.com:80\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_stream_new(Stream): Change::StreamNew(_) => with_stream;
    /// Installs `callback`, which is called when a stream is attached to a
    /// circuit. The arguments are the stream and the circuit.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_stream_attached(|stream, circuit| {
    ///     println!("{} uses {circuit}", stream.target());
    /// });
    /// # tor.send("650 STREAM 4 NEW 0 www.example.com:80\r\n");
    /// # tor.send("650 STREAM 4 SENTCONNECT 7 www.example.com:80\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_stream_attached(Stream, Circuit): Change::StreamAttached(..) => with_both;
    /// Installs `callback`, which is called when a stream is no longer attached
    /// to a circuit. tor may attach the stream to another circuit later.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "4 SUCCEEDED 7 www.example.com:80")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_stream_detached(|stream| println!("detached: {stream}"));
    /// # tor.send("650 STREAM 4 DETACHED 7 www.example.com:80 REASON=TIMEOUT\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_stream_detached(Stream): Change::StreamDetached(_) => with_stream;
    /// Installs `callback`, which is called when a stream has been opened.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_stream_succeeded(|stream| println!("open: {stream}"));
    /// # tor.send("650 STREAM 4 NEW 0 www.example.com:80\r\n");
    /// # tor.send("650 STREAM 4 SUCCEEDED 7 www.example.com:80\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_stream_succeeded(Stream): Change::StreamSucceeded(_) => with_stream;
    /// Installs `callback`, which is called when a stream couldn't be opened.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_stream_failed(|stream| {
    ///     eprintln!("{} can't be reached: {:?}", stream.target(), stream.info().reason);
    /// });
    /// # tor.send("650 STREAM 4 NEW 0 www.example.com:80\r\n");
    /// # tor.send("650 STREAM 4 FAILED 7 www.example.com:80 REASON=TIMEOUT\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_stream_failed(Stream): Change::StreamFailed(_) => with_stream;
    /// Installs `callback`, which is called when a stream has ended.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "4 SUCCEEDED 7 www.example.com:80")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_stream_closed(|stream| println!("closed: {stream}"));
    /// # tor.send("650 STREAM 4 CLOSED 7 www.example.com:80 REASON=DONE\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_stream_closed(Stream): Change::StreamClosed(_) => with_stream;
    /// Installs `callback`, which is called for every relay that is new in the
    /// consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_router_added(|router| println!("new: {router}"));
    /// # tor.send("650+NEWCONSENSUS\r\nr alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\r\ns Running\r\n.\r\n650 OK\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_router_added(Router): Change::RouterAdded(_) => with_router;
    /// Installs `callback`, which is called when the entry of a relay in the
    /// consensus has changed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_router_changed(|router| {
    ///     println!("{router} has the flags {}", router.flags());
    /// });
    /// # tor.send("650+NEWCONSENSUS\r\nr alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\r\ns Running\r\n.\r\n650 OK\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_router_changed(Router): Change::RouterChanged(_) => with_router;
    /// Installs `callback`, which is called when a relay is no longer in the
    /// consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_router_removed(|router| println!("gone: {router}"));
    /// # tor.send("650+NEWCONSENSUS\r\nr bob YHzG9/3r3mWKlzmuYTz4mRuVvDU plQ6EsZYTpzKMobnfTr0p6PnKMw 2038-01-01 00:00:00 192.0.2.22 9012 0\r\ns Running\r\n.\r\n650 OK\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_router_removed(Router): Change::RouterRemoved(_) => with_router;
    /// Installs `callback`, which is called when an address mapping is new or
    /// has changed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_address_added(|mapping| {
    ///     println!("{} is mapped to {}", mapping.from, mapping.to);
    /// });
    /// # tor.send("650 ADDRMAP b.example 192.0.2.2 NEVER CACHED=\"YES\"\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_address_added(AddressMapping): Change::AddressAdded(_) => with_mapping;
    /// Installs `callback`, which is called when an address mapping has expired
    /// or was removed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "a.example 192.0.2.1 NEVER").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_address_expired(|mapping| {
    ///     println!("{} is no longer mapped", mapping.from);
    /// });
    /// # tor.send("650 ADDRMAP a.example a.example NEVER\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_address_expired(AddressMapping): Change::AddressExpired(_) => with_mapping;
    /// Installs `callback`, which is called when a name couldn't be resolved.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let registration = state.on_address_failed(|event| {
    ///     eprintln!("{} can't be resolved", event.from);
    /// });
    /// # tor.send("650 ADDRMAP b.example <error> NEVER error=yes\r\n");
    /// # registration.finish(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    on_address_failed(AddrMapEvent): Change::AddressFailed(_) => with_failure;
}
