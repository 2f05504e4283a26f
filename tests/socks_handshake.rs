//! The SOCKS handshake with a scripted port, over TCP, over a Unix socket and
//! in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use scape::error::Phase;
use scape::socks::{Answer, Isolation, Request, SocksError, SocksProblem, SocksStatus, exchange};
use scape::transport::Transport;

const LONG: Duration = Duration::from_secs(20);
const GRANTED: &[u8] = b"\x05\0\0\x01\0\0\0\0\0\0";

/// The messages that the port must receive, each with the port's reply.
type Script = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs() -> Vec<(Transport, Transport)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    vec![
        Transport::pair(),
        (here.into(), listener.accept().unwrap().0.into()),
        #[cfg(unix)]
        {
            let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
            (here.into(), there.into())
        },
    ]
}

fn connect() -> Request {
    Request::connect("example.com:80").unwrap()
}

/// Returns the script of a handshake with a request of these bytes.
fn script(isolated: bool, request: &[u8], reply: &[u8]) -> Script {
    let mut script: Script = Vec::new();
    if isolated {
        script.push((b"\x05\x01\x02".to_vec(), b"\x05\x02".to_vec()));
        script.push((b"\x01\x04user\x08password".to_vec(), b"\x01\0".to_vec()));
    } else {
        script.push((b"\x05\x01\0".to_vec(), b"\x05\0".to_vec()));
    }
    script.push((request.to_vec(), reply.to_vec()));
    script
}

fn connect_script(isolated: bool, reply: &[u8]) -> Script {
    script(isolated, b"\x05\x01\0\x03\x0bexample.com\0\x50", reply)
}

fn isolation(isolated: bool) -> Option<Isolation> {
    isolated.then(|| Isolation::new("user", "password").unwrap())
}

/// Plays the SOCKS port. Sends at most `budget` bytes, in pieces of `piece`
/// bytes, and then closes the connection. The received bytes must be those of
/// the script.
fn serve(mut port: Transport, script: &Script, mut budget: usize, piece: usize) {
    port.set_read_timeout(Some(LONG)).unwrap();
    for (hear, say) in script {
        let mut heard = vec![0; hear.len()];
        port.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, hear);
        for piece in say[..say.len().min(budget)].chunks(piece) {
            port.write_all(piece).unwrap();
            thread::yield_now();
        }
        if say.len() >= budget {
            return;
        }
        budget -= say.len();
    }
}

fn play(
    ends: (Transport, Transport),
    script: &Script,
    budget: usize,
    piece: usize,
    request: &Request,
    isolation: Option<&Isolation>,
) -> Result<Answer, SocksError> {
    let (here, there) = ends;
    thread::scope(|scope| {
        scope.spawn(move || serve(there, script, budget, piece));
        exchange(&here, request, isolation, LONG)
    })
}

/// Plays the script over every kind of stream, in one piece and byte by byte.
/// All outcomes must be equal. Returns this outcome.
fn outcome(
    script: &Script,
    request: &Request,
    isolation: Option<&Isolation>,
) -> Result<Answer, String> {
    let mut outcomes = Vec::new();
    for piece in [usize::MAX, 1] {
        for ends in pairs() {
            let outcome = play(ends, script, usize::MAX, piece, request, isolation);
            outcomes.push(outcome.map_err(|e| format!("{:?}", e.problem())));
        }
    }
    assert!(outcomes.windows(2).all(|w| w[0] == w[1]), "{outcomes:?}");
    outcomes.remove(0)
}

/// Keeps a port open that sends nothing, until the returned guard is dropped.
/// Closes the port after [`LONG`], so that a test that waits for the port fails
/// and doesn't hang.
fn hold(port: Transport) -> crossbeam_channel::Sender<()> {
    let (guard, dropped) = crossbeam_channel::bounded(0);
    thread::spawn(move || {
        let _ = dropped.recv_timeout(LONG);
        drop(port);
    });
    guard
}

/// Returns the problem that the client reports when the port sends these bytes
/// and then nothing more.
fn problem_of(said: &[u8], isolated: bool) -> SocksProblem {
    let (here, mut there) = Transport::pair();
    there.write_all(said).unwrap();
    let _port = hold(there);
    exchange(&here, &connect(), isolation(isolated).as_ref(), LONG).unwrap_err().problem().clone()
}

#[test]
fn socks_requests_of_every_kind_are_granted() {
    let v6: IpAddr = "2001:db8::7".parse().unwrap();
    let v6_bytes = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07";
    let v6_reply = [b"\x05\0\0\x04", &v6_bytes[..], b"\0\0"].concat();
    let name_reply = b"\x05\0\0\x03\x09host.test\0\0";
    let v4: IpAddr = Ipv4Addr::new(192, 0, 2, 7).into();
    let v4_reply = b"\x05\0\0\x01\xc0\0\x02\x07\0\0";
    let connect_v4 = Request::connect("192.0.2.7:80").unwrap();
    let connect_v4_bytes = &b"\x05\x01\0\x01\xc0\0\x02\x07\0\x50"[..];
    let connect_v6_bytes = [b"\x05\x01\0\x04", &v6_bytes[..], b"\0\x50"].concat();
    let resolve_bytes = b"\x05\xf0\0\x03\x09host.test\0\0";
    let ptr_v6_bytes = [b"\x05\xf1\0\x04", &v6_bytes[..], b"\0\0"].concat();
    let cases: Vec<(Request, &[u8], &[u8], Answer)> = vec![
        (connect_v4.clone(), connect_v4_bytes, GRANTED, Answer::Connected),
        (connect_v4.clone(), connect_v4_bytes, &v6_reply, Answer::Connected),
        (connect_v4, connect_v4_bytes, name_reply, Answer::Connected),
        (
            Request::connect((v6.to_string().as_str(), 80)).unwrap(),
            &connect_v6_bytes,
            GRANTED,
            Answer::Connected,
        ),
        (Request::resolve("host.test").unwrap(), resolve_bytes, v4_reply, Answer::Address(v4)),
        (Request::resolve("host.test").unwrap(), resolve_bytes, &v6_reply, Answer::Address(v6)),
        (
            Request::resolve("host.test").unwrap(),
            resolve_bytes,
            name_reply,
            Answer::Name("host.test".into()),
        ),
        (
            Request::resolve_ptr(v4),
            b"\x05\xf1\0\x01\xc0\0\x02\x07\0\0",
            name_reply,
            Answer::Name("host.test".into()),
        ),
        (Request::resolve_ptr(v6), &ptr_v6_bytes, name_reply, Answer::Name("host.test".into())),
    ];
    for (request, bytes, reply, answer) in cases {
        for isolated in [false, true] {
            let got =
                outcome(&script(isolated, bytes, reply), &request, isolation(isolated).as_ref());
            assert_eq!(got, Ok(answer.clone()), "{request}");
        }
    }
}

#[test]
fn socks_reply_codes_are_reported() {
    for code in 1..=255 {
        // If a resolve fails, tor writes an address of type 0.
        for kind in [0, 1] {
            let script = connect_script(false, &[5, code, 0, kind, 0, 0, 0, 0, 0, 0]);
            let error =
                play(Transport::pair(), &script, usize::MAX, 99, &connect(), None).unwrap_err();
            assert_eq!(error.status(), Some(SocksStatus::new(code)));
            assert_eq!(error.request(), "CONNECT example.com:80");
            assert!(error.to_string().contains(&format!("0x{code:02X}")), "{error}");
        }
    }
    let ok = outcome(&connect_script(false, GRANTED), &connect(), None);
    assert_eq!(ok, Ok(Answer::Connected));
}

#[test]
fn failed_socks_resolve_without_an_address_type_is_reported() {
    let request = Request::resolve("host.test").unwrap();
    let script = script(true, b"\x05\xf0\0\x03\x09host.test\0\0", b"\x05\x04\0\0\0\0\0\0\0\0");
    let got = outcome(&script, &request, isolation(true).as_ref());
    assert_eq!(got, Err("Status(SocksStatus(0x04))".into()));
}

#[test]
fn socks_port_that_closes_early_is_reported_at_any_byte() {
    let v6 = [b"\x05\0\0\x04", &[0; 18][..]].concat();
    for reply in [GRANTED, &v6, b"\x05\0\0\x03\x01x\0\0"] {
        for isolated in [false, true] {
            let script = connect_script(isolated, reply);
            let whole: usize = script.iter().map(|(_, say)| say.len()).sum();
            for budget in 0..whole {
                for ends in pairs() {
                    let error =
                        play(ends, &script, budget, 99, &connect(), isolation(isolated).as_ref())
                            .unwrap_err();
                    assert!(matches!(error.problem(), SocksProblem::Io(_)), "{budget}: {error:?}");
                    assert!(!scape::Error::from(error).is_timeout());
                }
            }
        }
    }
}

#[test]
fn bytes_after_the_socks_reply_are_kept() {
    for reply in [GRANTED, &[b"\x05\0\0\x04", &[0; 18][..]].concat(), b"\x05\0\0\x03\x01x\0\0"] {
        let greeting = b"220 mail.example ESMTP\r\n\x05\0\0";
        for isolated in [false, true] {
            for (here, there) in pairs() {
                let script = connect_script(isolated, &[reply, greeting].concat());
                thread::scope(|scope| {
                    scope.spawn(move || serve(there, &script, usize::MAX, usize::MAX));
                    exchange(&here, &connect(), isolation(isolated).as_ref(), LONG).unwrap();
                    here.set_read_timeout(Some(LONG)).unwrap();
                    let mut heard = Vec::new();
                    (&here).read_to_end(&mut heard).unwrap();
                    assert_eq!(heard, greeting);
                });
            }
        }
    }
}

#[test]
fn socks_connection_without_the_requested_isolation_is_refused() {
    // The port chooses no authentication, another method, or no method.
    assert!(matches!(problem_of(b"\x05\0", true), SocksProblem::Protocol(_)));
    assert!(matches!(problem_of(b"\x05\x01", true), SocksProblem::Protocol(_)));
    assert!(matches!(problem_of(b"\x05\xff", true), SocksProblem::NoAcceptableMethod));
    assert!(matches!(problem_of(b"\x05\x02\x01\x01", true), SocksProblem::CredentialsRefused));
    assert!(matches!(problem_of(b"\x05\x02\x05\0", true), SocksProblem::Protocol(_)));
    // The port asks for credentials that were not offered.
    assert!(matches!(problem_of(b"\x05\x02", false), SocksProblem::Protocol(_)));
    assert!(matches!(problem_of(b"\x05\xff", false), SocksProblem::NoAcceptableMethod));
}

#[test]
fn socks_credentials_are_only_sent_on_request() {
    for said in [&b"\x05\0"[..], b"\x05\xff", b"HT", b"\x04\x5a"] {
        let (here, mut there) = Transport::pair();
        there.write_all(said).unwrap();
        exchange(&here, &connect(), isolation(true).as_ref(), LONG).unwrap_err();
        drop(here);
        let mut heard = Vec::new();
        there.read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"\x05\x01\x02");
    }
}

#[test]
fn peer_that_is_no_socks_port_is_described() {
    let cases: [(&[u8], &str); 9] = [
        (
            b"HTTP/1.0 501 Tor is not an HTTP Proxy\r\nContent-Type: text/html\r\n\r\n\0",
            "it speaks HTTP, and said \"HTTP/1.0 501 Tor is not an HTTP Proxy\"",
        ),
        (b"510 Unrecognized command \"\x05\"\r\n", "the bytes 353130"),
        (
            b"510 Command filtered\r\n",
            "it seems to be a control port, and said \"510 Command filtered\"",
        ),
        (
            b"514 Authentication required.\r\n",
            "it seems to be a control port, and said \"514 Authentication required.\"",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it said \"SSH-2.0-OpenSSH_9.2\""),
        (b"login: ", "it said \"login: \""),
        (b"\x04\x5a\0\0\0\0\0\0", "it said the bytes 045A"),
        (b"\0\x5b\0\0\0\0\0\0", "it said the bytes 005B"),
        (&[b'x'; 5000], "xxxxxxxx"),
    ];
    for (said, told) in cases {
        let start = Instant::now();
        let problem = problem_of(said, false);
        assert!(matches!(problem, SocksProblem::NotSocks(_)), "{problem:?}");
        assert!(problem.to_string().contains(told), "{problem}");
        assert!(problem.to_string().len() < 400);
        // A peer that sends part of a line and then nothing is not waited for.
        assert!(start.elapsed() < LONG / 2);
    }
    // The problem is also found if only the first byte arrives.
    let cut = vec![(b"\x05\x01\0".to_vec(), b"H".to_vec())];
    let error = play(Transport::pair(), &cut, 1, 1, &connect(), None).unwrap_err();
    assert!(matches!(error.problem(), SocksProblem::NotSocks(_)), "{error:?}");
}

#[test]
fn malformed_socks_reply_is_reported() {
    let replies: [&[u8]; 4] = [
        b"\x04\0\0\x01\0\0\0\0\0\0",
        b"\x05\0\0\0\0\0\0\0\0\0",
        b"\x05\0\0\x02\0\0",
        b"\x05\0\0\xff",
    ];
    for reply in replies {
        let said = [b"\x05\0", reply].concat();
        assert!(matches!(problem_of(&said, false), SocksProblem::Protocol(_)), "{reply:?}");
    }
    let look_up = |request: Request, reply: &[u8]| {
        let (here, mut there) = Transport::pair();
        there.write_all(&[b"\x05\0", reply].concat()).unwrap();
        exchange(&here, &request, None, LONG).unwrap_err().problem().clone()
    };
    let resolve = || Request::resolve("a.test").unwrap();
    let ptr = || Request::resolve_ptr(Ipv4Addr::LOCALHOST.into());
    for name in [&b"\0"[..], b"\x03a b", b"\x02a\n", b"\x02\xc3\xa4"] {
        let reply = [b"\x05\0\0\x03", name, b"\0\0"].concat();
        assert!(matches!(look_up(ptr(), &reply), SocksProblem::Protocol(_)));
        assert!(matches!(look_up(resolve(), &reply), SocksProblem::Protocol(_)));
    }
    assert!(matches!(look_up(ptr(), b"\x05\0\0\x01\x7f\0\0\x01\0\0"), SocksProblem::Protocol(_)));
}

#[test]
fn silent_socks_port_runs_into_the_deadline() {
    let timeout = Duration::from_millis(60);
    for (here, there) in pairs() {
        let _port = hold(there);
        let start = Instant::now();
        let error = exchange(&here, &connect(), None, timeout).unwrap_err();
        let SocksProblem::Timeout(told) = error.problem() else { panic!("{error:?}") };
        assert_eq!((told.phase(), told.after()), (Phase::Socks, timeout));
        assert!(start.elapsed() >= timeout && start.elapsed() < LONG);
        assert!(scape::Error::from(error).is_timeout());
    }
}

#[test]
fn dribbling_socks_port_does_not_extend_the_deadline() {
    let timeout = Duration::from_millis(150);
    for (here, mut there) in pairs() {
        thread::scope(|scope| {
            scope.spawn(move || {
                // The name has 255 bytes and arrives byte by byte, each well
                // within the timeout.
                let said = [&b"\x05\0\x05\0\0\x03\xff"[..], &[b'x'; 200]].concat();
                for byte in said {
                    thread::sleep(Duration::from_millis(10));
                    if there.write_all(&[byte]).is_err() {
                        return;
                    }
                }
            });
            let start = Instant::now();
            let error = exchange(&here, &connect(), None, timeout).unwrap_err();
            // With an extended deadline, the port would have reached its end
            // and closed.
            assert!(matches!(error.problem(), SocksProblem::Timeout(_)), "{error:?}");
            assert!(start.elapsed() >= timeout);
            here.shutdown().unwrap();
        });
    }
}

#[test]
fn socks_errors_contain_no_secret() {
    let isolation = Isolation::new("sesame", "open").unwrap();
    let (here, mut there) = Transport::pair();
    there.write_all(b"\x05\x02\x01\x01").unwrap();
    let error = exchange(&here, &connect(), Some(&isolation), LONG).unwrap_err();
    let told = format!("{error} {error:?} {isolation:?}");
    assert!(!told.contains("sesame") && !told.contains("open"), "{told}");
}
