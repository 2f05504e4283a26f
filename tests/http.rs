//! HTTP over the SOCKS port of a server that pretends to be tor.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use scape::control::ArgumentError;
use scape::http::{AgentBuilder, socks_error, tor_error, ureq};
use scape::socks::{Isolation, SocksProblem, SocksProxy, SocksStatus};
use support::web::{Asked, SOON, Trap, Web, http, ok, redirect, until_the_end};
use ureq::{Agent, Timeout};

fn agent(web: &Web) -> Agent {
    AgentBuilder::new(web.proxy()).stall_timeout(SOON).build().unwrap()
}

fn get(agent: &Agent, url: &str) -> Result<String, ureq::Error> {
    agent.get(url).call()?.body_mut().read_to_string()
}

fn status(error: &ureq::Error) -> SocksStatus {
    socks_error(error).unwrap_or_else(|| panic!("{error:?}")).status().unwrap()
}

#[test]
fn host_names_reach_the_proxy_unresolved() {
    let web = Web::http(|asked, head| ok(format!("{} {}", asked.host, head.path)));
    let agent = agent(&web);
    assert_eq!(get(&agent, "http://Some.Example/a?b=c").unwrap(), "some.example /a?b=c");
    assert_eq!(get(&agent, "http://localhost.example:8080/").unwrap(), "localhost.example /");
    assert_eq!(get(&agent, "http://192.0.2.7:81/").unwrap(), "192.0.2.7 /");
    assert_eq!(get(&agent, "http://[2001:db8::1]/").unwrap(), "2001:db8::1 /");
    let asked = |kind, host: &str, port| Asked { user: None, kind, host: host.into(), port };
    let expected = [
        asked(3, "some.example", 80),
        asked(3, "localhost.example", 8080),
        asked(1, "192.0.2.7", 81),
        asked(4, "2001:db8::1", 80),
    ];
    assert_eq!(web.asked(), expected);
}

#[test]
fn onion_names_in_urls_reach_tor_without_their_trailing_dot() {
    const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    let web = Web::http(|asked, _| ok(&asked.host));
    let agent = agent(&web);
    for url in [format!("http://{ONION}./"), format!("http://www.{}.:80/", ONION.to_uppercase())] {
        assert!(get(&agent, &url).unwrap().ends_with(ONION), "{url}");
    }
    assert!(web.asked().iter().all(|asked| asked.host.ends_with(".onion")));
    let before = web.asked().len();
    for host in ["abc%2Eonion", "abc.onion..", "abc.%6fnion", "relay.exit"] {
        assert!(get(&agent, &format!("http://{host}/")).is_err(), "{host}");
    }
    assert_eq!(web.asked().len(), before);
}

#[test]
fn urls_with_an_invalid_port_are_rejected_before_anything_is_sent() {
    let web = Web::http(|asked, _| match asked.host.as_str() {
        "redirects.example" => redirect("http://some.example:65536/"),
        host => ok(host),
    });
    let agent = agent(&web);
    for port in ["99999", "65536", "0", "+80", "4294967376", "x", "80:81", "%38"] {
        for host in ["some.example", "[2001:db8::1]", "user@some.example"] {
            let error = get(&agent, &format!("http://{host}:{port}/")).unwrap_err();
            assert!(web.asked().is_empty(), "{host}:{port}: {error}");
        }
    }
    let error = get(&agent, "http://some.example:99999/").unwrap_err();
    assert_eq!(tor_error(&error).unwrap().kind(), scape::ErrorKind::Argument, "{error:?}");
    get(&agent, "http://redirects.example/").unwrap_err();
    assert_eq!(web.asked().len(), 1);
    // An empty port is the usual one.
    get(&agent, "http://some.example:/").unwrap();
    get(&agent, "http://some.example:00080/").unwrap();
    assert!(web.asked().iter().all(|asked| asked.port == 80), "{:?}", web.asked());
}

#[test]
#[cfg(unix)]
fn http_over_a_socks_port_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let web =
        Web::start_unix(&folder.path().join("socks"), |_, stream| http(stream, |_| ok("unix")));
    let agent = agent(&web);
    for _ in 0..3 {
        assert_eq!(get(&agent, "http://example.com/").unwrap(), "unix");
    }
    assert_eq!(web.asked().len(), 1);
}

#[test]
fn requests_contain_no_identifying_headers() {
    let web = Web::http(|_, head| {
        let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut answer =
            ok(format!("{} {}", names.join(" "), head.header("user-agent").unwrap_or("-")));
        let at = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
        answer.splice(at..at, *b"\r\nset-cookie: a=b");
        answer
    });
    let plain = agent(&web);
    for _ in 0..2 {
        assert_eq!(get(&plain, "http://example.com/").unwrap(), "accept host -");
    }
    let named = AgentBuilder::new(web.proxy()).user_agent("Mozilla/5.0").build().unwrap();
    let said = get(&named, "http://example.com/").unwrap();
    assert!(said.contains("user-agent") && said.ends_with("Mozilla/5.0"), "{said}");
    let error = AgentBuilder::new(web.proxy()).user_agent("a\r\nb: c").build().unwrap_err();
    assert!(error.get::<ArgumentError>().is_some(), "{error}");
}

#[test]
fn connections_are_pooled_per_agent() {
    let web = Web::http(|asked, _| ok(asked.user.clone().unwrap_or_default()));
    let mut users = HashSet::new();
    for _ in 0..3 {
        let isolation = Isolation::random();
        let user = String::from_utf8(isolation.user().to_vec()).unwrap();
        let agent = AgentBuilder::new(web.proxy()).isolation(isolation).build().unwrap();
        let same = agent.clone();
        for agent in [&agent, &same, &agent] {
            assert_eq!(get(agent, "http://example.com/").unwrap(), user);
        }
        users.insert(user);
        assert_eq!(web.asked().len(), users.len());
    }
    assert_eq!(users.len(), 3);
    // The connection of the first agent is idle, and the isolation is the same.
    let isolation = Isolation::new("one", "two").unwrap();
    let agents = [(); 2]
        .map(|()| AgentBuilder::new(web.proxy()).isolation(isolation.clone()).build().unwrap());
    for agent in &agents {
        assert_eq!(get(agent, "http://example.com/").unwrap(), "one");
    }
    assert_eq!(web.asked().len(), 5);
}

#[test]
fn every_socks_refusal_is_reported() {
    let web = Web::http(|_, _| ok(""));
    let agent = agent(&web);
    for code in (1..=8).chain(0xF0..=0xF7).chain([0x09, 0xFF]) {
        let error = get(&agent, &format!("http://refused-{code:02x}.test/")).unwrap_err();
        let expected = SocksStatus::new(code);
        assert_eq!(status(&error), expected);
        let ureq::Error::Io(io) = &error else { panic!("{error:?}") };
        assert_eq!(io.kind(), expected.io_kind());
        let text = error.to_string();
        assert!(
            text.contains(&expected.to_string())
                && text.contains(&format!("refused-{code:02x}.test")),
            "{text}"
        );
    }
    let offline = get(&agent, "http://refused-f0.test/").unwrap_err();
    assert!(socks_error(&offline).unwrap().is_onion_not_found());
    // Only that request failed.
    assert_eq!(get(&agent, "http://example.com/").unwrap(), "");
}

#[test]
fn refused_connection_to_the_socks_port_names_its_address() {
    let free = Trap::set().address;
    let agent = AgentBuilder::new(SocksProxy::new(free)).build().unwrap();
    let error = get(&agent, "http://example.com/").unwrap_err();
    let SocksProblem::Io(io) = socks_error(&error).unwrap().problem() else { panic!("{error}") };
    assert!(io.to_string().contains(&free.to_string()), "{io}");
    assert!(
        matches!(&error, ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused)
    );
}

#[test]
fn private_addresses_are_refused_unless_allowed() {
    let web = Web::http(|asked, _| ok(&asked.host));
    let careful = agent(&web);
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "localhost.",
        "[::1]",
        "10.1.2.3:81",
        "localhost",
        "[::ffff:192.168.0.1]",
        "printer.local",
    ] {
        let error = get(&careful, &format!("http://{host}/")).unwrap_err();
        let socks = socks_error(&error).unwrap_or_else(|| panic!("{error:?}"));
        assert!(socks.is_private() && socks.to_string().ends_with("nothing was sent"), "{socks}");
    }
    assert!(web.asked().is_empty());
    let agent = AgentBuilder::new(web.proxy()).allow_private_addresses(true).build().unwrap();
    assert_eq!(get(&agent, "http://127.0.0.1/").unwrap(), "127.0.0.1");
    assert_eq!(get(&agent, "http://localhost/").unwrap(), "localhost");
}

#[test]
fn request_that_would_bypass_tor_is_refused() {
    let web = Web::http(|_, _| ok(""));
    let trap = Trap::set();
    let agent = agent(&web);
    for scheme in ["http", "socks4", "socks4a", "socks5", "socks5h"] {
        let proxy = ureq::Proxy::new(&format!("{scheme}://{}", trap.address)).unwrap();
        let error = agent
            .get("http://example.com/")
            .config()
            .proxy(Some(proxy))
            .build()
            .call()
            .unwrap_err();
        assert!(tor_error(&error).unwrap().get::<ArgumentError>().is_some(), "{error:?}");
    }
    trap.assert_empty();
    assert!(web.asked().is_empty());
}

#[test]
fn malformed_url_is_an_error() {
    let web = Web::http(|_, _| ok(""));
    let agent = agent(&web);
    let long = format!("http://{}/", "a".repeat(256));
    for url in [
        "",
        "example.com",
        "/path",
        "http://",
        "http://:80/",
        "http://a:0/",
        "ftp://a/",
        "http://bücher.example/",
        &long,
    ] {
        assert!(get(&agent, url).is_err(), "{url}");
    }
    assert!(web.asked().is_empty());
    #[cfg(not(feature = "https"))]
    {
        let error = get(&agent, "https://example.com/").unwrap_err();
        assert!(tor_error(&error).unwrap().to_string().contains("`https`"), "{error}");
        assert!(web.asked().is_empty());
    }
}

#[test]
fn redirects_are_followed_through_tor() {
    let onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    let web = Web::http(move |asked, head| match (asked.host.as_str(), head.path.as_str()) {
        ("example.com", "/") => ok("arrived"),
        (_, "/private") => redirect("http://127.0.0.1:9051/"),
        (_, "/round") => redirect("/round"),
        _ => redirect("http://example.com/"),
    });
    let agent = agent(&web);
    assert_eq!(get(&agent, &format!("http://{onion}/")).unwrap(), "arrived");
    let hosts: Vec<String> = web.asked().into_iter().map(|asked| asked.host).collect();
    assert_eq!(hosts, [onion, "example.com"]);
    let error = get(&agent, &format!("http://{onion}/private")).unwrap_err();
    assert!(socks_error(&error).unwrap().is_private(), "{error}");
    assert!(matches!(get(&agent, "http://a.test/round"), Err(ureq::Error::TooManyRedirects)));
    let none = AgentBuilder::new(web.proxy()).max_redirects(0).build().unwrap();
    assert_eq!(none.get("http://a.test/round").call().unwrap().status(), 302);
}

#[test]
fn http_status_is_an_error_unless_disabled() {
    let web = Web::http(|_, _| b"HTTP/1.1 404 No\r\ncontent-length: 4\r\n\r\nnone".to_vec());
    assert!(matches!(get(&agent(&web), "http://a.test/"), Err(ureq::Error::StatusCode(404))));
    let agent = AgentBuilder::new(web.proxy()).http_status_as_error(false).build().unwrap();
    assert_eq!(get(&agent, "http://a.test/").unwrap(), "none");
}

#[test]
fn http_bodies_of_every_kind_are_read() {
    const SIZE: usize = 20_000_000;
    let web = Web::http(|_, head| match head.path.as_str() {
        "/big" => ok(vec![b'x'; SIZE]),
        "/chunked" => {
            let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for size in [1, 16, 100_000, 7] {
                answer
                    .extend_from_slice(format!("{size:x}\r\n{}\r\n", "c".repeat(size)).as_bytes());
            }
            answer.extend_from_slice(b"0\r\n\r\n");
            answer
        }
        "/until-the-end" => b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it".to_vec(),
        "/post" => {
            ok(format!("{} {}", head.body.len(), head.body.iter().all(|byte| *byte == b'p')))
        }
        _ => b"HTTP/1.1 204 Nothing\r\n\r\n".to_vec(),
    });
    let agent = agent(&web);
    let mut big = agent.get("http://a.test/big").call().unwrap();
    let mut count = 0;
    let mut reader = big.body_mut().as_reader();
    let mut buffer = vec![0; 100_000];
    while let size @ 1.. = reader.read(&mut buffer).unwrap() {
        assert!(buffer[..size].iter().all(|byte| *byte == b'x'));
        count += size;
    }
    assert_eq!(count, SIZE);
    assert_eq!(get(&agent, "http://a.test/chunked").unwrap(), "c".repeat(100_024));
    assert_eq!(get(&agent, "http://a.test/").unwrap(), "");
    let posted = agent.post("http://a.test/post").send(vec![b'p'; 5_000_000]).unwrap();
    assert_eq!(posted.into_body().read_to_string().unwrap(), "5000000 true");
    assert_eq!(web.asked().len(), 1, "all over one connection");
    assert_eq!(get(&agent, "http://a.test/until-the-end").unwrap(), "all of it");
    assert_eq!(get(&agent, "http://a.test/").unwrap(), "");
    assert_eq!(web.asked().len(), 2);
}

/// Serves the answer `said` to each request. Then closes the connection if
/// `then_close` is true, and otherwise keeps it open and sends nothing more.
fn half(said: &'static str, then_close: bool) -> Web {
    Web::start(move |_, mut stream| {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        stream.write_all(said.as_bytes())?;
        if then_close { Ok(()) } else { until_the_end(stream) }
    })
}

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";

#[test]
fn server_that_closes_in_the_middle_is_an_error() {
    for said in [
        "",
        "HTTP/1.",
        "HTTP/1.1 200 OK\r\ncontent-",
        HALF,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhal",
    ] {
        let web = half(said, true);
        let error = get(&agent(&web), "http://a.test/").unwrap_err();
        assert!(!matches!(error, ureq::Error::Timeout(_)), "{said:?}: {error:?}");
        assert!(tor_error(&error).is_none(), "tor did all it could: {error:?}");
    }
}

#[test]
fn server_that_stalls_runs_into_the_timeout() {
    let short = Duration::from_millis(500);
    for said in ["", "HTTP/1.1 200 OK\r\n", HALF] {
        let web = half(said, false);
        let stalling = AgentBuilder::new(web.proxy()).stall_timeout(short).build().unwrap();
        let begun = Instant::now();
        let error = get(&stalling, "http://a.test/").unwrap_err();
        assert!(matches!(error, ureq::Error::Timeout(Timeout::PerRead)), "{said:?}: {error:?}");
        assert!((short..SOON).contains(&begun.elapsed()));
        let limited = AgentBuilder::new(web.proxy()).timeout(short).build().unwrap();
        let error = get(&limited, "http://a.test/").unwrap_err();
        assert!(matches!(error, ureq::Error::Timeout(Timeout::Global)), "{said:?}: {error:?}");
    }
}

#[test]
fn server_that_reads_nothing_runs_into_the_timeout() {
    let (_end, ended) = crossbeam_channel::bounded::<()>(0);
    let web = Web::start(move |_, _| {
        // The server reads nothing until the test is over.
        let _ = ended.recv();
        Ok(())
    });
    let agent =
        AgentBuilder::new(web.proxy()).stall_timeout(Duration::from_millis(200)).build().unwrap();
    let begun = Instant::now();
    let error = agent.post("http://a.test/").send(vec![0; 50_000_000]).unwrap_err();
    assert!(matches!(error, ureq::Error::Timeout(Timeout::PerWrite)), "{error:?}");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn connection_that_is_not_made_runs_into_the_timeout() {
    let web = Web::http(|_, _| ok(""));
    let short = Duration::from_millis(100);
    // The first timeout is the proxy's own, and the second is ureq's.
    let agent = AgentBuilder::new(web.proxy()).connect_timeout(short).build().unwrap();
    let error = get(&agent, "http://silent.test/").unwrap_err();
    let socks = socks_error(&error).unwrap_or_else(|| panic!("{error:?}"));
    assert!(socks.is_timeout() && matches!(socks.problem(), SocksProblem::Timeout(_)), "{socks}");
    let patient = AgentBuilder::new(web.proxy()).build().unwrap();
    let request = patient.get("http://silent.test/").config().timeout_connect(Some(short)).build();
    let error = request.call().unwrap_err();
    assert!(matches!(error, ureq::Error::Timeout(Timeout::Connect)), "{error:?}");
    let agent = AgentBuilder::new(web.proxy()).timeout(short).build().unwrap();
    let error = get(&agent, "http://silent.test/").unwrap_err();
    assert!(matches!(error, ureq::Error::Timeout(Timeout::Global)), "{error:?}");
}

#[test]
fn agent_shutdown_ends_pending_requests() {
    let (tell, asked) = std::sync::mpsc::channel();
    let web = Web::start(move |_, stream| {
        tell.send(()).unwrap();
        until_the_end(stream)
    });
    for host in ["silent.test", "a.test"] {
        let agent = agent(&web);
        let before = web.asked().len();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| get(&agent, &format!("http://{host}/")));
            if host == "silent.test" {
                // The request is in the middle of the handshake.
                let deadline = Instant::now() + SOON;
                while web.asked().len() == before && Instant::now() < deadline {
                    thread::yield_now();
                }
            } else {
                asked.recv_timeout(SOON).unwrap();
            }
            let begun = Instant::now();
            agent.clone().shutdown();
            assert!(waiting.join().unwrap().is_err());
            assert!(begun.elapsed() < SOON / 2);
        });
        assert!(get(&agent, "http://a.test/").is_err());
    }
}

#[test]
fn connection_that_ended_while_idle_is_replaced() {
    let (tell, ended) = crossbeam_channel::unbounded();
    let web = Web::start(move |asked, stream| {
        // The server answers one request per connection without saying so.
        let once = std::cell::Cell::new(false);
        http(Once(stream, &once), |_| ok(&asked.host))?;
        stream.shutdown()?;
        tell.send(()).map_err(std::io::Error::other)
    });
    let agent = agent(&web);
    for count in 1..=3 {
        assert_eq!(get(&agent, "http://a.test/").unwrap(), "a.test");
        assert_eq!(web.asked().len(), count);
        ended.recv_timeout(SOON).unwrap();
    }
}

/// A stream that seems to end after the first write to it, so that the server
/// answers only one request.
struct Once<'a>(&'a scape::transport::Transport, &'a std::cell::Cell<bool>);

impl Read for Once<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.get() { Ok(0) } else { self.0.read(buffer) }
    }
}

impl Write for Once<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.set(true);
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn agent_debug_hides_the_isolation() {
    let isolation = Isolation::new("sesame", "open").unwrap();
    let builder = AgentBuilder::new(SocksProxy::new(9050)).isolation(isolation);
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!shown.contains("sesame") && !shown.contains("open"), "{shown}");
}
