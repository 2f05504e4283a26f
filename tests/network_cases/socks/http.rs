//! HTTP through tor: a thousand requests to an onion service, and a tor that is
//! killed during a request.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scape::Tor;
use scape::control::AddOnion;
use scape::http::{AgentBuilder, socks_error};
use scape::onion::OnionStream;
use scape::socks::{SocksProxy, SocksStatus};
use scape::testing::TestNetwork;
use scape::word::OnionKey;

use crate::onions::added::publish;
use crate::tors::killed::{buried, kill, launch};
use crate::{NAME, SOON};

cases! {
    SOCKS:
    http_agent_fetches_a_thousand_pages_from_an_onion_service = thousand,
    http_request_fails_when_tor_is_killed = killed,
    http_reaches_names_and_onion_services_over_tcp_and_unix = ports,
}

const FETCHES: usize = 1000;
/// The number of requests that the server answers on one connection before it
/// closes the connection.
const KEPT_FOR: usize = 10;

/// Answers each HTTP request with the request's path.
fn answer(stream: &OnionStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    for answered in 1.. {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            break;
        }
        let path = line.split(' ').nth(1).unwrap_or("?").to_owned();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let last = answered == KEPT_FOR;
        let connection = if last { "close" } else { "keep-alive" };
        let length = path.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{path}"
        );
        (&mut &*stream).write_all(answer.as_bytes())?;
        if last {
            break;
        }
    }
    Ok(())
}

/// Returns the number of the process's open files, and the number of the
/// library's threads. Other threads aren't counted, because their number
/// changes whenever another test begins to wait for its turn.
fn belongings() -> (usize, usize) {
    let name =
        |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let threads = tasks.filter(|task| name(task).starts_with("scape")).count();
    (fs::read_dir("/proc/self/fd").unwrap().count(), threads)
}

/// The numbers of additional files and threads that are allowed, because tests
/// of other groups in the same process may have opened them meanwhile. A leak
/// in each connection would be twice as much.
const OF_OTHERS: usize = FETCHES / KEPT_FOR / 2;

fn thousand(network: &TestNetwork) {
    let begun = belongings();
    let serving = network.tor();
    let fetching = Tor::launch(network.launch().timeout(SOON)).unwrap();
    let listener = serving.onion().unwrap().virtual_port(80).timeout(SOON).listen().unwrap();
    let url = format!("http://{}", listener.address());
    let shutdown = listener.shutdown_handle();
    let connections = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                scope.spawn(move || {
                    stream.set_read_timeout(Some(SOON)).unwrap();
                    let _ = answer(&stream);
                });
            }
        });
        let agent = fetching.client().unwrap().timeout(SOON).http().unwrap();
        let fetched = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = fetched.fetch_add(1, Ordering::SeqCst);
                        if number >= FETCHES {
                            break;
                        }
                        let mut page = agent.get(format!("{url}/{number}")).call().unwrap();
                        assert_eq!(page.body_mut().read_to_string().unwrap(), format!("/{number}"));
                    }
                });
            }
        });
        drop(agent);
        shutdown.shutdown();
    });
    println!("  {} connections", connections.load(Ordering::SeqCst));
    assert!(connections.load(Ordering::SeqCst) >= FETCHES / KEPT_FOR);
    listener.close().unwrap();
    fetching.quit().unwrap();
    drop(serving);
    // Threads that have ended may still be counted for a moment.
    let deadline = Instant::now() + SOON;
    let is_more =
        |left: (usize, usize)| left.0 > begun.0 + OF_OTHERS || left.1 > begun.1 + OF_OTHERS;
    while is_more(belongings()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    let left = belongings();
    assert!(!is_more(left), "{begun:?} before, {left:?} after");
}

/// Serves one HTTP request: sends `first`, and then nothing more. Returns the
/// port, and a receiver that gets a message as soon as `first` was sent.
fn stalling(first: &'static [u8]) -> (u16, crossbeam_channel::Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, spoken_to) = crossbeam_channel::bounded(1);
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(first);
        let _ = sender.send(());
        // Waits until the client closes the connection.
        let _ = stream.read(&mut [0; 1]);
    });
    (port, spoken_to)
}

fn killed(network: &TestNetwork) {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    for first in [&b""[..], &HALF[..30], HALF] {
        let tor = launch(network);
        let agent = tor.client().unwrap().timeout(SOON).http().unwrap();
        let (port, spoken_to) = stalling(first);
        let begun = Instant::now();
        thread::scope(|scope| {
            let fetching = scope.spawn(move || {
                let mut page = agent.get(format!("http://{NAME}:{port}/")).call()?;
                page.body_mut().read_to_string()
            });
            spoken_to.recv_timeout(SOON).unwrap();
            kill(&tor);
            let error = fetching.join().unwrap().unwrap_err();
            assert!(!matches!(error, ureq::Error::Timeout(_)), "{error}");
        });
        assert!(begun.elapsed() < SOON);
        tor.controller().unwrap().wait_closed(SOON).unwrap();
        buried(tor);
    }
}

/// Starts a server that answers every request with its path. Returns its
/// address.
fn paths() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let lines =
                    BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                for line in lines.filter(|line| line.starts_with("GET ")) {
                    let path = line.split(' ').nth(1).unwrap();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}",
                        path.len()
                    );
                }
            });
        }
    });
    address
}

/// Fetches a page. Tries again while the service's descriptor is being
/// uploaded.
fn get(agent: &ureq::Agent, url: &str) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        match agent.get(url).call() {
            Ok(mut response) => return response.body_mut().read_to_string().unwrap(),
            Err(error) if socks_error(&error).is_some() && Instant::now() < deadline => {}
            Err(error) => panic!("{url}: {error}"),
        }
    }
}

fn ports(network: &TestNetwork) {
    let server = paths();
    let tor = network.client();
    let service = publish(tor, &AddOnion::new().port(80, server));
    for address in [network.socks(), network.socks_unix().unwrap()] {
        let agent = AgentBuilder::new(SocksProxy::new(address).timeout(SOON)).build().unwrap();
        for host in [format!("{NAME}:{}", server.port()), service.address.to_string()] {
            for path in ["/one", "/two"] {
                assert_eq!(get(&agent, &format!("http://{host}{path}")), path);
            }
        }
        let nobody = OnionKey::random().address();
        let error = agent.get(format!("http://{nobody}/")).call().unwrap_err();
        let status = socks_error(&error).and_then(|error| error.status());
        let expected = [SocksStatus::HOST_UNREACHABLE, SocksStatus::ONION_DESCRIPTOR_NOT_FOUND];
        assert!(status.is_some_and(|status| expected.contains(&status)), "{error}");
    }
    tor.del_onion(&service.address).unwrap();
}
