//! `Display` for events: one line each.

use std::fmt;

use super::{CircuitMinor, EventBody};
use crate::word::RelayName;

pub(super) use crate::word::InOneLine;

/// A relay that is displayed by its nickname, or by its fingerprint if the
/// nickname isn't known.
pub(super) struct Relay<'a>(pub(super) &'a RelayName);

impl fmt::Display for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.nickname() {
            Some(nickname) => f.write_str(nickname),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Display for CircuitMinor {
    /// Writes a short description, such as
    /// `7 CANNIBALIZED HS_CLIENT_REND (was GENERAL): relay02, relay03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} {}", self.id, self.change)?;
        if let Some(purpose) = &self.purpose {
            write!(f, " {purpose}")?;
        }
        if let Some(old) = &self.old_purpose {
            write!(f, " (was {old})")?;
        }
        for (i, relay) in self.path.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { ": " } else { ", " }, Relay(relay))?;
        }
        Ok(())
    }
}

impl fmt::Display for EventBody {
    /// Writes one line for users. Control characters are escaped, so nothing
    /// that tor sends can add a line.
    ///
    /// SOCKS passwords and the values of secret options aren't shown. Texts by
    /// tor, such as log messages, are written in full, even if they contain a
    /// secret. To hide secrets there too, display the body of
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
