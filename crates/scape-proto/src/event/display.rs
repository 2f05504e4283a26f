//! `Display` for events: one line each.

use std::fmt::{self, Write};

use super::EventBody;
use super::shown::InOneLine;

impl fmt::Display for EventBody {
    /// Writes one line for users, without secrets, whatever tor sent.
    ///
    /// For an unknown event this is just `unknown`. [`Event`](super::Event)
    /// shows the event's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = InOneLine(f);
        match self {
            EventBody::Circ(event) => write!(f, "{event}"),
            EventBody::CircMinor(event) => write!(f, "{event}"),
            EventBody::Stream(event) => write!(f, "{event}"),
            EventBody::OrConn(event) => write!(f, "{event}"),
            EventBody::Bw(event) => write!(f, "{event}"),
            EventBody::StreamBw(event) => write!(f, "{event}"),
            EventBody::CircBw(event) => write!(f, "{event}"),
            EventBody::ConnBw(event) => write!(f, "{event}"),
            EventBody::CellStats(event) => write!(f, "{event}"),
            EventBody::StatusGeneral(event)
            | EventBody::StatusClient(event)
            | EventBody::StatusServer(event) => write!(f, "{event}"),
            EventBody::HsDesc(event) => write!(f, "{event}"),
            EventBody::HsDescContent(event) => write!(f, "{event}"),
            EventBody::AddrMap(event) => write!(f, "{event}"),
            EventBody::ConfChanged(event) => write!(f, "{event}"),
            EventBody::Guard(event) => write!(f, "{event}"),
            EventBody::NewDesc(event) => write!(f, "{event}"),
            EventBody::DescChanged(event) => write!(f, "{event}"),
            EventBody::Ns(event) | EventBody::NewConsensus(event) => write!(f, "{event}"),
            EventBody::NetworkLiveness(event) => write!(f, "{event}"),
            EventBody::BuildTimeoutSet(event) => write!(f, "{event}"),
            EventBody::ClientsSeen(event) => write!(f, "{event}"),
            EventBody::TransportLaunched(event) => write!(f, "{event}"),
            EventBody::PtLog(event) => write!(f, "{event}"),
            EventBody::PtStatus(event) => write!(f, "{event}"),
            EventBody::TbEmpty(event) => write!(f, "{event}"),
            EventBody::AuthDirNewDescs(event) => write!(f, "{event}"),
            EventBody::Log(event) => write!(f, "{event}"),
            EventBody::Signal(signal) => write!(f, "{signal}"),
            EventBody::Unknown => f.write_str("unknown"),
        }
    }
}
