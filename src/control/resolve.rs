//! RESOLVE: looking up names and addresses through tor.

use std::net::IpAddr;
use std::time::Duration;

use super::Controller;
use crate::control::ResolveError;
use crate::error::{Error, Phase, Result};
use crate::io::connection::Subscription;
use crate::io::transport::Deadline;
use scape_proto::control::{ArgumentError, Command};
use scape_proto::event::{AddrMapEvent, EventBody, EventKind, StreamInfo, StreamStatus};
use scape_proto::word::{Host, StreamId};

/// The session group of the streams that RESOLVE creates (`SESSION_GROUP` in
/// STREAM events).
const RESOLVE_GROUP: i32 = -3;
/// The maximum time to wait for the event that the look-up's stream has ended.
/// This event contains the reason for an error. tor sends the event right after
/// it has reported the error.
const FOR_THE_REASON: Duration = Duration::from_secs(1);

/// Look-ups. See control-spec, command RESOLVE.
///
/// tor accepts several names in one command. Here each call asks for one name,
/// because each name has its own stream and answer anyway. Any number of
/// threads may look up names at once.
impl Controller {
    /// Looks up an IP address of the host `name`, at an exit. The name is never
    /// looked up on this machine.
    ///
    /// tor's RESOLVE returns a single IPv4 address.
    /// [`SocksProxy::resolve`](crate::socks::SocksProxy::resolve) also finds
    /// IPv6 addresses.
    ///
    /// If `name` is an onion address with a trailing dot, the dot is removed,
    /// because tor would otherwise ask an exit for the name. Onion addresses
    /// have no IP address, so tor answers with an error, unless tor's option
    /// `AutomapHostsOnResolve` is set.
    ///
    /// The whole call takes at most `timeout`, however many events arrive.
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
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)) if the name doesn't
    /// exist, or if it has only an IPv6 address. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    /// [`Phase::Resolve`], if tor doesn't answer in time. A tor that has no
    /// circuits yet waits until it has one.
    ///
    /// The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor
    /// can't be asked for the name: see [`Request`](crate::socks::Request) for
    /// the form of names. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends,
    /// even if it is opened again.
    #[doc(alias = "dns_resolve")]
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

    /// Looks up the name of an IP address, at an exit. tor refuses to look up
    /// private addresses, with the same error as for an address without a name.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("RESOLVE mode=reverse 192.0.2.7", concat!("250 OK\r\n",
    /// #     "650 STREAM 4 NEWRESOLVE 0 192.0.2.7:0 PURPOSE=DNS_REQUEST SESSION_GROUP=-3\r\n",
    /// #     "650 ADDRMAP 192.0.2.7 example.com \"2026-11-21 02:12:34\" EXPIRES=\"2026-11-21 02:12:34\" ",
    /// #     "CACHED=\"NO\" STREAMID=4\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// let name = controller.resolve_reverse("192.0.2.7".parse()?, Duration::from_secs(20))?;
    /// assert_eq!(name, "example.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`resolve`](Self::resolve), most often an address without
    /// a name.
    #[doc(alias = "dns_resolve_ptr")]
    pub fn resolve_reverse(&self, address: IpAddr, timeout: Duration) -> Result<String> {
        let address = address.to_string();
        let mut command = Command::build("RESOLVE");
        command.pair("mode", "reverse").word("address", &address);
        self.resolved(command.finish()?, &address, timeout)
    }

    /// Sends a RESOLVE command for `name`, and returns the address or name that
    /// tor answers with.
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

/// A look-up whose answer is awaited.
struct Question<'a> {
    name: &'a str,
    /// The stream that tor created for the look-up. `None` until tor has sent
    /// the stream's NEWRESOLVE event.
    stream: Option<StreamId>,
}

impl Question<'_> {
    /// Remembers the stream that belongs to this look-up. If two threads look
    /// up the same name at the same time, both may remember the same stream.
    /// That stream's answer is right for both.
    fn learn(&mut self, stream: &StreamInfo) {
        let asked = stream.status == StreamStatus::NewResolve
            && stream.session_group.is_none_or(|group| group == RESOLVE_GROUP)
            && stream.target.host().eq_ignore_ascii_case(self.name);
        if asked && self.stream.is_none() {
            self.stream = Some(stream.id);
        }
    }

    /// Returns true if the event answers this look-up. Answers are recognized
    /// by the stream's id, because tor may have mapped or redirected the name
    /// to another one. If tor couldn't start the look-up, the event has no id,
    /// but an error and this look-up's name. No other ADDRMAP event is an
    /// answer.
    fn is_answered_by(&self, answer: &AddrMapEvent) -> bool {
        match answer.stream {
            Some(stream) => self.stream == Some(stream),
            None => answer.error.is_some() && answer.from.eq_ignore_ascii_case(self.name),
        }
    }

    /// Waits for the event that reports the end of the look-up's stream. The
    /// event contains the reason why there is no answer. Returns `None` if the
    /// event doesn't arrive within [`FOR_THE_REASON`] or before `deadline`.
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
