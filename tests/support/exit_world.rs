//! A fake SOCKS port of tor with a fake network behind it. The network has a
//! web server that answers under every name, and a resolver.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// The address to which the fake network resolves every name.
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// The name to which the fake network resolves every address.
pub(crate) const HOST: &str = "host.example";

pub(crate) struct ExitWorld {
    socks: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
}

impl ExitWorld {
    pub(crate) fn start() -> ExitWorld {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socks = listener.local_addr().unwrap();
        let targets = Arc::new(Mutex::new(Vec::new()));
        let seen = targets.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = seen.clone();
                thread::spawn(move || serve(stream, &seen));
            }
        });
        ExitWorld { socks, targets }
    }

    /// Returns the address of the SOCKS port.
    pub(crate) fn socks(&self) -> SocketAddr {
        self.socks
    }

    /// Returns the requested hosts of all connections and look-ups so far, in
    /// order. A host is a name or an address.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.targets.lock().clone()
    }
}

fn take<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take_many(stream: &mut TcpStream, count: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(count)];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn serve(mut stream: TcpStream, targets: &Mutex<Vec<String>>) -> io::Result<()> {
    let [_, methods] = take(&mut stream)?;
    if take_many(&mut stream, methods)?.contains(&2) {
        stream.write_all(b"\x05\x02")?;
        let [_version, length] = take(&mut stream)?;
        take_many(&mut stream, length)?;
        let [length] = take(&mut stream)?;
        take_many(&mut stream, length)?;
        stream.write_all(b"\x01\x00")?;
    } else {
        stream.write_all(b"\x05\x00")?;
    }
    let [_, command, _, kind] = take(&mut stream)?;
    let host = match kind {
        1 => Ipv4Addr::from(take::<4>(&mut stream)?).to_string(),
        4 => std::net::Ipv6Addr::from(take::<16>(&mut stream)?).to_string(),
        _ => {
            let [length] = take(&mut stream)?;
            String::from_utf8_lossy(&take_many(&mut stream, length)?).into_owned()
        }
    };
    take::<2>(&mut stream)?;
    match command {
        // tor resolves the text of an address itself, and so does this port.
        0xF0 => match host.parse::<Ipv4Addr>() {
            Ok(ip) => return answer_address(&mut stream, ip),
            Err(_) => answer_address(&mut stream, Ipv4Addr::new(192, 0, 2, 7))?,
        },
        0xF1 => {
            let mut reply = vec![5, 0, 0, 3, HOST.len() as u8];
            reply.extend_from_slice(HOST.as_bytes());
            reply.extend_from_slice(&[0, 0]);
            return stream.write_all(&reply);
        }
        _ => stream.write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0")?,
    }
    targets.lock().push(host);
    if command == 1 { answer_request(stream) } else { Ok(()) }
}

fn answer_address(stream: &mut TcpStream, ip: Ipv4Addr) -> io::Result<()> {
    let mut reply = vec![5, 0, 0, 1];
    reply.extend_from_slice(&ip.octets());
    reply.extend_from_slice(&[0, 0]);
    stream.write_all(&reply)
}

/// Serves the same page at every path, except for `/elsewhere`, which redirects
/// to another host.
fn answer_request(mut stream: TcpStream) -> io::Result<()> {
    let mut request = take::<1>(&mut stream)?.to_vec();
    // The server speaks no TLS.
    if request == [0x16] {
        return Ok(());
    }
    while !request.ends_with(b"\r\n\r\n") {
        request.push(take::<1>(&mut stream)?[0]);
    }
    if request.starts_with(b"GET /elsewhere") {
        return stream.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
}
