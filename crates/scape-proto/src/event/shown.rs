//! `Display` for events: one line each.

use std::fmt::{self, Write};

use super::{CircuitMinor, EventBody};
use crate::word::RelayName;

/// A text that is displayed on one line. Control characters are escaped as in
/// Rust strings.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(char::is_control) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// A writer that keeps everything on one line. Control characters are escaped
/// as in Rust strings.
struct InOneLine<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for InOneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", OneLine(text))
    }
}

/// A relay that is displayed by its nickname, or by its fingerprint if the
/// nickname isn't known.
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
    /// Writes a short description, such as
    /// `7 CANNIBALIZED HS_CLIENT_REND (was GENERAL): relay02, relay03`.
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
