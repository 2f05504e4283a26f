//! The type of rows in the command tables, and the function that runs these
//! rows.

use std::fmt::Debug;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use scape::Controller;
use scape::control::{ArgumentError, Refusal, Reply};
use scape::event::{EventBody, EventKind, StreamStatus};
use scape::word::StreamId;

use crate::support::real_tor::RealTor;

/// The code of a row's outcome if the library rejects an argument, and
/// therefore sends nothing.
pub(crate) const NOT_SENT: u16 = 0;
/// The code of a row's outcome if the call fails for another reason than a
/// refusal by tor or a rejected argument.
pub(crate) const OTHER: u16 = 1;

const SOON: Duration = Duration::from_secs(20);

/// A row of a command table: the command, the call, and the expected outcome.
/// If tor refuses the command, the outcome is tor's code and text. Otherwise it
/// is 250 and the value (or tor's code and text for a raw line). A text that
/// ends with `…` is only the beginning of the outcome's text.
pub(crate) type Row = (&'static str, fn(&Bench) -> Said, u16, &'static str);

/// The outcome of a row's call: a code and a text.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: u16,
    pub(crate) text: String,
}

impl Said {
    fn is(&self, code: u16, text: &str) -> bool {
        let fits = match text.strip_suffix('…') {
            Some(beginning) => self.text.starts_with(beginning),
            None => self.text == text,
        };
        self.code == code && fits
    }
}

/// Converts the result of a method to the outcome of a row.
pub(crate) fn said<T: Debug>(result: scape::Result<T>) -> Said {
    match result {
        Ok(value) => Said { code: 250, text: format!("{value:?}") },
        Err(error) => match error.get::<Refusal>() {
            Some(refusal) => Said { code: refusal.code(), text: refusal.text() },
            None => {
                let is_argument = error.get::<ArgumentError>().is_some();
                let code = if is_argument { NOT_SENT } else { OTHER };
                Said { code, text: error.to_string() }
            }
        },
    }
}

/// Converts the reply to a raw line to the outcome of a row. Raw lines are
/// those that no method sends.
pub(crate) fn raw(reply: scape::Result<Reply>) -> Said {
    match reply {
        Ok(reply) => Said {
            code: reply.first().code,
            text: String::from_utf8_lossy(reply.first().text).into_owned(),
        },
        Err(error) => said::<()>(Err(error)),
    }
}

/// The tor on which rows are run, and a controller for it.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) tor: RealTor,
    pub(crate) c: Controller,
}

impl Bench {
    /// Sends a line on a new, unauthenticated connection, and returns tor's
    /// answer.
    pub(crate) fn stranger(&self, line: &str) -> Said {
        let mut stream = TcpStream::connect(self.tor.port()).expect("the port can be connected to");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        // tor may hang up before it has read a very long line.
        let _ = stream.write_all(format!("{line}\r\n").as_bytes());
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("tor answers");
        let (code, text) = answer.trim_end().split_once([' ', '-']).expect("a code and a text");
        Said { code: code.parse().expect("a code"), text: text.to_owned() }
    }

    /// Opens a stream that waits to be attached, and returns its ID. The torrc
    /// must contain `__LeaveStreamsUnattached 1`.
    pub(crate) fn waiting_stream(&self) -> StreamId {
        let events = self.c.subscribe([EventKind::Stream]).expect("a subscription");
        assert!(self.c.msg("RESOLVE waits.example").expect("tor answers").is_ok());
        loop {
            let event = events.next_timeout(SOON).expect("a stream");
            if let EventBody::Stream(stream) = event.body()
                && stream.status == StreamStatus::ControllerWait
            {
                return stream.id;
            }
        }
    }
}

/// Runs the rows one after the other on one tor with this torrc. Panics if a
/// row's outcome isn't the expected one, and lists all such rows.
pub(crate) fn run(torrc: &str, rows: &[Row]) {
    let tor = RealTor::start(torrc);
    let c = tor.over_unix().password("sesame").connect().expect("a controller");
    let bench = Bench { tor, c };
    let mut wrong = Vec::new();
    for (number, (command, call, code, text)) in rows.iter().enumerate() {
        let said = call(&bench);
        if !said.is(*code, text) {
            wrong.push(format!(
                "row {number}, {command}:\n  expected {code} {text}\n  came     {} {}",
                said.code, said.text
            ));
        }
        // The library must still match answers to commands.
        let reply = bench.c.msg("GETINFO config-can-saveconf").expect("tor answers");
        assert!(reply.first().text.starts_with(b"config-can-saveconf="), "row {number}: {reply}");
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
