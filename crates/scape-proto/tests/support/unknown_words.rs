//! Finds the parts of an event that this version of the library doesn't know.

use scape_proto::event::EventBody;

/// The unknown `KEY=value` pairs and the other unknown words of an event.
pub(crate) type Unknown<'a> = (&'a [(String, String)], &'a [String]);

/// Returns the unknown pairs and words of an event. Returns `None` if the type
/// of the event doesn't have fields for both.
pub(crate) fn unknown_words(body: &EventBody) -> Option<Unknown<'_>> {
    Some(match body {
        EventBody::Circ(e) => (&e.extra, &e.extra_words),
        EventBody::CircMinor(e) => (&e.extra, &e.extra_words),
        EventBody::Stream(e) => (&e.extra, &e.extra_words),
        EventBody::OrConn(e) => (&e.extra, &e.extra_words),
        EventBody::Bw(e) => (&e.extra, &e.extra_words),
        EventBody::StreamBw(e) => (&e.extra, &e.extra_words),
        EventBody::CircBw(e) => (&e.extra, &e.extra_words),
        EventBody::ConnBw(e) => (&e.extra, &e.extra_words),
        EventBody::CellStats(e) => (&e.extra, &e.extra_words),
        EventBody::HsDesc(e) => (&e.extra, &e.extra_words),
        EventBody::HsDescContent(e) => (&e.extra, &e.extra_words),
        EventBody::AddrMap(e) => (&e.extra, &e.extra_words),
        EventBody::Guard(e) => (&e.extra, &e.extra_words),
        EventBody::DescChanged(e) => (&e.extra, &e.extra_words),
        EventBody::Ns(e) | EventBody::NewConsensus(e) => (&e.extra, &e.extra_words),
        EventBody::NetworkLiveness(e) => (&e.extra, &e.extra_words),
        EventBody::BuildTimeoutSet(e) => (&e.extra, &e.extra_words),
        EventBody::ClientsSeen(e) => (&e.extra, &e.extra_words),
        EventBody::TransportLaunched(e) => (&e.extra, &e.extra_words),
        EventBody::PtLog(e) => (&e.extra, &e.extra_words),
        EventBody::PtStatus(e) => (&e.arguments, &e.extra_words),
        EventBody::TbEmpty(e) => (&e.extra, &e.extra_words),
        _ => return None,
    })
}
