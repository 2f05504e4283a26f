//! A web server on 127.0.0.1, to which the network's exits connect.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::ServerConfig;

use crate::NAME;
use crate::tls_server;

/// The length in bytes of the answer's body for the path `/large`.
pub(crate) const LARGE: usize = 3_000_000;

/// A web server that runs until the test process ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::with(None)
    }

    /// Starts a TLS server with a certificate for `example.com`.
    pub(crate) fn start_tls() -> Self {
        Server::with(Some(tls_server::config(tls_server::SERVER, &[])))
    }

    fn with(config: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let config = config.clone();
                thread::spawn(move || match config {
                    None => drop(serve(&mut &visitor, &mut &visitor)),
                    Some(config) => {
                        let Ok(stream) = tls_server::accept(&config, visitor) else { return };
                        serve_tls(stream);
                    }
                });
            }
        });
        Server { port }
    }

    pub(crate) fn url(self, path: &str) -> String {
        format!("http://{NAME}:{}{path}", self.port)
    }
}

fn serve_tls(mut stream: rustls::StreamOwned<rustls::ServerConnection, TcpStream>) {
    let mut answer = Vec::new();
    if serve(&mut stream, &mut answer).is_ok() {
        let _ = stream.write_all(&answer);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}

/// Reads one HTTP request from `input`, and writes the answer to `output`.
fn serve(input: &mut impl Read, output: &mut impl Write) -> std::io::Result<()> {
    let mut reader = BufReader::new(input);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap();
    let (status, headers, answer) = match path {
        "/" => ("200 OK", "X-Test: yes\r\n", b"hello\n".to_vec()),
        "/bytes" => ("200 OK", "", vec![0xff, 0, 1]),
        "/large" => ("200 OK", "", vec![b'x'; LARGE]),
        "/echo" => ("200 OK", "", [head.as_bytes(), &body].concat()),
        "/elsewhere" => ("302 Found", "Location: /\r\n", Vec::new()),
        "/private" => ("302 Found", "Location: http://localhost/\r\n", Vec::new()),
        "/again" => ("302 Found", "Location: echo\r\n", Vec::new()),
        "/away" => ("301 Moved Permanently", "Location: http://away.test/\r\n", Vec::new()),
        "/temporary" => ("307 Temporary Redirect", "Location: /echo\r\n", Vec::new()),
        "/silent" => {
            // Nothing is sent until the visitor ends the connection.
            return reader.read_to_end(&mut Vec::new()).map(drop);
        }
        "/short" => {
            return output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
        _ => ("404 Not Found", "", b"nothing here\n".to_vec()),
    };
    write!(
        output,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    )?;
    output.write_all(&answer)
}
