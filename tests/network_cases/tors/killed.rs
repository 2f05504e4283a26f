//! A tor that is killed while it is used. All waiting calls must get a typed
//! error before their timeout, and nothing may be left behind.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use scape::Tor;
use scape::connection::CloseCause;
use scape::control::AddOnion;
use scape::event::{EventBody, EventKind, HsDescAction};
use scape::process::{LaunchError, LaunchProblem};
use scape::socks::SocksError;
use scape::testing::TestNetwork;

use crate::{NAME, SOON};

cases! {
    TORS:
    connection_fails_after_tor_was_killed = before,
    connection_attempt_fails_when_tor_is_killed = connecting,
    open_stream_ends_when_tor_is_killed = open,
}

/// An address of no existing service. A connection to it waits while tor looks
/// for the descriptor.
const NOBODY: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

pub(crate) fn launch(network: &TestNetwork) -> Tor {
    Tor::launch(network.launch().timeout(SOON)).unwrap()
}

pub(crate) fn kill(tor: &Tor) {
    let pid = i32::try_from(tor.pid().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// Drops a `Tor` whose process was killed. Before, checks that all calls report
/// the signal. Afterwards, checks that tor has left nothing behind.
pub(crate) fn buried(tor: Tor) {
    let (pid, directory) = (tor.pid().unwrap(), tor.data_directory().unwrap());
    let closed = tor.controller().unwrap().wait_closed(SOON).unwrap();
    let CloseCause::Exited(error) = closed.cause() else { panic!("{closed}") };
    let error: &LaunchError = error.get().unwrap();
    assert!(matches!(error.problem(), LaunchProblem::Exited { signal: Some(9), .. }), "{closed}");
    assert!(
        !error.log().is_empty() && closed.to_string().contains("killed by signal 9"),
        "{closed}"
    );
    assert!(!tor.is_alive());
    assert!(tor.client().unwrap_err().is_closed());
    drop(tor);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists() && !directory.exists());
}

fn before(network: &TestNetwork) {
    let tor = launch(network);
    let client = tor.client().unwrap().timeout(SOON);
    kill(&tor);
    tor.controller().unwrap().wait_closed(SOON).unwrap();
    let begun = Instant::now();
    for error in [
        client.connect((NAME, 80)).map(drop).unwrap_err(),
        client.dns_resolve(NAME).map(drop).unwrap_err(),
    ] {
        assert!(error.get::<SocksError>().is_some(), "{error}");
    }
    assert!(begun.elapsed() < SOON);
    drop(client);
    buried(tor);
}

fn connecting(network: &TestNetwork) {
    let tor = launch(network);
    let events = tor.controller().unwrap().subscribe([EventKind::HsDesc]).unwrap();
    let added = tor.controller().unwrap().add_onion(&AddOnion::new().local_port(80)).unwrap();
    let client = tor.client().unwrap().timeout(2 * SOON);
    thread::scope(|scope| {
        let begun = Instant::now();
        let dialing = scope.spawn(move || client.connect((NOBODY, 80)).map(drop));
        loop {
            let event = events.next_timeout(SOON).unwrap();
            if let EventBody::HsDesc(told) = event.body()
                && told.action == HsDescAction::Requested
                && told.address != Some(added.address)
            {
                break;
            }
        }
        kill(&tor);
        let error = dialing.join().unwrap().unwrap_err();
        assert!(error.get::<SocksError>().is_some() && !error.is_timeout(), "{error}");
        assert!(begun.elapsed() < SOON);
    });
    tor.controller().unwrap().wait_closed(SOON).unwrap();
    buried(tor);
}

fn open(network: &TestNetwork) {
    let tor = launch(network);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut stream = tor.dial((NAME, port)).unwrap();
    let (server, _) = listener.accept().unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        let reading = scope.spawn(move || (stream.read(&mut [0; 1]), stream));
        kill(&tor);
        let (result, stream) = reading.join().unwrap();
        assert!(!matches!(result, Ok(1..)), "{result:?}");
        assert!(begun.elapsed() < SOON);
        drop(stream);
    });
    drop(server);
    tor.controller().unwrap().wait_closed(SOON).unwrap();
    buried(tor);
}
