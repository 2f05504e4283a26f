//! Compares the requests of `SocksProxy` with those of another SOCKS client,
//! the crate `socks`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use scape::socks::SocksProxy;
use socks::Socks5Stream;

/// The time limit of a request. It is long enough for a very busy machine.
const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// Opens a SOCKS port that accepts one request to connect. Returns the port's
/// address, and a thread that returns the bytes of the request.
fn port() -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut read = |length: usize| {
            let mut bytes = vec![0; length];
            stream.read_exact(&mut bytes).unwrap();
            (bytes, stream.try_clone().unwrap())
        };
        // The greeting: version, number of methods, methods.
        let (greeting, _) = read(2);
        let (methods, mut writer) = read(greeting[1].into());
        assert!(methods.contains(&0), "{methods:?}");
        writer.write_all(b"\x05\x00").unwrap();
        // The request: version, command, reserved byte, kind of the address.
        let (mut request, _) = read(4);
        let length = match request[3] {
            1 => 4,
            4 => 16,
            _ => {
                let (length, _) = read(1);
                request.extend(&length);
                usize::from(length[0])
            }
        };
        let (rest, mut writer) = read(length + 2);
        request.extend(rest);
        writer.write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0").unwrap();
        request
    });
    (address, server)
}

#[test]
fn requests_equal_those_of_another_socks_client() {
    for target in [
        "example.com:80",
        "a.b:65535",
        "192.0.2.1:443",
        "[2001:db8::1]:22",
        "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:80",
    ] {
        let (address, server) = port();
        drop(SocksProxy::new(address).timeout(LONG).connect(target).unwrap());
        let ours = server.join().unwrap();
        let (address, server) = port();
        drop(Socks5Stream::connect(address, target).unwrap());
        assert_eq!(ours, server.join().unwrap(), "{target}");
    }
}
