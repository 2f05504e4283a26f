//! A pool of circuits that is kept full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::attempts::build_one_or_fail;
use super::in_flight::{InFlight, wait_until_closed};
use super::settings::CircuitSettings;
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::{Closed, ConnectionStatus, Registration, Thread};
use crate::io::transport::deadline_after;
use crate::live::state::{Circuit, State};

/// The pause after a circuit couldn't be built. The pause doubles with each
/// further failure, up to [`LONGEST_DELAY`].
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The maximum time for which dropping a pool waits for the pool's thread.
const JOIN_FOR: Duration = Duration::from_secs(1);

/// A pool of circuits that are built in advance and replaced when they end.
/// Created by [`CircuitBuilder::pool`](crate::CircuitBuilder::pool).
///
/// [`get`](Self::get) returns the circuits in turn. A circuit that `get`
/// returns stays in the pool. [`take`](Self::take) removes a circuit and gives
/// it to the caller. Any number of threads and callbacks may use a pool.
///
/// A pool lives until it is dropped or [closed](Self::close), and then closes
/// its circuits. It also ends with the connection, unless the connection is
/// [reconnected automatically](crate::Connect::reconnect). After a reconnect,
/// the circuits that tor still has are kept, and the others are replaced. If
/// circuits can't be built, the pool tries again, at growing intervals of up to
/// one minute.
///
/// ```no_run
/// use scape::{CircuitBuilder, State};
/// use std::time::Duration;
///
/// let state = State::new(&scape::connect()?)?;
/// let pool = CircuitBuilder::new().pool(&state, 5)?;
/// let circuit = pool.get(Duration::from_secs(60))?;
/// println!("{circuit}, and {} in all", pool.len());
/// pool.close()?;
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this closes the circuits"]
pub struct CircuitPool {
    shared: Arc<Shared>,
    thread: Option<Thread>,
    _listeners: (Registration, Registration),
}

#[derive(Debug)]
struct Shared {
    settings: CircuitSettings,
    state: State,
    size: usize,
    site: Arc<InFlight>,
    stock: Mutex<Stock>,
    changed: Condvar,
}

/// The circuits and the state of the pool.
#[derive(Debug, Default)]
struct Stock {
    ready: Vec<Circuit>,
    /// The number of threads that are building a circuit.
    building: usize,
    /// A counter for [`CircuitPool::get`]. Modulo the number of circuits, it is
    /// the index of the most recently returned circuit.
    turn: usize,
    /// The number of failures since the last circuit was built, or since the
    /// last reconnect.
    failures: u32,
    /// The error of the last failure. `None` if there was no failure since the
    /// last circuit was built.
    problem: Option<Error>,
    /// No circuit is built before this time. `None` if there was no failure
    /// since the last circuit was built, or since the last reconnect.
    rest_until: Option<Instant>,
    is_stopped: bool,
    /// The error of the connection's final end, which also ends the pool.
    /// `None` while the connection is open or is being reconnected.
    ended: Option<Error>,
}

impl Stock {
    fn is_over(&self) -> bool {
        self.is_stopped || self.ended.is_some()
    }

    fn note_failure(&mut self, error: Error) {
        let delay = FIRST_DELAY.saturating_mul(1 << self.failures.min(10)).min(LONGEST_DELAY);
        self.failures = self.failures.saturating_add(1);
        self.rest_until = Some(deadline_after(delay));
        self.problem = Some(error);
    }
}

impl CircuitPool {
    pub(super) fn start(
        settings: CircuitSettings,
        state: State,
        size: usize,
    ) -> Result<CircuitPool> {
        let shared = Arc::new(Shared {
            site: InFlight::new(&state),
            settings,
            state,
            size,
            stock: Mutex::default(),
            changed: Condvar::new(),
        });
        let weak = Arc::downgrade(&shared);
        let on_end = shared.state.on_circuit_closed(move |_| {
            if let Some(shared) = weak.upgrade() {
                shared.wake();
            }
        });
        let weak = Arc::downgrade(&shared);
        let on_status = shared.state.controller().on_status(move |status| {
            if let Some(shared) = weak.upgrade() {
                shared.connection_changed(status);
            }
        })?;
        let keeper = shared.clone();
        let thread = Thread::spawn("scape-pool", move || keeper.keep_full())
            .map_err(|error| Error::io("start the thread of a pool of circuits", error))?;
        Ok(CircuitPool { shared, thread: Some(thread), _listeners: (on_end, on_status) })
    }

    /// Returns one of the circuits, each in turn. The circuit stays in the
    /// pool, and may end at any time like any other circuit. If no circuit is
    /// ready, waits for one for at most `timeout`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// # let pool = scape::CircuitBuilder::new().pool(&state, 1)?;
    /// use std::time::Duration;
    ///
    /// let circuit = pool.get(Duration::from_secs(60))?;
    /// assert!(pool.circuits().contains(&circuit));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// After `timeout`, returns the error of the last attempt to build a
    /// circuit, or an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no attempt has
    /// failed. Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended and won't be reconnected.
    pub fn get(&self, timeout: Duration) -> Result<Circuit> {
        self.shared.wait_for_one(timeout, |stock| {
            stock.turn = stock.turn.wrapping_add(1);
            stock.ready.get(stock.turn.checked_rem(stock.ready.len())?).cloned()
        })
    }

    /// Removes the oldest circuit from the pool and returns it. The pool no
    /// longer closes this circuit, and builds another one. If no circuit is
    /// ready, waits for one for at most `timeout`.
    ///
    /// ```no_run
    /// # let state = scape::State::new(&scape::connect()?)?;
    /// use scape::CircuitBuilder;
    /// use std::time::Duration;
    ///
    /// let pool = CircuitBuilder::new().pool(&state, 5)?;
    /// let circuit = pool.take(Duration::from_secs(60))?;
    /// assert!(!pool.circuits().contains(&circuit));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get`](Self::get), most often
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    pub fn take(&self, timeout: Duration) -> Result<Circuit> {
        self.shared.wait_for_one(timeout, |stock| {
            let circuit = (!stock.ready.is_empty()).then(|| stock.ready.remove(0))?;
            self.shared.site.leave(&circuit);
            Some(circuit)
        })
    }

    /// Returns the circuits that are ready now.
    pub fn circuits(&self) -> Vec<Circuit> {
        let mut stock = self.shared.stock.lock();
        self.shared.sort_out(&mut stock);
        stock.ready.clone()
    }

    /// Returns the number of circuits that are ready now.
    pub fn len(&self) -> usize {
        self.circuits().len()
    }

    /// Returns true if no circuit is ready now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of circuits that the pool tries to keep ready.
    pub fn size(&self) -> usize {
        self.shared.size
    }

    /// Waits until the pool is full, for at most `timeout`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// # let pool = scape::CircuitBuilder::new().pool(&state, 1)?;
    /// use std::time::Duration;
    ///
    /// pool.wait_full(Duration::from_secs(60))?;
    /// assert_eq!(pool.len(), pool.size());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get`](Self::get), most often
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    pub fn wait_full(&self, timeout: Duration) -> Result<()> {
        self.shared
            .wait_for_one(timeout, |stock| (stock.ready.len() >= self.shared.size).then_some(()))
    }

    /// Closes the circuits and waits until tor reports that they are closed,
    /// for at most the controller's timeout. Waiting for the pool's thread may
    /// take one second more. Returns false if there was no circuit to close, or
    /// if the control connection has ended.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// # let pool = scape::CircuitBuilder::new().pool(&state, 1)?;
    /// use std::time::Duration;
    ///
    /// pool.wait_full(Duration::from_secs(60))?;
    /// assert!(pool.close()?); // the circuit was open
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't report
    /// within the controller's timeout that the circuits are closed.
    pub fn close(self) -> Result<bool> {
        let deadline = self.shared.state.controller().deadline();
        wait_until_closed(&self.shared.stop(), deadline)
    }
}

impl Drop for CircuitPool {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            thread.ended_within(JOIN_FOR);
        }
    }
}

impl Shared {
    /// Calls `choose` now and after each change of the stock, until `choose`
    /// returns a value. Returns that value. After `timeout`, returns the error
    /// of the last failed attempt to build a circuit, or a timeout error.
    fn wait_for_one<T>(
        &self,
        timeout: Duration,
        mut choose: impl FnMut(&mut Stock) -> Option<T>,
    ) -> Result<T> {
        let deadline = deadline_after(timeout);
        let mut stock = self.stock.lock();
        loop {
            self.sort_out(&mut stock);
            if let Some(error) = stock.ended.clone().or_else(|| self.connection_end()) {
                return Err(error);
            }
            let before = stock.ready.len();
            let chosen = choose(&mut stock);
            if stock.ready.len() < before {
                self.changed.notify_all();
            }
            if let Some(chosen) = chosen {
                return Ok(chosen);
            }
            if self.changed.wait_until(&mut stock, deadline).timed_out() {
                let timed_out = || Timeout::new(Phase::Circuit, timeout).into();
                return Err(stock.problem.clone().unwrap_or_else(timed_out));
            }
        }
    }

    /// Returns the cause of the connection's end if the connection won't be
    /// reconnected. Returns `None` if the connection is open or is being
    /// reconnected.
    fn connection_end(&self) -> Option<Error> {
        let controller = self.state.controller();
        controller.closed()?;
        match controller.wait_connected(Duration::ZERO) {
            Err(error) if error.is::<Closed>() => Some(error),
            _ => None,
        }
    }

    fn connection_changed(&self, status: &ConnectionStatus) {
        if let ConnectionStatus::Reconnected(_) = status {
            // Failures from before the reconnect say nothing about the new
            // connection, so it needs no pause.
            let mut stock = self.stock.lock();
            (stock.failures, stock.problem, stock.rest_until) = (0, None, None);
        }
        self.wake();
    }

    /// Wakes all threads that wait for a change of the pool. Takes the lock of
    /// the stock first. Otherwise a thread could check the stock, miss this
    /// notification, and only then begin to wait.
    fn wake(&self) {
        drop(self.stock.lock());
        self.changed.notify_all();
    }

    /// Removes circuits that have ended, and wakes the thread `scape-pool`,
    /// which replaces them.
    fn sort_out(&self, stock: &mut Stock) {
        let (ended, ready) = stock.ready.drain(..).partition(Circuit::is_ended);
        stock.ready = ready;
        let ended: Vec<Circuit> = ended;
        if !ended.is_empty() {
            for circuit in &ended {
                self.site.leave(circuit);
            }
            self.changed.notify_all();
        }
    }

    /// Keeps the pool full until it is stopped or the connection has ended for
    /// good. Runs on the thread `scape-pool`.
    fn keep_full(self: Arc<Self>) {
        let mut stock = self.stock.lock();
        while !stock.is_over() {
            self.sort_out(&mut stock);
            if let Some(error) = self.connection_end() {
                stock.ended = Some(error);
                break;
            }
            let missing = self.size.saturating_sub(stock.ready.len() + stock.building);
            let may_build = stock.building < self.settings.concurrency;
            let rest = stock.rest_until.filter(|until| *until > Instant::now());
            match rest {
                // After `undo_all`, the connection ends soon.
                _ if missing == 0 || !may_build || self.site.is_closed() => {
                    self.changed.wait(&mut stock);
                }
                Some(until) => drop(self.changed.wait_until(&mut stock, until)),
                None => self.begin_one(&mut stock),
            }
        }
        let has_ended = stock.ended.is_some();
        drop(stock);
        self.changed.notify_all();
        // If the pool was stopped, the thread that stopped it closes the
        // circuits, and may wait until they are closed.
        if has_ended {
            self.site.close();
        }
    }

    /// Starts a thread that builds one circuit.
    fn begin_one(self: &Arc<Self>, stock: &mut MutexGuard<'_, Stock>) {
        let shared = self.clone();
        stock.building += 1;
        if let Err(error) = Thread::spawn("scape-build", move || shared.build()) {
            stock.building -= 1;
            stock.note_failure(Error::io("start a thread to build a circuit", error));
        }
    }

    fn build(&self) {
        let deadline = self.settings.deadline();
        let built = build_one_or_fail(&self.settings, &self.state, &self.site, deadline);
        let mut stock = self.stock.lock();
        stock.building -= 1;
        match built {
            Ok(circuit) => {
                (stock.failures, stock.problem, stock.rest_until) = (0, None, None);
                stock.ready.push(circuit);
            }
            Err(error) => {
                log::debug!(target: "scape::path", "a circuit for a pool could not be built: {error}");
                stock.note_failure(error);
            }
        }
        drop(stock);
        self.changed.notify_all();
    }

    /// Stops the pool and begins to close its circuits. Returns the circuits
    /// that had not ended.
    fn stop(&self) -> Vec<Circuit> {
        self.stock.lock().is_stopped = true;
        self.changed.notify_all();
        self.site.close()
    }
}
