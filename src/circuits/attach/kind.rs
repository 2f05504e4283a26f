//! The kinds of streams that an attacher can decide on.

use scape_proto::event::{StreamInfo, StreamPurpose, StreamStatus};
use scape_proto::word::is_onion_name;

/// The `SESSION_GROUP` that STREAM events have for tor's own directory
/// requests.
const DIRECTORY_GROUP: i32 = -2;

/// The kind of a stream, by which a [`StreamAttacher`](super::StreamAttacher)
/// selects the streams that it is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamKind {
    /// A client's stream to a host or an address, or a DNS look-up, including
    /// those of the command RESOLVE. Such a stream can be attached to any
    /// circuit.
    Client,
    /// A client's stream to an onion service. tor builds the circuits to onion
    /// services itself and refuses to attach such a stream to another circuit.
    /// So the stream can only be left to tor or be refused.
    ///
    /// A name with trailing dots, such as `abc.onion.`, also counts as an onion
    /// service, although tor 0.4.9 treats it as an ordinary name. tor would
    /// attach the stream to any circuit, and the exit would learn the address,
    /// which RFC 7686 forbids. So this library closes such a stream, both if an
    /// attacher attaches it to a circuit and if an attacher leaves it to tor.
    /// In the second case, the stream is closed with the reason
    /// [`RESOLVE_FAILED`](crate::event::EndReason::RESOLVE_FAILED). In both
    /// cases, a warning is logged. Without an attacher, tor sends the stream to
    /// an exit.
    Onion,
    /// tor's own stream to a directory, or a stream with a `.exit` name. Only
    /// tor makes such names; it refuses them from clients.
    Internal,
}

impl StreamKind {
    /// Returns the kind of a stream. The purpose and the session group identify
    /// tor's own streams. For all other streams, the suffix of the target's
    /// name decides, so `www.exitgame.com` and `onion.example` are ordinary
    /// names.
    ///
    /// ```
    /// use scape::attach::StreamKind;
    /// use scape::event::StreamInfo;
    ///
    /// let kind = |line: &[u8]| StreamInfo::parse(line).map(|stream| StreamKind::of(&stream));
    /// assert_eq!(kind(b"4 NEW 0 example.com:443 PURPOSE=USER"), Some(StreamKind::Client));
    /// assert_eq!(kind(b"5 NEW 0 example.onion:80 PURPOSE=USER"), Some(StreamKind::Onion));
    /// assert_eq!(kind(b"6 NEW 0 192.0.2.1:80 PURPOSE=DIR_FETCH"), Some(StreamKind::Internal));
    /// ```
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

/// Returns true if the event shows that the stream is a look-up (RESOLVE). The
/// later events of a look-up don't show that it is one.
pub(super) fn is_look_up(stream: &StreamInfo) -> bool {
    matches!(stream.status, StreamStatus::NewResolve | StreamStatus::SentResolve)
        || stream.purpose == Some(StreamPurpose::DnsRequest)
        || stream.target.port() == Some(0)
}

/// Returns true if a name has this suffix, ignoring case.
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
            // tor treats this as an ordinary name and asks an exit for it.
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
    fn internal_streams_are_recognized_by_purpose_group_or_name() {
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
