//! Building one circuit, several circuits and a pool of circuits, with a
//! scripted tor: attempts, deadlines, and circuits that must not be left
//! behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/relay_world.rs"]
mod relay_world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use parking_lot::Mutex;
use relay_world::World;
use scape::control::{ArgumentError, CircuitError, Reconnect};
use scape::error::{Phase, Timeout};
use scape::path::PathBuilder;
use scape::testing::ScriptedTor;
use scape::word::CircuitId;
use scape::{CircuitBuilder, Connect, Controller, State};

const SOON: Duration = Duration::from_secs(20);
const BRIEF: Duration = Duration::from_millis(100);

/// The outcome that the scripted tor chooses for a circuit.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Built,
    Failed,
    Unknown,
    /// tor sends nothing more about the circuit.
    Silent,
}

/// The circuits of a scripted tor: the number that were begun, and the IDs of
/// the open and of the closed circuits.
#[derive(Debug, Default)]
struct Circuits {
    begun: u32,
    open: Vec<u32>,
    closed: Vec<u32>,
}

impl Circuits {
    fn answer(&mut self, command: &str, fate: impl Fn(u32) -> Fate) -> Option<String> {
        if command.starts_with("EXTENDCIRCUIT 0") {
            self.begun += 1;
            let id = self.begun;
            let beginning =
                format!("250 EXTENDED {id}\r\n650 CIRC {id} LAUNCHED PURPOSE=GENERAL\r\n");
            self.open.push(id);
            return Some(match fate(id) {
                Fate::Built => {
                    format!(
                        "{beginning}650 CIRC {id} BUILT moria1,dizum,bastet PURPOSE=GENERAL\r\n"
                    )
                }
                Fate::Silent => beginning,
                Fate::Failed => {
                    self.open.pop();
                    format!(
                        "{beginning}650 CIRC {id} FAILED moria1 PURPOSE=GENERAL REASON=TIMEOUT\r\n"
                    )
                }
                Fate::Unknown => {
                    self.open.pop();
                    "552 No such router \"dizum\"\r\n".to_owned()
                }
            });
        }
        if let Some(id) = command.strip_prefix("CLOSECIRCUIT ") {
            let id: u32 = id.parse().unwrap();
            let Some(at) = self.open.iter().position(|open| *open == id) else {
                return Some(format!("552 Unknown circuit \"{id}\"\r\n"));
            };
            self.open.remove(at);
            self.closed.push(id);
            return Some(format!("250 OK\r\n650 CIRC {id} CLOSED moria1 REASON=REQUESTED\r\n"));
        }
        // These are the answers with which a live state starts, also after a
        // reconnect.
        let keys = command
            .strip_prefix("GETINFO ns/all ")
            .filter(|keys| keys.contains("circuit-status"))?;
        let lines: String = self
            .open
            .iter()
            .map(|id| format!("{id} BUILT moria1,dizum,bastet PURPOSE=GENERAL\r\n"))
            .collect();
        let mut answer = "250-ns/all=\r\n".to_owned();
        for key in keys.split(' ') {
            match key {
                "circuit-status" => answer.push_str(&format!("250+{key}=\r\n{lines}.\r\n")),
                _ => answer.push_str(&format!("250-{key}=\r\n")),
            }
        }
        Some(answer + "250 OK\r\n")
    }
}

struct Fake {
    tor: ScriptedTor,
    circuits: Arc<Mutex<Circuits>>,
}

impl Fake {
    fn new(fate: impl Fn(u32) -> Fate + Send + 'static) -> Fake {
        Fake::answering(fate, |_| None)
    }

    fn answering(
        fate: impl Fn(u32) -> Fate + Send + 'static,
        other: impl Fn(&str) -> Option<String> + Send + 'static,
    ) -> Fake {
        let circuits = Arc::new(Mutex::new(Circuits::default()));
        let answers = circuits.clone();
        let tor = ScriptedTor::builder()
            .on_prefix("SETEVENTS", "250 OK\r\n")
            .on_any(move |command| {
                let answer = answers.lock().answer(command, &fate).or_else(|| other(command))?;
                Some(answer.into_bytes())
            })
            .listen()
            .unwrap();
        Fake { tor, circuits }
    }

    /// Returns a scripted tor with the consensus of a made-up network.
    fn with_relays() -> Fake {
        let (consensus, microdescriptors) = World::apart(200, 1).documents();
        let data =
            |key: &str, text: &str| format!("250+{key}=\r\n{}.\r\n", text.replace('\n', "\r\n"));
        let keys = ["dir/status-vote/current/consensus-microdesc", "md/all"];
        let answer = data(keys[0], &consensus) + &data(keys[1], &microdescriptors) + "250 OK\r\n";
        let command = format!("GETINFO {}", keys.join(" "));
        Fake::answering(|_| Fate::Built, move |line| (line == command).then(|| answer.clone()))
    }

    fn connect(&self) -> Connect {
        Connect::to(self.tor.address().unwrap().clone()).unwrap()
    }

    fn controller(&self) -> Controller {
        self.connect().connect().unwrap()
    }

    fn state(&self) -> State {
        State::new(&self.controller()).unwrap()
    }

    fn begun(&self) -> u32 {
        self.circuits.lock().begun
    }

    fn open(&self) -> usize {
        self.circuits.lock().open.len()
    }

    /// Makes tor report that it has closed a circuit.
    fn close(&self, id: CircuitId) {
        self.circuits.lock().open.retain(|open| *open != id.get());
        self.tor.send(format!("650 CIRC {id} CLOSED moria1 REASON=FINISHED\r\n"));
    }
}

fn becomes_true(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "it does not become true that {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn failed_circuit_is_tried_again() {
    let fake = Fake::new(|id| [Fate::Failed, Fate::Unknown, Fate::Built][(id as usize - 1) % 3]);
    let state = fake.state();
    let circuit = CircuitBuilder::new().build(&state).unwrap();
    assert_eq!((circuit.id().get(), fake.begun()), (3, 3));
    assert!(circuit.is_built());
    // The caller owns the circuit.
    assert_eq!(fake.open(), 1);
}

#[test]
fn circuit_error_is_that_of_the_last_attempt() {
    let fake = Fake::new(|_| Fate::Failed);
    let state = fake.state();
    let error = CircuitBuilder::along(["moria1", "dizum"]).attempts(4).build(&state).unwrap_err();
    let Some(error) = error.get::<CircuitError>() else { panic!("{error}") };
    assert_eq!((error.id.get(), error.path.len(), fake.begun()), (4, 1, 4));
    assert!(fake.tor.sent().iter().any(|line| line == "EXTENDCIRCUIT 0 moria1,dizum"));
}

#[test]
fn permanent_circuit_error_is_returned_at_once() {
    let tor = ScriptedTor::builder()
        .info("ns/all", "")
        .info("circuit-status", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .on_prefix("EXTENDCIRCUIT", "510 Command filtered\r\n")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let state = State::new(&controller).unwrap();
    assert_eq!(CircuitBuilder::new().build(&state).unwrap_err().code(), Some(510));
    assert_eq!(tor.sent().iter().filter(|line| line.starts_with("EXTENDCIRCUIT")).count(), 1);
}

#[test]
fn circuit_attempts_that_take_too_long_are_closed() {
    let fake = Fake::new(|id| if id < 3 { Fate::Silent } else { Fate::Built });
    let state = fake.state();
    let circuit = CircuitBuilder::new().attempt_timeout(BRIEF).build(&state).unwrap();
    assert_eq!(circuit.id().get(), 3);
    becomes_true("the others are closed", || fake.circuits.lock().closed == [1, 2]);

    let fake = Fake::new(|_| Fate::Silent);
    let state = fake.state();
    let begun = Instant::now();
    let error = CircuitBuilder::new().attempts(1000).timeout(BRIEF).build(&state).unwrap_err();
    assert_eq!(error.get().map(Timeout::phase), Some(Phase::Circuit), "{error}");
    assert!(begun.elapsed() >= BRIEF);
    becomes_true("none is left", || fake.open() == 0 && state.circuits().is_empty());
}

#[test]
fn build_many_limits_concurrent_circuits() {
    let fake = Fake::new(|_| Fate::Silent);
    let state = fake.state();
    let mut circuits = CircuitBuilder::new().concurrency(3).build_many(&state, 7).unwrap();
    for number in 1..=7 {
        let expected = (number + 2).min(7);
        becomes_true("as many are begun as may be", || fake.begun() >= expected);
        assert_eq!(fake.begun(), expected, "circuits were begun when {number} was not built");
        assert_eq!(circuits.left(), 8 - number as usize);
        fake.tor.send(format!("650 CIRC {number} BUILT moria1,dizum,bastet PURPOSE=GENERAL\r\n"));
        assert_eq!(circuits.next().unwrap().unwrap().id().get(), number);
    }
    assert!(circuits.next().is_none());
    drop(circuits);
    assert_eq!(fake.open(), 7);
}

#[test]
fn build_many_returns_failures_as_results() {
    let fake = Fake::new(|id| if id % 2 == 0 { Fate::Built } else { Fate::Failed });
    let state = fake.state();
    let builder = CircuitBuilder::new().attempts(1).concurrency(1);
    let results: Vec<bool> =
        builder.build_many(&state, 6).unwrap().map(|built| built.is_ok()).collect();
    assert_eq!(results, [false, true, false, true, false, true]);
    assert_eq!(builder.build_many(&state, 0).unwrap().count(), 0);
    // No circuit is left to close.
    assert!(!builder.build_many(&state, 0).unwrap().close().unwrap());
}

#[test]
fn build_many_closes_circuits_that_were_not_taken() {
    // The first two circuits are built, and the others take long.
    for is_dropped in [true, false] {
        let fake = Fake::new(|id| if id <= 2 { Fate::Built } else { Fate::Silent });
        let state = fake.state();
        let mut circuits = CircuitBuilder::new().concurrency(2).build_many(&state, 9).unwrap();
        let taken = circuits.next().unwrap().unwrap();
        becomes_true("others are begun", || fake.begun() >= 4);
        if is_dropped {
            drop(circuits);
        } else {
            assert!(circuits.close().unwrap());
        }
        becomes_true("only one is left", || fake.circuits.lock().open == [taken.id().get()]);
        // No circuit is begun later.
        let begun = fake.begun();
        state.controller().sync().unwrap();
        assert!(fake.begun() <= begun + 1 && begun <= 5, "{begun}");
        assert!(taken.is_built());
    }
}

#[test]
fn circuits_are_built_within_a_callback_and_from_several_threads() {
    let fake = Fake::new(|_| Fate::Built);
    let state = fake.state();
    let (sender, built) = bounded(1);
    let once = Arc::new(Mutex::new(Some(sender)));
    let inner = state.clone();
    let _listener = state.on_circuit_built(move |_| {
        if let Some(sender) = once.lock().take() {
            let pool = CircuitBuilder::new().pool(&inner, 2).unwrap();
            let one = pool.take(SOON).unwrap();
            let others = CircuitBuilder::new()
                .build_many(&inner, 2)
                .unwrap()
                .filter(|it| it.is_ok())
                .count();
            pool.wait_full(SOON).unwrap();
            pool.close().unwrap();
            sender.send((one.is_built(), others)).unwrap();
        }
    });
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| CircuitBuilder::new().build(&state).unwrap());
        }
    });
    assert_eq!(built.recv_timeout(SOON).unwrap(), (true, 2));
}

#[test]
fn circuit_pool_is_filled_and_kept_full() {
    let fake = Fake::new(|_| Fate::Built);
    let state = fake.state();
    let pool = CircuitBuilder::new().pool(&state, 3).unwrap();
    pool.wait_full(SOON).unwrap();
    assert_eq!((pool.len(), pool.size(), fake.begun()), (3, 3, 3));

    // The circuits are returned in turn.
    let mut seen: Vec<u32> = (0..3).map(|_| pool.get(SOON).unwrap().id().get()).collect();
    seen.sort();
    assert_eq!(seen, [1, 2, 3]);

    // A circuit that ends is replaced without a call.
    fake.close(CircuitId::new(2));
    becomes_true("another one is built", || fake.begun() == 4);
    pool.wait_full(SOON).unwrap();
    assert!(pool.circuits().iter().all(|circuit| circuit.is_built() && circuit.id().get() != 2));

    // A circuit that is taken is replaced too, and outlives the pool.
    let taken = pool.take(SOON).unwrap();
    becomes_true("another one is built", || fake.begun() == 5);
    pool.wait_full(SOON).unwrap();
    assert!(!pool.circuits().contains(&taken));
    let all = pool.circuits();
    assert!(pool.close().unwrap());
    assert!(all.len() == 3 && all.iter().all(|circuit| circuit.is_ended()));
    assert_eq!(fake.circuits.lock().open, [taken.id().get()]);
    assert!(CircuitBuilder::new().pool(&state, 0).is_err());
}

#[test]
fn circuit_pool_closes_its_circuits_on_drop() {
    // Circuits that are still being built are closed too.
    let fake = Fake::new(|id| if id <= 2 { Fate::Built } else { Fate::Silent });
    let state = fake.state();
    let pool = CircuitBuilder::new().pool(&state, 5).unwrap();
    becomes_true("all are begun", || fake.begun() == 5);
    becomes_true("two are there", || pool.len() == 2);
    drop(pool);
    becomes_true("none is left", || fake.open() == 0);
    assert_eq!(fake.begun(), 5);
}

#[test]
fn circuit_pool_that_cannot_be_filled_rests_and_reports_the_error() {
    let fake = Fake::new(|_| Fate::Failed);
    let state = fake.state();
    let pool = CircuitBuilder::new().attempts(2).concurrency(2).pool(&state, 5).unwrap();
    becomes_true("it was tried", || fake.begun() >= 2);
    let error = pool.get(4 * BRIEF).unwrap_err();
    assert!(error.get::<CircuitError>().is_some(), "{error}");
    // Both threads may have made their attempts. After that, the pool rests for
    // a second.
    assert!(fake.begun() <= 2 * 2, "{}", fake.begun());
    assert!(pool.is_empty());
}

#[test]
fn deadline_of_a_circuit_limits_the_choice_of_its_path() {
    let fake = Fake::with_relays();
    let state = fake.state();
    state.directory().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let path = PathBuilder::new().random_guard().exit_where(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        thread::sleep(BRIEF);
        true
    });
    let builder = CircuitBuilder::choosing(path).timeout(BRIEF / 2);
    for error in [builder.build(&state).unwrap_err(), builder.launch(&state).unwrap_err()] {
        assert_eq!(error.get::<Timeout>().unwrap().phase(), Phase::Circuit, "{error}");
    }
    // The condition that is being called when the deadline passes is the last
    // one.
    assert!(asked.load(Ordering::SeqCst) <= 2, "{asked:?}");
}

#[test]
fn panic_in_a_condition_is_an_error_of_the_circuit() {
    let fake = Fake::with_relays();
    let state = fake.state();
    let panics = Arc::new(AtomicBool::new(true));
    let panicking = panics.clone();
    let path = PathBuilder::new().random_guard().exit_where(move |_| {
        assert!(!panicking.load(Ordering::SeqCst), "on purpose");
        true
    });
    let builder = CircuitBuilder::choosing(path).concurrency(1);
    let results: Vec<_> = builder.build_many(&state, 2).unwrap().collect();
    assert_eq!(results.len(), 2);
    for result in results {
        let error = result.unwrap_err();
        assert!(error.get::<ArgumentError>().is_some(), "{error}");
    }
    // A pool tries again after a rest.
    let pool = builder.pool(&state, 1).unwrap();
    let mut error = pool.get(BRIEF);
    becomes_true("the panic is reported", || {
        error = pool.get(BRIEF);
        error.as_ref().is_err_and(|error| error.get::<ArgumentError>().is_some())
    });
    panics.store(false, Ordering::SeqCst);
    becomes_true("a circuit is built", || pool.get(BRIEF).is_ok());
}

#[test]
fn circuit_pool_ends_with_its_connection() {
    let fake = Fake::new(|_| Fate::Built);
    let state = fake.state();
    let pool = CircuitBuilder::new().pool(&state, 2).unwrap();
    pool.wait_full(SOON).unwrap();
    // Waiting threads are told too.
    let silent = Fake::new(|_| Fate::Silent);
    let waiting = CircuitBuilder::new().pool(&silent.state(), 1).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| waiting.get(SOON));
        becomes_true("one is begun", || silent.begun() == 1);
        silent.tor.hang_up();
        assert!(waiter.join().unwrap().unwrap_err().is_closed());
    });
    fake.tor.hang_up();
    state.controller().wait_closed(SOON).unwrap();
    let error = pool.get(SOON).unwrap_err();
    assert_eq!(error.to_string(), state.controller().closed().unwrap().to_string());
    assert!(pool.take(SOON).unwrap_err().is_closed());
}

#[test]
fn circuit_pool_goes_on_after_a_reconnect() {
    let fake = Fake::new(|_| Fate::Built);
    let reconnect = Reconnect::new().first_delay(Duration::from_millis(1));
    let controller = fake.connect().reconnect(reconnect).connect().unwrap();
    let state = State::new(&controller).unwrap();
    let pool = CircuitBuilder::new().pool(&state, 3).unwrap();
    pool.wait_full(SOON).unwrap();
    // Two of the three circuits still exist after the reconnect.
    fake.circuits.lock().open.retain(|id| *id != 2);
    fake.tor.hang_up();
    becomes_true("the missing one is replaced", || fake.begun() == 4);
    pool.wait_full(SOON).unwrap();
    let mut ids: Vec<u32> = pool.circuits().iter().map(|circuit| circuit.id().get()).collect();
    ids.sort();
    assert_eq!(ids, [1, 3, 4]);
}

/// Returns the processor time that the pool threads of this process have used,
/// in ticks of 10 ms.
#[cfg(target_os = "linux")]
fn ticks() -> u64 {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| {
            let task = task.unwrap().path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?;
            if name.trim() != "scape-pool" {
                return None;
            }
            let stat = std::fs::read_to_string(task.join("stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
            Some(fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?)
        })
        .sum()
}

#[cfg(target_os = "linux")]
#[test]
fn circuit_pool_thread_uses_no_processor_time() {
    let fake = Fake::new(|_| Fate::Built);
    let silent = Fake::new(|_| Fate::Silent);
    let full = CircuitBuilder::new().pool(&fake.state(), 3).unwrap();
    let waiting = CircuitBuilder::new().pool(&silent.state(), 1).unwrap();
    full.wait_full(SOON).unwrap();
    let before = ticks();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| waiting.get(5 * BRIEF).unwrap_err());
        }
    });
    let used = ticks().saturating_sub(before);
    assert!(used <= 5, "the pools' threads took {used} ticks in half a second");
}
