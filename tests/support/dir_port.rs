//! Sends requests to the directory ports of a private network.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use scape::testing::Node;

/// The pause between two requests for the same document.
const TICK: Duration = Duration::from_millis(50);

/// Returns the address of a node's directory port.
pub(crate) fn address(node: &Node) -> SocketAddr {
    let torrc = node.torrc().unwrap();
    torrc.lines().find_map(|line| line.strip_prefix("DirPort ")).unwrap().parse().unwrap()
}

/// Requests a document with these header lines. Returns `None` if the node
/// doesn't have it.
pub(crate) fn get(node: &Node, path: &str, headers: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address(node)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nAccept-Encoding: identity\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    answer.starts_with(b"HTTP/1.0 200 ").then_some(body)
}

/// Requests a document until the node has it, and returns it. Panics after
/// `limit`.
pub(crate) fn wait_for(node: &Node, path: &str, headers: &str, limit: Duration) -> Vec<u8> {
    let begun = Instant::now();
    loop {
        if let Some(document) = get(node, path, headers) {
            return document;
        }
        assert!(begun.elapsed() < limit, "{} has no {path}", node.nickname());
        std::thread::sleep(TICK);
    }
}
