//! Which streams an attacher is asked about.

use crate::event::{StreamInfo, StreamPurpose, StreamStatus};
use crate::word::is_onion_name;

/// The session group of tor's own directory requests.
const DIRECTORY_GROUP: i32 = -2;

/// What sort of stream it is, for a [`StreamAttacher`](super::StreamAttacher)
/// that does not want to be asked about every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamKind {
    /// A client's, to a host or an address; look-ups, also those of the command
    /// RESOLVE, are among them. It can go over any circuit.
    Client,
    /// A client's stream to an onion service. tor builds the circuits to onion
    /// services itself and refuses to attach such a stream to another circuit:
    /// the stream can be left to tor, or be refused.
    ///
    /// A name with trailing dots, such as `abc.onion.`, counts as well,
    /// although it is an ordinary name to tor 0.4.9. tor would attach the
    /// stream to any circuit, and the exit would learn the address, which RFC
    /// 7686 forbids. So such a stream is closed if it is to be attached, and
    /// also if it is left to tor
    /// ([`RESOLVE_FAILED`](crate::event::EndReason::RESOLVE_FAILED)). A warning
    /// in the log says so. Without an attacher, tor sends it to an exit.
    Onion,
    /// tor's own, to a directory, or one with a `.exit` name, which only tor
    /// makes (it refuses those of clients).
    Internal,
}

impl StreamKind {
    /// Returns the kind of a stream. Only the end of its target's name counts:
    /// `www.exitgame.com` and `onion.example` are ordinary names.
    pub fn of(stream: &StreamInfo) -> StreamKind {
        let is_directory = matches!(
            stream.purpose,
            Some(StreamPurpose::DirFetch | StreamPurpose::DirUpload | StreamPurpose::DirportTest)
        );
        let host = stream.target.host();
        if is_directory || stream.session_group == Some(DIRECTORY_GROUP) || ends_with(host, ".exit")
        {
            StreamKind::Internal
        } else if is_onion_name(host) {
            StreamKind::Onion
        } else {
            StreamKind::Client
        }
    }
}

/// Returns true if the event shows that the stream is a look-up (RESOLVE). Only
/// the first events of a stream show it.
pub(super) fn is_look_up(stream: &StreamInfo) -> bool {
    matches!(stream.status, StreamStatus::NewResolve | StreamStatus::SentResolve)
        || stream.purpose == Some(StreamPurpose::DnsRequest)
        || stream.target.port() == Some(0)
}

/// Returns true if a name has this suffix, in any case.
fn ends_with(name: &str, suffix: &str) -> bool {
    let start = name.len().checked_sub(suffix.len());
    start.and_then(|start| name.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(line: &str) -> StreamKind {
        StreamKind::of(&StreamInfo::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn only_the_suffix_of_a_name_counts() {
        for client in [
            "www.exitgame.com:80",
            "onion.example:443",
            "my.onion.shop.example:80",
            "x.exit.example:80",
            "xonion:80",
            "onion.:80",
            "abc.onion.example.:80",
            // An ordinary name to tor, which the exit is asked for.
            "x.exit.:80",
            "exit:80",
            "[2001:db8::1]:80",
            "ünïcode:80",
        ] {
            assert_eq!(
                kind(&format!("5 NEW 0 {client} PURPOSE=USER")),
                StreamKind::Client,
                "{client}"
            );
        }
        for onion in [
            "2gzyxa5ihm7nsggf.onion:80",
            "www.2gzyxa5ihm7nsggf.ONION:80",
            "abc.onion.:80",
            "a.abc.Onion..:80",
        ] {
            assert_eq!(
                kind(&format!("5 NEW 0 {onion} PURPOSE=USER")),
                StreamKind::Onion,
                "{onion}"
            );
        }
    }

    #[test]
    fn what_is_tors_own_is_told_by_its_purpose_its_group_or_its_name() {
        for line in [
            "5 NEW 0 127.0.0.1.$A958A139891C54874CE30704C302CDA9D94CC15D.exit:5001 PURPOSE=DIR_FETCH",
            "5 NEW 0 127.0.0.1.$A958A139891C54874CE30704C302CDA9D94CC15D.Exit:5001",
            "5 NEW 0 192.0.2.1:9030 PURPOSE=DIR_UPLOAD",
            "5 NEW 0 192.0.2.1:9030 SESSION_GROUP=-2",
        ] {
            assert_eq!(kind(line), StreamKind::Internal, "{line}");
        }
        assert_eq!(
            kind("5 NEWRESOLVE 0 a.example:0 PURPOSE=DNS_REQUEST SESSION_GROUP=-3"),
            StreamKind::Client
        );
    }
}
