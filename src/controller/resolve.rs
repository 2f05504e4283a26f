//! RESOLVE.

use std::net::IpAddr;
use std::time::Duration;

use super::Controller;
use crate::connection::Subscription;
use crate::controller::ResolveError;
use crate::error::{Error, Phase, Result};
use crate::event::{AddrMapEvent, EventBody, EventKind, StreamInfo, StreamStatus};
use crate::protocol::{ArgumentError, Command};
use crate::transport::Deadline;
use crate::word::{Host, StreamId};

/// The session group of streams that RESOLVE makes.
const RESOLVE_GROUP: i32 = -3;
/// The wait for the end of a stream after an error, because the end tells the
/// reason. tor sends it at once.
const FOR_THE_REASON: Duration = Duration::from_secs(1);

/// Names, by RESOLVE. control-spec, command RESOLVE.
///
/// tor could be asked for several names with one command; here one call asks
/// for one, since each is a stream and an answer of its own anyway. Any number
/// of threads may ask at once.
impl Controller {
    /// Looks up an address of the host `name`, at an exit. The name is never
    /// looked up on this machine.
    ///
    /// tor has room for one IPv4 address in its answer.
    /// [`SocksProxy::resolve`](crate::socks::SocksProxy::resolve) also finds
    /// IPv6 addresses.
    ///
    /// An onion address loses its trailing dot, because tor would otherwise ask
    /// an exit for it. Onion addresses have no IP address, so that tor answers
    /// with an error, unless its option `AutomapHostsOnResolve` is set.
    ///
    /// The whole call takes at most `timeout`, however many events come.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("RESOLVE example.com", concat!("250 OK\r\n",
    /// #     "650 STREAM 4 NEWRESOLVE 0 example.com:0 PURPOSE=DNS_REQUEST SESSION_GROUP=-3\r\n",
    /// #     "650 ADDRMAP example.com 192.0.2.7 \"2026-11-21 02:12:34\" EXPIRES=\"2026-11-21 02:12:34\" ",
    /// #     "CACHED=\"NO\" STREAMID=4\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// let address = controller.resolve("example.com", Duration::from_secs(20))?;
    /// assert_eq!(address.to_string(), "192.0.2.7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ResolveError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) if there is no such
    /// name, or if it has only an IPv6 address. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    /// [`Phase::Resolve`], if tor doesn't answer in time: a tor that has no
    /// circuits yet keeps the question until it has. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor can't be
    /// asked for the name: see [`Request`](crate::socks::Request) for the form
    /// of names. The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if
    /// the connection ends, even if it is made again.
    pub fn resolve(&self, name: &str, timeout: Duration) -> Result<IpAddr> {
        let host = Host::parse(name)
            .map_err(|error| ArgumentError::invalid("RESOLVE", "name", error.to_string()))?;
        let name = match host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.into(),
        };
        let command = Command::build("RESOLVE").word("name", &name).finish()?;
        let answer = self.resolved(command, &name, timeout)?;
        let address = answer.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(&answer);
        address.parse().map_err(|_| Error::answer(format!("RESOLVE {name}"), answer))
    }

    /// The name of an address, by way of an exit. tor refuses to ask for
    /// private addresses: that is an error as for an address that has no name.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn resolve_reverse(&self, address: IpAddr, timeout: Duration) -> Result<String> {
        let address = address.to_string();
        let mut command = Command::build("RESOLVE");
        command.pair("mode", "reverse").word("address", &address);
        self.resolved(command.finish()?, &address, timeout)
    }

    /// Asks, and waits for the answer.
    fn resolved(&self, command: Command, name: &str, timeout: Duration) -> Result<String> {
        let deadline = self.deadline_after(timeout);
        let tor = self.on_this_link()?.until(deadline);
        let late = |error| deadline.or_late(error, Phase::Resolve);
        let events = tor.subscribe([EventKind::AddrMap, EventKind::Stream]).map_err(late)?;
        tor.request(command).map_err(late)?;
        let mut question = Question { name, stream: None };
        let mut wait = events.wait(deadline, Phase::Resolve);
        loop {
            let event = wait.next()?;
            match event.body() {
                EventBody::Stream(stream) => {
                    question.learn(stream);
                    if question.stream == Some(stream.id) && stream.status.is_end() {
                        return Err(no_answer(name, "yes", Some(stream)));
                    }
                }
                EventBody::AddrMap(answer) if question.is_answered_by(answer) => {
                    match (&answer.error, &answer.to) {
                        (None, Some(to)) => return Ok(to.clone()),
                        (error, _) => {
                            let end = question.end(&events, deadline);
                            return Err(no_answer(
                                name,
                                error.as_deref().unwrap_or("yes"),
                                end.as_ref(),
                            ));
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// A question whose answer is waited for.
struct Question<'a> {
    name: &'a str,
    /// The stream that tor made for it, once it has told.
    stream: Option<StreamId>,
}

impl Question<'_> {
    /// Notices the stream that belongs to this question. (Where another thread
    /// asks for the same name at the same time, both may take the same one: the
    /// answer is the same, too.)
    fn learn(&mut self, stream: &StreamInfo) {
        let asked = stream.status == StreamStatus::NewResolve
            && stream.session_group.is_none_or(|group| group == RESOLVE_GROUP)
            && stream.target.host().eq_ignore_ascii_case(self.name);
        if asked && self.stream.is_none() {
            self.stream = Some(stream.id);
        }
    }

    /// Whether this is the answer: by the stream's id, as the name may be
    /// another meanwhile (mapped, redirected). An answer without an id is of a
    /// question that tor could not begin to ask; any other mapping of the name
    /// is not meant.
    fn is_answered_by(&self, answer: &AddrMapEvent) -> bool {
        match answer.stream {
            Some(stream) => self.stream == Some(stream),
            None => answer.error.is_some() && answer.from.eq_ignore_ascii_case(self.name),
        }
    }

    /// The end of the question's stream, which tells why there is no answer.
    fn end(&self, events: &Subscription, deadline: Deadline) -> Option<StreamInfo> {
        let id = self.stream?;
        let mut events = events.wait(deadline.part(FOR_THE_REASON), Phase::Resolve);
        while let Ok(event) = events.next() {
            if let EventBody::Stream(stream) = event.body()
                && stream.id == id
                && stream.status.is_end()
            {
                return Some(stream.clone());
            }
        }
        None
    }
}

fn no_answer(name: &str, error: &str, end: Option<&StreamInfo>) -> Error {
    ResolveError {
        name: name.into(),
        error: error.into(),
        reason: end.and_then(|stream| stream.reason.clone()),
        remote_reason: end.and_then(|stream| stream.remote_reason.clone()),
    }
    .into()
}
