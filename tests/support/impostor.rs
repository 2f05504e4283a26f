//! A server on a port of 127.0.0.1 that pretends to be a control port, and
//! sends the bytes that a test chooses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

/// The timeout of waiting for the client's next byte. It ensures that a test
/// that fails leaves no thread behind.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener that handles its connections one after the other.
#[derive(Debug)]
pub(crate) struct Impostor {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<Mutex<bool>>,
}

impl Impostor {
    /// Starts a listener that calls `speak` with each connection.
    pub(crate) fn start(mut speak: impl FnMut(&mut Conversation) + Send + 'static) -> Impostor {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let received: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let stop: Arc<Mutex<bool>> = Arc::default();
        let (log, stopped) = (received.clone(), stop.clone());
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if *stopped.lock() {
                    break;
                }
                let stream = stream.expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                log.lock().push(Vec::new());
                speak(&mut Conversation { reader: BufReader::new(stream), log: log.clone() });
            }
        });
        Impostor { address, received, thread: Some(thread), stop }
    }

    /// Starts a listener that answers each line with the text that `answer`
    /// returns. It sends nothing if the text is empty, and closes the
    /// connection if `answer` returns `None`.
    pub(crate) fn control_port(
        mut answer: impl FnMut(&str) -> Option<String> + Send + 'static,
    ) -> Impostor {
        Impostor::start(move |conversation| {
            while let Some(line) = conversation.line() {
                match answer(&line) {
                    Some(text) => conversation.say(text.as_bytes()),
                    None => break,
                }
            }
        })
    }

    /// Returns the address of the listener.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the bytes that each connection has received so far.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received
            .lock()
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// Waits until the existing connections have ended, and returns the bytes
    /// that each has received.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.end();
        self.received()
    }

    fn end(&mut self) {
        *self.stop.lock() = true;
        // This wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("the peer's thread does not panic");
            }
        }
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.end();
    }
}

/// A connection to the impostor, as the impostor uses it.
pub(crate) struct Conversation {
    reader: BufReader<TcpStream>,
    log: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Conversation {
    /// Returns the client's next line without the line end, or `None` at the
    /// end of the stream.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let count = self.reader.read_until(b'\n', &mut line).unwrap_or(0);
        self.record(&line);
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        (count > 0).then_some(text)
    }

    /// Sends the bytes. Ignores errors, because the client may have hung up.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// Sends nothing, and reads until the client closes the connection.
    pub(crate) fn listen(&mut self) {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
        self.record(&rest);
    }

    fn record(&self, bytes: &[u8]) {
        if let Some(last) = self.log.lock().last_mut() {
            last.extend_from_slice(bytes);
        }
    }
}
