//! Sends a request, and receives the answer on another thread, because Ctrl-C
//! can't interrupt a read.

use std::io::{self, Read as _};

use crossbeam_channel::{Receiver, Sender, bounded};
use scape::ErrorKind;
use scape::http::tor_error;
use scape::http::ureq::{self, Agent, ResponseExt as _, http};

use super::link::shown;
use super::send::send;
use crate::base::background;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::printable;
use crate::base::threads;

/// The maximum number of received chunks that wait to be written. When it is
/// reached, the thread receives no more until one is written.
const WAITING: usize = 4;

/// The status and headers of an answer.
#[derive(Debug)]
pub(super) struct Head {
    /// The URL after redirects, without a user name and a password.
    pub(super) url: String,
    pub(super) version: String,
    pub(super) status: u16,
    /// The usual reason phrase for the status.
    reason: &'static str,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// The length of the body in bytes. `None` if the server didn't announce
    /// it.
    pub(super) length: Option<u64>,
}

/// An answer whose body is still being received.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Head,
    chunks: Receiver<Result<Vec<u8>, Failure>>,
}

impl Answer {
    /// Sends the request, and waits for the status and headers of the answer.
    pub(super) fn fetch(
        context: &Context,
        agent: Agent,
        request: http::Request<Vec<u8>>,
    ) -> Result<Self, Failure> {
        let url = shown(request.uri());
        let _busy = Busy::new(format_args!("waiting for {}", printable(&url)));
        let (heads, head) = bounded(1);
        let (sender, chunks) = bounded(WAITING);
        let fetching = move || {
            // After Ctrl-C, nobody receives the result, so errors of `send` are
            // ignored.
            let response = match send(&agent, request) {
                Ok(response) => response,
                Err(error) => return drop(heads.send(Err(explain(&url, &error)))),
            };
            let head = Head::of(&response);
            let url = head.url.clone();
            if heads.send(Ok(head)).is_ok() {
                receive(&url, response.into_body(), &sender);
            }
        };
        threads::start_or_fail(fetching)?;
        match background::receive(context, &head)? {
            Some(head) => Ok(Answer { head: head?, chunks }),
            None => Err(Failure::failed("a thread has panicked")),
        }
    }

    /// Returns the next part of the body. Returns `None` at the end of the
    /// body.
    pub(super) fn next(&self, context: &Context) -> Result<Option<Vec<u8>>, Failure> {
        match background::receive(context, &self.chunks)? {
            // An empty chunk marks the end, so a thread that panics isn't
            // mistaken for the end.
            Some(chunk) => chunk.map(|bytes| Some(bytes).filter(|bytes| !bytes.is_empty())),
            None => Err(Failure::failed("a thread has panicked")),
        }
    }
}

impl Head {
    fn of(response: &http::Response<ureq::Body>) -> Self {
        let headers = response.headers().iter();
        Head {
            url: shown(response.get_uri()),
            version: format!("{:?}", response.version()),
            status: response.status().as_u16(),
            reason: response.status().canonical_reason().unwrap_or_default(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
            length: response.body().content_length(),
        }
    }

    /// Returns the status code and the reason phrase, such as `404 Not Found`.
    pub(super) fn status_text(&self) -> String {
        format!("{} {}", self.status, self.reason).trim_end().to_owned()
    }

    /// Returns the status and headers as in an HTTP answer. The names of
    /// headers are in lower case, and the reason phrase is the usual one.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = format!("{} {}\r\n", self.version, self.status_text()).into_bytes();
        for (name, value) in &self.headers {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        text
    }
}

/// Receives the body, and sends its parts to `chunks`. Sends an empty part at
/// the end of the body.
fn receive(url: &str, mut body: ureq::Body, chunks: &Sender<Result<Vec<u8>, Failure>>) {
    let mut reader = body.as_reader();
    loop {
        let mut chunk = vec![0; 32 * 1024];
        let result = match reader.read(&mut chunk) {
            Ok(count) => {
                chunk.truncate(count);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                Err(explain(url, &ureq::Error::from(error)).while_doing("the answer is incomplete"))
            }
        };
        let ended = result.as_ref().map_or(true, Vec::is_empty);
        if chunks.send(result).is_err() || ended {
            return;
        }
    }
}

/// Converts an error of ureq. The message contains `url`.
fn explain(url: &str, error: &ureq::Error) -> Failure {
    if let Some(error) = tor_error(error) {
        let failure = Failure::from(error.clone());
        // The URL of the request itself was checked before, so this error is
        // about a redirect.
        return match error.kind() {
            ErrorKind::Argument => Failure::failed(format_args!(
                "{}: the server redirects to a URL that can't be fetched: {}",
                printable(url),
                failure.message.replace("; nothing was sent", "")
            )),
            _ => failure,
        };
    }
    let message = format!("{}: {}", printable(url), printable(&error.to_string()));
    match error {
        ureq::Error::Timeout(_) => Failure::new(
            Exit::Timeout,
            format_args!(
                "{}: timed out; a longer --timeout gives the server more time",
                printable(url)
            ),
        ),
        ureq::Error::Other(why) => Failure::failed(format_args!("{}: {why}", printable(url))),
        ureq::Error::RedirectFailed => Failure::failed(format_args!(
            "{message}: the server redirects to another URL, and the body isn't sent there; \
             use --max-redirects 0 with --include to see the URL in the header Location"
        )),
        _ => Failure::failed(message),
    }
}
