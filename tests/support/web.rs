//! A SOCKS port that pretends to be tor's, and fake servers behind it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use scape::socks::SocksProxy;
use scape::transport::{Address, Transport};

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A request that the SOCKS port has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The user name, or `None` if the client sent no credentials.
    pub(crate) user: Option<String>,
    /// The type of the host in the request: 1 is an IPv4 address, 3 a name, and
    /// 4 an IPv6 address.
    pub(crate) kind: u8,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The server behind the SOCKS port. It handles a connection to any requested
/// host.
type Serve = dyn Fn(&Asked, &Transport) -> io::Result<()> + Send + Sync;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    ended: AtomicBool,
    serve: Box<Serve>,
}

/// A SOCKS port on loopback or on a Unix socket. It accepts every request
/// except for two kinds of hosts: for `refused-XX.test` it replies with the
/// hexadecimal code XX, and for `silent.test` it sends no reply.
pub(crate) struct Web {
    address: Address,
    shared: Arc<Shared>,
}

impl Web {
    /// Starts a SOCKS port on 127.0.0.1.
    pub(crate) fn start(
        serve: impl Fn(&Asked, &Transport) -> io::Result<()> + Send + Sync + 'static,
    ) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::from(listener.local_addr().unwrap());
        Web::with(address, Box::new(serve), move || {
            listener.accept().map(|(stream, _)| stream.into())
        })
    }

    /// Starts a SOCKS port on a Unix socket.
    #[cfg(unix)]
    pub(crate) fn start_unix(
        path: &std::path::Path,
        serve: impl Fn(&Asked, &Transport) -> io::Result<()> + Send + Sync + 'static,
    ) -> Web {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        Web::with(path.into(), Box::new(serve), move || {
            listener.accept().map(|(stream, _)| stream.into())
        })
    }

    /// Starts a SOCKS port on 127.0.0.1 with an HTTP server behind it, which
    /// answers under every host name. `answer` returns the whole response to a
    /// request.
    pub(crate) fn http(answer: impl Fn(&Asked, &Head) -> Vec<u8> + Send + Sync + 'static) -> Web {
        Web::start(move |asked, stream| http(stream, |head| answer(asked, head)))
    }

    fn with(
        address: Address,
        serve: Box<Serve>,
        accept: impl Fn() -> io::Result<Transport> + Send + 'static,
    ) -> Web {
        let shared =
            Arc::new(Shared { asked: Mutex::default(), ended: AtomicBool::new(false), serve });
        let ours = shared.clone();
        thread::spawn(move || {
            while let Ok(stream) = accept() {
                if ours.ended.load(Ordering::SeqCst) {
                    break;
                }
                let ours = ours.clone();
                // An error only means that the client has closed the
                // connection.
                thread::spawn(move || drop(converse(&ours, &stream)));
            }
        });
        Web { address, shared }
    }

    /// Returns a `SocksProxy` for this port.
    pub(crate) fn proxy(&self) -> SocksProxy {
        SocksProxy::new(&self.address).timeout(SOON)
    }

    /// Returns the address of the port.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the requests that were received so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // This wakes the thread that accepts.
        let _ = Transport::connect(&self.address, std::time::Instant::now() + SOON);
    }
}

fn take(mut stream: &Transport, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Performs the server's side of a SOCKS5 handshake (RFC 1928), and then lets
/// the server behind the port handle the connection.
fn converse(shared: &Shared, mut stream: &Transport) -> io::Result<()> {
    let methods = take(stream, 3)?;
    assert_eq!(methods[..2], [5, 1]);
    stream.write_all(&[5, methods[2]])?;
    let user = if methods[2] == 2 {
        let length = take(stream, 2)?[1];
        let user = take(stream, length.into())?;
        let length = take(stream, 1)?[0];
        take(stream, length.into())?;
        stream.write_all(&[1, 0])?;
        Some(String::from_utf8_lossy(&user).into_owned())
    } else {
        None
    };
    let kind = take(stream, 4)?[3];
    let host = match kind {
        1 => IpAddr::from(<[u8; 4]>::try_from(take(stream, 4)?).unwrap()).to_string(),
        4 => IpAddr::from(<[u8; 16]>::try_from(take(stream, 16)?).unwrap()).to_string(),
        _ => {
            let length = take(stream, 1)?[0];
            String::from_utf8(take(stream, length.into())?).unwrap()
        }
    };
    let port = u16::from_be_bytes(take(stream, 2)?.try_into().unwrap());
    let asked = Asked { user, kind, host, port };
    shared.asked.lock().push(asked.clone());
    if asked.host == "silent.test" {
        return until_the_end(stream);
    }
    let code = asked.host.strip_prefix("refused-").and_then(|h| h.strip_suffix(".test"));
    let code = code.map_or(0, |digits| u8::from_str_radix(digits, 16).unwrap());
    stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
    if code == 0 { (shared.serve)(&asked, stream) } else { Ok(()) }
}

/// Sends nothing until the client closes the connection.
pub(crate) fn until_the_end(mut stream: &Transport) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// An HTTP request without its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The headers. Their names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// Serves requests over one connection until the client closes it, or until a
/// response has `connection: close`.
pub(crate) fn http(
    mut stream: impl Read + Write,
    answer: impl Fn(&Head) -> Vec<u8>,
) -> io::Result<()> {
    while let Some(head) = read_head(&mut stream)? {
        let answer = answer(&head);
        stream.write_all(&answer)?;
        stream.flush()?;
        if answer.windows(17).take(500).any(|part| part == b"connection: close") {
            break;
        }
    }
    Ok(())
}

fn read_head(stream: &mut impl Read) -> io::Result<Option<Head>> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        text.push(byte[0]);
    }
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut head = Head {
        method: first.next().unwrap().into(),
        path: first.next().unwrap().into(),
        ..Head::default()
    };
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        head.headers.push((name.to_ascii_lowercase(), value.into()));
    }
    let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
    head.body = vec![0; length];
    stream.read_exact(&mut head.body)?;
    Ok(Some(head))
}

/// Returns an HTTP response with status 200 and this body.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Returns a response that redirects to the URL `to`.
pub(crate) fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

/// A port to which nothing may connect, for tests of leaks.
pub(crate) struct Trap {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl Trap {
    pub(crate) fn set() -> Trap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Trap { address: listener.local_addr().unwrap(), listener }
    }

    /// Checks that no connection was made. A connection exists as soon as the
    /// client's call returns, so no wait is needed.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
