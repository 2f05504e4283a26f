//! Checks that the scripted tor follows its script, and reports clients that
//! don't.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use scape::testing::{Script, ScriptProblem, ScriptedTor};
use scape::transport::{Address, Transport};

/// A client that doesn't use the library, but sends and reads bytes directly.
struct Client(Transport);

impl Client {
    fn of(tor: &ScriptedTor) -> Client {
        Client::over(tor.transport().unwrap())
    }

    fn at(address: &Address) -> Client {
        Client::over(Transport::connect(address, Instant::now() + Duration::from_secs(5)).unwrap())
    }

    fn over(transport: Transport) -> Client {
        transport.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Client(transport)
    }

    fn write(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).unwrap();
    }

    fn read(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        self.0.read_exact(&mut bytes).unwrap_or_else(|e| panic!("{expected:?}: {e}"));
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    fn ask(&mut self, command: &str, expected: &str) {
        self.write(&format!("{command}\r\n"));
        self.read(expected);
    }

    fn read_end(&mut self) {
        match self.0.read(&mut [0; 100]) {
            Ok(0) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }

    /// Returns true if nothing arrives for a moment.
    fn hears_nothing(&mut self) -> bool {
        self.0.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let heard = self.0.read(&mut [0; 1]);
        self.0.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        heard.is_err_and(|e| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }
}

/// Returns a builder of scripted tors that fail after waiting 100 milliseconds
/// for a client.
fn hasty() -> scape::testing::ScriptedTorBuilder {
    ScriptedTor::builder().patience(Duration::from_millis(100))
}

#[test]
fn scripted_answers_are_given_in_any_order() {
    let tor =
        ScriptedTor::builder().on("A", "250 a\r\n").on_prefix("B ", "250 b\r\n").start().unwrap();
    let mut client = Client::of(&tor);
    client.ask("B 2", "250 b\r\n");
    client.ask("A", "250 a\r\n");
    client.ask("A 1", "510 Unrecognized command \"A\"\r\n");
    client.write("B 3\r\nA\r\n");
    client.read("250 b\r\n250 a\r\n");
    assert_eq!(tor.finish().unwrap(), ["B 2", "A", "A 1", "B 3", "A"]);
}

#[test]
fn scripted_command_includes_its_data() {
    let tor =
        ScriptedTor::builder().on("+LOADCONF\nSocksPort 0\n..x\n.", "250 OK\r\n").start().unwrap();
    let mut client = Client::of(&tor);
    client.write("+LOADCONF\r\nSocksPort 0\r\n..x\r\n");
    assert!(client.hears_nothing());
    client.ask(".", "250 OK\r\n");
    assert_eq!(tor.sent(), ["+LOADCONF\nSocksPort 0\n..x\n."]);
}

#[test]
fn scripted_tor_answers_quit_and_hangs_up() {
    let tor = ScriptedTor::builder().start().unwrap();
    let mut client = Client::of(&tor);
    client.ask("QUIT", "250 closing connection\r\n");
    client.read_end();
}

#[test]
fn sent_events_reach_every_connection() {
    let tor = ScriptedTor::builder().start().unwrap();
    let (mut one, mut two) = (Client::of(&tor), Client::of(&tor));
    tor.send("650 BW 1 2\r\n");
    one.read("650 BW 1 2\r\n");
    two.read("650 BW 1 2\r\n");
    tor.hang_up();
    one.read_end();
    two.read_end();
    Client::of(&tor).ask("AUTHENTICATE", "250 OK\r\n");
}

#[test]
fn script_is_followed_to_the_byte() {
    let script = Script::new()
        .login()
        .expect("GETINFO version")
        .send("250-version=")
        .gate("half")
        .chunks(1)
        .send("0.4.9.11\r\n")
        .send_split("250 OK\r\n", 3)
        .expect_any()
        .hang_up();
    let tor = ScriptedTor::follow(script).unwrap();
    let mut client = Client::of(&tor);
    client.ask(
        "PROTOCOLINFO 1",
        "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n",
    );
    client.ask("AUTHENTICATE", "250 OK\r\n");
    client.ask("GETINFO version", "250-version=");
    assert!(client.hears_nothing());
    tor.open("half");
    client.read("0.4.9.11\r\n250 OK\r\n");
    client.write("SIGNAL HALT\r\n");
    client.read_end();
    assert_eq!(
        tor.finish().unwrap(),
        ["PROTOCOLINFO 1", "AUTHENTICATE", "GETINFO version", "SIGNAL HALT"]
    );
}

#[test]
fn wrong_command_ends_the_connection_and_is_reported() {
    let tor =
        ScriptedTor::follow(Script::new().expect("A").send("250 OK\r\n").expect("B")).unwrap();
    let mut client = Client::of(&tor);
    client.ask("A", "250 OK\r\n");
    client.write("C\r\n");
    client.read_end();
    let error = tor.finish().unwrap_err();
    assert_eq!((error.connection(), error.step()), (1, 3));
    assert_eq!(
        error.to_string(),
        "connection 1, step 3: the script expects \"B\", but \"C\" was sent"
    );
}

#[test]
fn missing_command_and_hang_up_are_reported() {
    let tor = hasty().script(Script::new().expect("A")).start().unwrap();
    let mut client = Client::of(&tor);
    client.read_end();
    assert!(matches!(tor.finish().unwrap_err().problem(), ScriptProblem::NothingSent { .. }));

    let tor = ScriptedTor::follow(Script::new().expect_prefix("A")).unwrap();
    drop(Client::of(&tor));
    assert!(matches!(tor.finish().unwrap_err().problem(), ScriptProblem::HungUp { .. }));
}

#[test]
fn shut_gate_and_unused_script_are_reported() {
    let tor = hasty().script(Script::new().gate("never")).start().unwrap();
    let mut client = Client::of(&tor);
    client.read_end();
    assert!(matches!(tor.finish().unwrap_err().problem(), ScriptProblem::GateShut { .. }));

    let tor = hasty().script(Script::new().expect("A")).start().unwrap();
    let error = tor.finish().unwrap_err();
    assert_eq!(*error.problem(), ScriptProblem::NotConnected);
    assert_eq!(error.connection(), 1);
}

#[test]
fn panic_in_an_answer_ends_the_connection_and_is_reported() {
    let tor = ScriptedTor::builder()
        .on_any(|command| {
            assert_ne!(command, "SIGNAL DUMP", "on purpose");
            None
        })
        .start()
        .unwrap();
    let (mut one, mut other) = (Client::of(&tor), Client::of(&tor));
    one.write("SIGNAL DUMP\r\n");
    one.read_end();
    // Other connections still get answers.
    other.ask("AUTHENTICATE", "250 OK\r\n");
    let error = tor.finish().unwrap_err();
    assert_eq!((error.connection(), error.problem()), (1, &ScriptProblem::AnswerPanicked));
    assert_eq!(error.to_string(), "connection 1, step 0: the function that answers panicked");
}

#[test]
fn command_after_the_end_of_the_script_is_reported() {
    let tor = ScriptedTor::follow(Script::new().expect("A")).unwrap();
    let mut client = Client::of(&tor);
    client.write("A\r\nB\r\n");
    client.read_end();
    let error = tor.finish().unwrap_err();
    assert_eq!(*error.problem(), ScriptProblem::AfterTheEnd { sent: "B".into() });

    let tor = ScriptedTor::follow(Script::new().expect("A").ignore()).unwrap();
    let mut client = Client::of(&tor);
    client.write("A\r\nB\r\n");
    assert_eq!(tor.wait_for("B").unwrap(), "B");
    assert!(client.hears_nothing());
    assert_eq!(tor.finish().unwrap(), ["A", "B"]);

    let script = Script::new().expect("A").answer();
    let tor = ScriptedTor::builder().info("version", "1").script(script).start().unwrap();
    let mut client = Client::of(&tor);
    client.write("A\r\n");
    client.ask("GETINFO version", "250-version=1\r\n250 OK\r\n");
    tor.finish().unwrap();
}

#[test]
fn end_of_sending_leaves_the_other_direction_open() {
    let tor = ScriptedTor::follow(Script::new().send("250").end_of_sending().expect("A")).unwrap();
    let mut client = Client::of(&tor);
    client.read("250");
    client.read_end();
    client.write("A\r\n");
    assert_eq!(tor.finish().unwrap(), ["A"]);
}

#[test]
fn connections_follow_their_scripts_and_then_get_answers() {
    for place in ["memory", "tcp", "unix"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let builder = ScriptedTor::builder()
            .script(Script::new().send("one").hang_up())
            .script(Script::new().send("two").hang_up());
        let tor = match place {
            "tcp" => builder.listen(),
            #[cfg(unix)]
            "unix" => builder.listen_at(&path),
            _ => builder.start(),
        }
        .unwrap();
        let connect = || tor.address().map_or_else(|| Client::of(&tor), Client::at);
        for expected in ["one", "two"] {
            let mut client = connect();
            client.read(expected);
            client.read_end();
        }
        connect().ask("AUTHENTICATE", "250 OK\r\n");
        let address = tor.address().cloned();
        assert_eq!(tor.finish().unwrap(), ["AUTHENTICATE"], "{place}");
        assert!(!path.exists());
        if let Some(address) = address {
            assert!(Transport::connect(&address, Instant::now() + Duration::from_secs(5)).is_err());
        }
    }
}

#[test]
fn dropping_the_scripted_tor_ends_its_waits() {
    let begun = Instant::now();
    let script = || Script::new().pause(Duration::from_secs(60));
    let tor = ScriptedTor::builder()
        .script(script())
        .script(Script::new().gate("never"))
        .start()
        .unwrap();
    let mut clients = [Client::of(&tor), Client::of(&tor), Client::of(&tor)];
    drop(tor);
    clients.iter_mut().for_each(Client::read_end);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn wait_for_a_command_ends_in_time() {
    let tor = hasty().start().unwrap();
    assert!(tor.wait_for("A").unwrap_err().is_timeout());
}
