//! HTTP through real tors, to a name and to an onion service.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Instant;

use scape::AddOnion;
use scape::http::{AgentBuilder, socks_error, ureq};
use scape::socks::{Isolation, SocksProxy};
use scape::testing::TestNetwork;
use scape::types::{OnionKey, SocksStatus};

use crate::onions::publish;
use crate::{Case, NAME, SOON};

pub(crate) const CASES: &[Case] = &[("HTTP to a name and to an onion service", fetches)];

/// Answers every request with its path.
fn server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                for path in
                    lines.filter_map(|line| Some(line.strip_prefix("GET ")?.split_once(' ')?.0.to_owned()))
                {
                    let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len());
                }
            });
        }
    });
    address
}

/// Tried again while the service's descriptor makes its way.
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

fn fetches(network: &TestNetwork) {
    let server = server();
    let tor = network.client();
    let service = publish(tor, &AddOnion::new().port(80, server));
    for address in [network.socks(), network.socks_unix().unwrap()] {
        let proxy = SocksProxy::new(address).timeout(SOON).isolation(Isolation::random());
        let agent = AgentBuilder::new(proxy).stall_timeout(SOON).build().unwrap();
        for host in [format!("{NAME}:{}", server.port()), service.address.to_string()] {
            for path in ["/one", "/two", "/three"] {
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
