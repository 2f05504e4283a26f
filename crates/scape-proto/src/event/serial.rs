//! Serde serialization of events and of the types in their fields.

use serde::{Serialize, Serializer};

use crate::control::{REDACTED, Signal};
use crate::event::{
    ClockSkewSource, ConfluxId, EndReason, Event, EventBody, OrConnTarget, SocksUsername,
    StreamTarget,
};
use crate::netdoc::RouterStatus;
use crate::word::serial::Time;

as_text! { ConfluxId }

as_any_text! { ClockSkewSource, OrConnTarget, StreamTarget }

write_as_text! { EndReason }

// Serialize the body of the redacted event, so that no secret is written that
// `Display` of the event hides.
fields! { "Event", |event: Event| {
    kind: event.kind(),
    arrived: Time::new(event.arrived()),
    body: match event.redacted().as_ref().unwrap_or(event).body() {
        EventBody::Unknown => Body::Unknown(Unknown { text: event.to_string() }),
        body => Body::Known(body),
    },
} }

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Known(&'a EventBody),
    Unknown(Unknown),
}

/// The body of an unknown event: the event's text, with secrets replaced by
/// `[redacted]`.
#[derive(Serialize)]
#[serde(tag = "type", rename = "unknown")]
struct Unknown {
    text: String,
}

/// Redacts the same user names as `Debug`: all that contain a space. Such a
/// name can include a password.
impl Serialize for SocksUsername {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.contains(' ') { REDACTED } else { self })
    }
}

/// Serializes the body of a SIGNAL event as an object, like all other bodies.
pub(super) fn signal<S: Serializer>(signal: &Signal, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        signal: &'a Signal,
    }
    Body { signal }.serialize(serializer)
}

/// Serializes the entries of a consensus as a list of objects. Entries that
/// can't be parsed are left out.
pub(super) fn routers<S: Serializer>(entries: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(RouterStatus::parse_all(entries))
}
