//! Serves one connection of a program to the proxy.

use std::io::{self, Cursor, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use scape::socks::Isolation;
use scape::{ErrorKind, TorClient};

use super::body::Body;
use super::request::{Refusal, Request, credentials};
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::commands::traffic::head::{Received, RequestHead};
use crate::commands::traffic::join::{AtEnd, join};

/// The time that a program has to send the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time limit of each write of a refusal. Afterwards, the program has the
/// same time to close the connection.
const REFUSING: Duration = Duration::from_secs(5);
/// The number of bytes of a refused request after which the proxy stops
/// reading.
const MOST_REFUSED: usize = 1 << 20;
/// The time that a connection stays open after the program has closed its side.
/// The time begins anew whenever the server sends data.
const SILENCE: Duration = Duration::from_secs(30);
/// The header with which a refusal asks the program for a user name.
const ASK: &str = "Proxy-Authenticate: Basic realm=\"any name is a circuit of its own\"\r\n";

/// The client and the settings with which the proxy serves all connections.
#[derive(Debug)]
pub(super) struct Proxy {
    client: TorClient,
    isolate_by_user: bool,
}

impl Proxy {
    pub(super) fn new(client: TorClient, isolate_by_user: bool) -> Self {
        Proxy { client, isolate_by_user }
    }

    /// Returns the client for a request. With `--isolate-by-user`, this client
    /// uses circuits that only requests with the same user name and password
    /// share.
    fn client(&self, head: &RequestHead) -> Result<TorClient, Refusal> {
        if !self.isolate_by_user {
            return Ok(self.client.clone());
        }
        let needed = || "407 Proxy Authentication Required";
        let Some((user, password)) = credentials(head) else {
            return Err((needed(), "any user name is accepted, and has its own circuits".into()));
        };
        // SOCKS doesn't allow an empty password.
        let password = if password.is_empty() { b"0".to_vec() } else { password };
        let isolation =
            Isolation::new(user, password).map_err(|error| (needed(), error.to_string()))?;
        Ok(self.client.clone().isolation(isolation))
    }
}

/// Receives one request on a connection to the proxy, passes it on, and passes
/// back the answer. Then closes the connection.
pub(super) fn serve(proxy: &Proxy, mut program: TcpStream) -> io::Result<()> {
    let mut rest = Vec::new();
    let set_timeout = |left| program.set_read_timeout(Some(left));
    let head = match RequestHead::read(&mut &program, &mut rest, PATIENCE, set_timeout)? {
        Received::Head(head) => head,
        Received::Bad => {
            return refuse(program, "400 Bad Request", "this isn't a request of HTTP/1");
        }
        Received::Nothing => return Ok(()),
    };
    let prepared = proxy.client(&head).and_then(|client| Ok((client, Request::new(&head)?)));
    let (client, request) = match prepared {
        Ok(prepared) => prepared,
        Err((status, why)) => return refuse(program, status, &why),
    };
    // The host isn't resolved here, because tor resolves it.
    let mut server = match client.connect(request.target) {
        Ok(server) => server,
        Err(error) => {
            let status = match error.kind() {
                ErrorKind::Timeout => "504 Gateway Timeout",
                ErrorKind::Argument => "403 Forbidden",
                _ => "502 Bad Gateway",
            };
            return refuse(program, status, &Failure::from(error).message);
        }
    };
    program.set_read_timeout(None)?;
    let input = Cursor::new(rest).chain(program.try_clone()?);
    let at_end = AtEnd::Receive(SILENCE);
    let joined = match request.head {
        Some((head, length)) => {
            server.write_all(&head)?;
            join(Body::new(input, length), &program, server, at_end)
        }
        None => {
            program.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            join(input, &program, server, at_end)
        }
    };
    // This wakes the thread that waits for the program.
    let _ = program.shutdown(Shutdown::Both);
    joined
}

/// Refuses a connection, because too many connections are open.
pub(super) fn busy(program: TcpStream) -> io::Result<()> {
    refuse(program, "503 Service Unavailable", "too many connections are open")
}

fn refuse(mut program: TcpStream, status: &str, why: &str) -> io::Result<()> {
    let body = format!("{}\n", printable(why));
    let ask = if status.starts_with("407") { ASK } else { "" };
    program.set_write_timeout(Some(REFUSING))?;
    write!(
        program,
        "HTTP/1.1 {status}\r\n{ask}Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    program.shutdown(Shutdown::Write)?;
    discard(&program)
}

/// Reads and discards the rest of a refused request. Closing the connection
/// with unread data would reset it, and the program could lose the answer.
fn discard(mut program: &TcpStream) -> io::Result<()> {
    let begun = Instant::now();
    let mut buffer = [0; 16 * 1024];
    let mut total = 0;
    while let Some(left) = REFUSING.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        program.set_read_timeout(Some(left))?;
        match program.read(&mut buffer)? {
            0 => break,
            count => total += count,
        }
        if total > MOST_REFUSED {
            break;
        }
    }
    Ok(())
}
