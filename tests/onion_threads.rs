//! The threads and files of an onion listener, also when the process can't open
//! more files. The test counts files, so it needs a separate process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scape::control::OnionTarget;
use scape::error::IoError;
use scape::onion::Wait;
use scape::testing::ScriptedTor;
use scape::{Connect, Controller, OnionBuilder};

const SOON: Duration = Duration::from_secs(20);
const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Returns the number of the process's open files, and the number of threads.
fn belongings() -> (usize, usize) {
    (count("/proc/self/fd"), count("/proc/self/task"))
}

fn become_belongings(expected: (usize, usize)) {
    let deadline = Instant::now() + SOON;
    while belongings() != expected {
        assert!(
            Instant::now() < deadline,
            "{:?} instead of {expected:?} files and threads",
            belongings()
        );
        thread::yield_now();
    }
}

/// A reader of this process's processor time, in ticks of 10 ms.
struct Ticks(fs::File);

impl Ticks {
    /// Opens the file now, because the test later makes opening files
    /// impossible.
    fn open() -> Self {
        Ticks(fs::File::open("/proc/self/stat").unwrap())
    }

    fn now(&self) -> u64 {
        let mut bytes = [0; 4096];
        let length = self.0.read_at(&mut bytes, 0).unwrap();
        let stat = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

fn builder(controller: &Controller) -> OnionBuilder {
    OnionBuilder::new(controller).wait(Wait::Nothing)
}

fn connect(target: &OnionTarget) -> TcpStream {
    let OnionTarget::Tcp(address) = target else { panic!("{target:?}") };
    TcpStream::connect(address).unwrap()
}

/// The only test of this file, so that no other test's files and threads are
/// counted.
#[test]
fn onion_listener_leaves_nothing_behind_and_never_spins() {
    let tor = ScriptedTor::builder()
        .on_prefix(
            "GETCONF",
            "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n",
        )
        .on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250 OK\r\n"))
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .start()
        .unwrap();
    let controller =
        Connect::new().timeout(SOON).authenticate_over(tor.transport().unwrap()).unwrap();
    closing_leaves_nothing(&controller);
    shared_socket_stays_open_for_its_creator(&controller);
    without_a_free_file(&controller);
}

fn closing_leaves_nothing(controller: &Controller) {
    let before = belongings();
    for round in 0..60 {
        let listener = match round % 4 {
            0 => builder(controller).virtual_port(80).virtual_port(81),
            1 => builder(controller).virtual_port(80).unix_socket().virtual_port(81),
            2 => builder(controller).virtual_port(80).local("0.0.0.0:0".parse().unwrap()),
            _ => builder(controller).virtual_port(80).local("[::1]:0".parse().unwrap()),
        };
        // Some machines have no IPv6.
        let Ok(listener) = listener.listen() else { continue };
        if round % 8 == 0 {
            // Clients that nobody accepts. They are more than the queue holds,
            // so the threads wait for room in it.
            let clients: Vec<_> = (0..40).map(|_| connect(listener.local_addr())).collect();
            drop(listener);
            drop(clients);
        } else if round % 2 == 0 {
            listener.shutdown_handle().shutdown();
            drop(listener);
        } else {
            listener.close().unwrap();
        }
    }
    become_belongings(before);
}

/// Closes a listener that has received its socket from a caller. The socket
/// must stay open, because the caller has another handle and may accept
/// connections from it.
fn shared_socket_stays_open_for_its_creator(controller: &Controller) {
    let before = belongings();
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let shared = given.try_clone().unwrap();
    let listener = builder(controller).virtual_port(80).listen_on(given).listen().unwrap();
    listener.close().unwrap();
    become_belongings((before.0 + 1, before.1));
    let address = shared.local_addr().unwrap();
    let _client = TcpStream::connect(address).unwrap();
    shared.accept().unwrap();
    drop((shared, _client));
    become_belongings(before);
}

fn without_a_free_file(controller: &Controller) {
    let before = belongings();
    let listener = builder(controller).virtual_port(80).listen().unwrap();
    let target = listener.local_addr().clone();
    let time = Ticks::open();
    let limit = getrlimit(Resource::Nofile);
    let mut filling = Vec::new();
    setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum: limit.maximum }).unwrap();
    while let Ok(file) = fs::File::open("/dev/null") {
        filling.push(file);
    }
    // There is room for one client. The thread that waits for that client has a
    // file for it already, but none for the next one.
    filling.pop();
    let client = connect(&target);
    let mut streams = Vec::new();
    let error = loop {
        match listener.accept_timeout(SOON) {
            Ok(stream) => streams.push(stream),
            Err(error) => break error,
        }
    };
    let io: &IoError = error.get().unwrap();
    assert!(io.io_error().raw_os_error().is_some(), "{error}");
    // The listener keeps reporting the error without using much processor time.
    let (begun, ticks) = (Instant::now(), time.now());
    for _ in 0..5 {
        assert!(listener.accept_timeout(SOON).unwrap_err().get::<IoError>().is_some());
    }
    let (elapsed, used) = (begun.elapsed(), Duration::from_millis(10 * (time.now() - ticks)));
    assert!(used < elapsed / 2 + Duration::from_millis(50), "it used {used:?} in {elapsed:?}");
    // The listener works again once files can be opened.
    setrlimit(Resource::Nofile, limit).unwrap();
    filling.clear();
    let again = connect(&target);
    let deadline = Instant::now() + SOON;
    while streams.len() < 2 {
        match listener.accept_timeout(SOON) {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                assert!(error.get::<IoError>().is_some() && Instant::now() < deadline, "{error}");
            }
        }
    }
    // The listener also ends when no file is left for a connection to itself.
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: limit.maximum }).unwrap();
    let begun = Instant::now();
    drop(listener);
    assert!(begun.elapsed() < Duration::from_secs(5));
    setrlimit(Resource::Nofile, limit).unwrap();
    drop((client, again, streams, time));
    become_belongings(before);
}
