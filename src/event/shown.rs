//! How events are shown to people: in one line each.

use std::fmt::{self, Write};

use super::{CircuitMinor, EventBody};
use crate::types::RelayName;

/// A text in one line: control characters are written as in Rust's strings.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// A relay by its nickname, where that is known.
pub(super) struct Relay<'a>(pub(super) &'a RelayName);

impl fmt::Display for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.nickname() {
            Some(nickname) => OneLine(nickname).fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Display for CircuitMinor {
    /// Such as `7 CANNIBALIZED HS_CLIENT_REND (was GENERAL): relay02, relay03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    /// In one line, for people, without secrets. Of an unknown event it says no more than that: [`Event`](super::Event)
    /// shows its text.
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
            EventBody::Signal(signal) => signal.fmt(f),
            EventBody::Unknown => f.write_str("unknown"),
        }
    }
}
