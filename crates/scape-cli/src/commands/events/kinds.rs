//! The kinds of events: their meanings, and the choice of kinds by name.

use scape::event::EventKind;

use crate::base::failure::Failure;

/// The kinds of events that come every second or for every cell, or that are
/// very long. They are printed only if the user names them.
const NOISY: [EventKind; 11] = [
    EventKind::Bw,
    EventKind::StreamBw,
    EventKind::CircBw,
    EventKind::ConnBw,
    EventKind::CellStats,
    EventKind::TbEmpty,
    EventKind::Debug,
    EventKind::Info,
    EventKind::Ns,
    EventKind::NewConsensus,
    EventKind::HsDescContent,
];

pub(super) fn is_noisy(kind: &EventKind) -> bool {
    NOISY.contains(kind)
}

/// Returns the kinds with these names. Without names, returns all kinds except
/// the [`NOISY`] ones. Returns a failure for a name that is not among `known`,
/// the kinds that this tor knows.
pub(super) fn chosen(known: &[EventKind], names: &[String]) -> Result<Vec<EventKind>, Failure> {
    if names.is_empty() {
        return Ok(known.iter().filter(|kind| !is_noisy(kind)).cloned().collect());
    }
    let find = |name: &String| {
        let found = known.iter().find(|kind| kind.to_string().eq_ignore_ascii_case(name));
        found.cloned().ok_or_else(|| {
            Failure::failed(format!(
                "this tor has no events of the kind {name}: `scape events --list` lists the kinds"
            ))
        })
    };
    names.iter().map(find).collect()
}

/// Returns a short description of a kind of events. Returns `None` for kinds
/// that this version of scape doesn't know.
pub(super) fn meaning(kind: &EventKind) -> Option<&'static str> {
    Some(match kind {
        EventKind::Circ => "the status of a circuit changed",
        EventKind::CircMinor => "the purpose or onion service state of a circuit changed",
        EventKind::Stream => "the status of a stream changed",
        EventKind::OrConn => "the status of a connection to a relay changed",
        EventKind::Bw => "bytes read and written in the last second",
        EventKind::Debug => "log messages of the severity debug",
        EventKind::Info => "log messages of the severity info",
        EventKind::Notice => "log messages of the severity notice",
        EventKind::Warn => "log messages of the severity warn",
        EventKind::Err => "log messages of the severity err",
        EventKind::NewDesc => "descriptors of relays arrived",
        EventKind::AddrMap => "an address was mapped to another one, or resolved",
        EventKind::DescChanged => "the descriptor of this relay changed",
        EventKind::Ns => "entries of relays in the consensus changed",
        EventKind::StatusGeneral => "a change that matters to clients and relays",
        EventKind::StatusClient => "a change that matters to clients, such as the bootstrap",
        EventKind::StatusServer => "a change that matters to relays",
        EventKind::Guard => "the status of an entry guard changed",
        EventKind::StreamBw => "bytes read and written on each stream",
        EventKind::ClientsSeen => "clients of this bridge by country",
        EventKind::NewConsensus => "a consensus arrived, with all relays",
        EventKind::BuildTimeoutSet => "the time limit for building circuits changed",
        EventKind::Signal => "tor acted on a signal",
        EventKind::ConfChanged => "options changed",
        EventKind::ConnBw => "bytes read and written on each connection",
        EventKind::CellStats => "cells in the queues of circuits",
        EventKind::CircBw => "bytes read and written on each circuit",
        EventKind::TransportLaunched => "a pluggable transport was started",
        EventKind::HsDesc => "an onion service descriptor was fetched, uploaded or created",
        EventKind::HsDescContent => "the texts of onion service descriptors that were fetched",
        EventKind::NetworkLiveness => "the network became reachable or unreachable",
        EventKind::PtLog => "log messages of pluggable transports",
        EventKind::PtStatus => "the status of pluggable transports",
        EventKind::TbEmpty => "a bandwidth limit was used up",
        EventKind::AuthDirNewDescs => "a descriptor was sent to this directory authority",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_chosen_by_name_or_by_noise() {
        let known = [EventKind::Circ, EventKind::Bw, EventKind::from("NEW_ONE")];
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = chosen(&known, &[]).unwrap();
        assert_eq!(all, [EventKind::Circ, EventKind::from("NEW_ONE")]);
        assert_eq!(chosen(&known, &names(&["bw"])).unwrap(), [EventKind::Bw]);
        let failure = chosen(&known, &names(&["bw", "tea"])).unwrap_err();
        assert!(failure.message.contains("kind tea"), "{failure:?}");
    }
}
