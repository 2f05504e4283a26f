//! `Display` for events: one line each.

use std::fmt;

use super::EventBody;
use super::shown::InOneLine;

impl fmt::Display for EventBody {
    /// Writes one line for users. Control characters are escaped, so nothing
    /// that tor sends can add a line.
    ///
    /// SOCKS passwords and the values of secret options aren't shown. Texts by
    /// tor, such as log messages, are written in full, even if they contain a
    /// secret. To hide secrets in these texts, too, display the body of
    /// [`Event::redacted`](super::Event::redacted).
    ///
    /// For an unknown event, the line is just `unknown`. `Display` of
    /// [`Event`](super::Event) shows the event's lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventBody::Circ(event) => event.fmt(f),
            EventBody::CircMinor(event) => event.fmt(f),
            EventBody::Stream(event) => event.fmt(f),
            EventBody::OrConn(event) => event.fmt(f),
            EventBody::Bw(event) => event.fmt(f),
            EventBody::StreamBw(event) => event.fmt(f),
            EventBody::CircBw(event) => event.fmt(f),
            EventBody::ConnBw(event) => event.fmt(f),
            EventBody::CellStats(event) => event.fmt(f),
            EventBody::StatusGeneral(event)
            | EventBody::StatusClient(event)
            | EventBody::StatusServer(event) => event.fmt(f),
            EventBody::HsDesc(event) => event.fmt(f),
            EventBody::HsDescContent(event) => event.fmt(f),
            EventBody::AddrMap(event) => event.fmt(f),
            EventBody::ConfChanged(event) => event.fmt(f),
            EventBody::Guard(event) => event.fmt(f),
            EventBody::NewDesc(event) => event.fmt(f),
            EventBody::DescChanged(event) => event.fmt(f),
            EventBody::Ns(event) | EventBody::NewConsensus(event) => event.fmt(f),
            EventBody::NetworkLiveness(event) => event.fmt(f),
            EventBody::BuildTimeoutSet(event) => event.fmt(f),
            EventBody::ClientsSeen(event) => event.fmt(f),
            EventBody::TransportLaunched(event) => event.fmt(f),
            EventBody::PtLog(event) => event.fmt(f),
            EventBody::PtStatus(event) => event.fmt(f),
            EventBody::TbEmpty(event) => event.fmt(f),
            EventBody::AuthDirNewDescs(event) => event.fmt(f),
            EventBody::Log(event) => event.fmt(f),
            EventBody::Signal(signal) => write!(InOneLine(f), "{signal}"),
            EventBody::Unknown => f.write_str("unknown"),
        }
    }
}
