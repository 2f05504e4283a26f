use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use rustix::process::Signal;
use scape::testing::TestNetwork;

use crate::run::{Done, send_signal};
use crate::{NAME, SOON, scape};

cases! {
    ONIONS:
    connect_joins_input_and_output_with_the_connection = joins,
    connect_receives_after_the_end_of_the_input = receives,
    connect_closes_at_the_end_of_the_input_if_wanted = closes,
    connect_ends_at_an_interrupt_and_explains_failures = ends,
}

/// Starts a server for one connection. Returns its `host:port` for connections
/// through tor.
fn server(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = format!("{NAME}:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || serve(listener.accept().unwrap().0));
    target
}

fn joins(network: &TestNetwork) {
    let target = server(|mut stream| {
        stream.write_all(b"no line end").unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while let Some(line) = lines.next().transpose().unwrap().filter(|line| line != "end") {
            write!(stream, "[{line}]").unwrap();
        }
    });
    let mut child = scape(network, ["connect", &target, "--isolate"]).start();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut expect = |text: &str| {
        let mut bytes = vec![0; text.len()];
        output.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    };
    // Each part arrives at once, because nothing waits in a buffer.
    expect("no line end");
    input.write_all(b"one\n").unwrap();
    expect("[one]");
    input.write_all(b"two\nend\n").unwrap();
    expect("[two]");
    // The server ends the connection although the input is still open.
    Done::of(child, &"connect").expect(0);
}

fn receives(network: &TestNetwork) {
    let target = server(|mut stream| {
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        thread::sleep(Duration::from_secs(1));
        stream.write_all(&vec![b'x'; 500_000]).unwrap();
    });
    let out = scape(network, ["connect", &target]).input("question\n").ok();
    assert_eq!(out.len(), 500_000);
    // The server stays silent, so the command ends when its timeout is over.
    let (over, wait) = bounded::<()>(0);
    let target = server(move |stream| {
        let _ = wait.recv();
        drop(stream);
    });
    assert_eq!(scape(network, ["connect", &target, "--timeout", "20s"]).input("x").ok(), "");
    drop(over);
    // The input can't be read, because it is a folder.
    let target = server(|stream| drop((&stream).read_to_end(&mut Vec::new())));
    let folder = File::open("/").unwrap();
    let child = scape(network, ["connect", &target]).start_on(folder.into(), Stdio::piped());
    let done = Done::of(child, &"connect").expect(1);
    assert!(done.error.contains("failed: cannot send: Is a directory"), "{done:?}");
}

fn closes(network: &TestNetwork) {
    let (sender, received) = bounded(1);
    let target = server(move |mut stream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        sender.send(text).unwrap();
    });
    let sent = "x".repeat(300_000);
    scape(network, ["connect", "--close", &target]).input(&sent).ok();
    assert_eq!(received.recv_timeout(SOON).unwrap(), sent);
}

fn ends(network: &TestNetwork) {
    let target = server(|mut stream| {
        stream.write_all(b"hello").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut child = scape(network, ["connect", &target]).start();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"connect").expect(130);
    let done = scape(network, ["connect", "nobody.scape.test:80"]).run().expect(1);
    assert!(done.error.contains("nobody.scape.test:80"), "{done:?}");
    let done = scape(network, ["connect", "example.com"]).run().expect(2);
    assert!(done.error.contains("port"), "{done:?}");
}
