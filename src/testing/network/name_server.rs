//! The network's own name server: the part of RFC 1035 that tor's exits use.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_PTR: u16 = 12;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const RESPONSE: u16 = 0x8480; // an authoritative response, recursion available
const RECURSION_DESIRED: u16 = 0x0100;
const FORMAT_ERROR: u16 = 1;
const NO_SUCH_NAME: u16 = 3;
/// The compressed form of the name in an answer. It points to the question,
/// which begins with the same name and follows the header.
const QUESTION_NAME: u16 = 0xC000 | HEADER as u16;
/// The time to live of an answer, in seconds.
const TTL: u32 = 60;
/// The interval at which the server's thread checks whether it should end.
const TICK: Duration = Duration::from_millis(200);

/// A name server on 127.0.0.1 that knows only the names that were added.
///
/// The exits of a [`TestNetwork`](super::TestNetwork) ask only this server, so
/// that nothing leaves this machine. The server answers questions for A, AAAA
/// and PTR records. If a name wasn't added, the answer is that the name doesn't
/// exist. Names and addresses may be added at any time. tor asks for names in
/// mixed case, and the answer repeats the name unchanged.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    records: Arc<Mutex<Records>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Records {
    addresses: HashMap<String, Vec<IpAddr>>,
    /// The names of addresses. Each key is an address in the form of PTR
    /// questions: a name in `in-addr.arpa` or `ip6.arpa`.
    names: HashMap<String, String>,
}

impl NameServer {
    /// Starts a server on a free port of 127.0.0.1.
    pub(super) fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let address = socket.local_addr()?;
        let (records, stop): (Arc<Mutex<Records>>, Arc<AtomicBool>) = Default::default();
        let (known, stopped) = (records.clone(), stop.clone());
        let thread = thread::Builder::new().name("scape-names".into()).spawn(move || {
            let mut buffer = [0; 512];
            while !stopped.load(Ordering::SeqCst) {
                if let Ok((length, peer)) = socket.recv_from(&mut buffer)
                    && let Some(answer) =
                        answer(buffer.get(..length).unwrap_or_default(), &known.lock())
                {
                    // If sending fails, the client asks again.
                    let _ = socket.send_to(&answer, peer);
                }
            }
        })?;
        Ok(NameServer { address, records, stop, thread: Some(thread) })
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds an address for `name`, in addition to the addresses that the name
    /// already has. Upper and lower case are the same.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::net::Ipv4Addr;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// network.name_server().add_address("www.scape.test", Ipv4Addr::LOCALHOST.into());
    /// let client = network.tor().client()?;
    /// assert_eq!(client.dns_resolve("www.scape.test")?, Ipv4Addr::LOCALHOST);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn add_address(&self, name: &str, address: IpAddr) {
        self.records.lock().addresses.entry(name.to_ascii_lowercase()).or_default().push(address);
    }

    /// Sets the name that a reverse lookup of `address` returns.
    ///
    /// tor refuses reverse lookups of private addresses. Use a documentation
    /// address such as 198.51.100.7. A lookup sends nothing to that address.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::net::IpAddr;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// let address: IpAddr = "198.51.100.7".parse()?;
    /// network.name_server().add_name(address, "seven.scape.test");
    /// let client = network.tor().client()?;
    /// assert_eq!(client.dns_resolve_ptr(address)?, "seven.scape.test");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_name(&self, address: IpAddr, name: &str) {
        self.records.lock().names.insert(reverse_name(address), name.to_string());
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // The thread ends within a tick.
            let _ = thread.join();
        }
    }
}

/// Returns an address in the form of PTR questions, for example
/// `7.100.51.198.in-addr.arpa`.
fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles =
                address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels: String = nibbles.map(|nibble| format!("{nibble:x}.")).collect();
            format!("{labels}ip6.arpa")
        }
    }
}

/// Returns the answer to a query, or `None` if the message isn't a query.
fn answer(query: &[u8], records: &Records) -> Option<Vec<u8>> {
    let header = query.get(..HEADER)?;
    let flags = number(header, 2)?;
    if flags & 0x8000 != 0 {
        return None;
    }
    let respond = |code: u16, answers: &[(u16, Vec<u8>)], question: &[u8]| {
        let mut response = header.get(..2).unwrap_or_default().to_vec();
        let counts = [u16::from(!question.is_empty()), answers.len() as u16, 0, 0];
        response.extend((RESPONSE | flags & RECURSION_DESIRED | code).to_be_bytes());
        response.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        response.extend(question);
        for (kind, data) in answers {
            for number in [QUESTION_NAME, *kind, CLASS_IN] {
                response.extend(number.to_be_bytes());
            }
            response.extend(TTL.to_be_bytes());
            response.extend((data.len() as u16).to_be_bytes());
            response.extend(data);
        }
        response
    };
    let Some((name, kind, length)) = question(query) else {
        return Some(respond(FORMAT_ERROR, &[], &[]));
    };
    let question = query.get(HEADER..HEADER + length)?;
    let addresses = records.addresses.get(&name);
    let names = records.names.get(&name);
    let answers: Vec<(u16, Vec<u8>)> = match kind {
        TYPE_A | TYPE_AAAA => addresses
            .into_iter()
            .flatten()
            .filter_map(|address| match address {
                IpAddr::V4(address) if kind == TYPE_A => Some((kind, address.octets().to_vec())),
                IpAddr::V6(address) if kind == TYPE_AAAA => Some((kind, address.octets().to_vec())),
                _ => None,
            })
            .collect(),
        TYPE_PTR => names.into_iter().map(|name| (kind, encode(name))).collect(),
        _ => Vec::new(),
    };
    let known = addresses.is_some() || names.is_some();
    Some(respond(if known { 0 } else { NO_SUCH_NAME }, &answers, question))
}

/// Returns the question's name in lower case, the type, and the question's
/// length in bytes. Returns `None` if the query doesn't have exactly one
/// question, or the question is malformed or not of the class IN.
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    if number(query, 4)? != 1 {
        return None;
    }
    let mut labels = Vec::new();
    let mut position = HEADER;
    loop {
        let length = usize::from(*query.get(position)?);
        position += 1;
        match length {
            0 => break,
            1..=63 => labels.push(
                String::from_utf8_lossy(query.get(position..position + length)?)
                    .to_ascii_lowercase(),
            ),
            _ => return None,
        }
        position += length;
    }
    let kind = number(query, position)?;
    let class = number(query, position + 2)?;
    (class == CLASS_IN).then(|| (labels.join("."), kind, position + 4 - HEADER))
}

fn encode(name: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        encoded.push(label.len() as u8);
        encoded.extend(label);
    }
    encoded.push(0);
    encoded
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(encode(name));
        query.extend([kind.to_be_bytes(), CLASS_IN.to_be_bytes()].concat());
        query
    }

    fn ask(server: &NameServer, query: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send_to(query, server.address()).unwrap();
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn codes(response: &[u8]) -> (u16, u16) {
        (number(response, 2).unwrap() & 15, number(response, 6).unwrap())
    }

    #[test]
    fn name_server_answers_only_for_added_names() {
        let server = NameServer::start().unwrap();
        server.add_address("www.scape.test", Ipv4Addr::LOCALHOST.into());
        server.add_address("www.scape.test", "::1".parse().unwrap());
        server.add_name("198.51.100.7".parse().unwrap(), "seven.scape.test");

        let question = query("wWw.ScApE.tesT", TYPE_A);
        let response = ask(&server, &question);
        assert_eq!(codes(&response), (0, 1));
        // The answer repeats the question with its case.
        assert_eq!(response[HEADER..question.len()], question[HEADER..]);
        assert!(response.ends_with(&[0, 4, 127, 0, 0, 1]));
        assert!(ask(&server, &query("www.scape.test", TYPE_AAAA)).ends_with(&[0, 1]));
        assert_eq!(codes(&ask(&server, &query("www.scape.test", 15))), (0, 0));
        let response = ask(&server, &query("7.100.51.198.in-addr.arpa", TYPE_PTR));
        assert!(response.ends_with(b"\x05seven\x05scape\x04test\0"));
        assert_eq!(codes(&ask(&server, &query("other.test", TYPE_A))), (NO_SUCH_NAME, 0));
    }

    #[test]
    fn malformed_queries_get_a_format_error_or_no_answer() {
        let records = Records::default();
        assert_eq!(answer(b"", &records), None);
        assert_eq!(answer(&[0; 11], &records), None);
        let mut response = query("a", TYPE_A);
        response[2] |= 0x80;
        assert_eq!(answer(&response, &records), None);
        let whole = query("a.b", TYPE_A);
        for end in HEADER..whole.len() {
            assert_eq!(codes(&answer(&whole[..end], &records).unwrap()).0, FORMAT_ERROR, "{end}");
        }
    }

    #[test]
    fn reverse_names_of_ipv4_and_ipv6_addresses() {
        assert_eq!(reverse_name("198.51.100.7".parse().unwrap()), "7.100.51.198.in-addr.arpa");
        let name = reverse_name("2001:db8::567:89ab".parse().unwrap());
        assert_eq!(
            name,
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
