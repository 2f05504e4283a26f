//! What is in an event that this version of the library does not know.

use scape::event::EventBody;

/// Unknown pairs, and unknown words.
pub(crate) type Unknown<'a> = (&'a [(String, String)], &'a [String]);

/// Those of an event; `None` of the kinds that have none.
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
