//! The columns of the benchmark: each reads the same text with another library,
//! or with a hand-written loop.

mod bare_descriptors;
mod plain;
mod scape;
mod scape_read;
mod stem_rs;
mod tor_netdoc;

use crate::inputs::Input;

/// A way to read a text, such as a function of scape or of another library.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// Reads the text, and returns the number of documents or relays in it.
    pub(crate) run: fn(&str) -> usize,
}

/// One kind of text, with the columns that read it and the targets for their
/// times.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) input: Input,
    /// The benchmark's number of relays is divided by this. It is above 1 for
    /// texts whose signatures are checked, because checking takes much longer
    /// than reading.
    pub(crate) one_of: usize,
    pub(crate) columns: Vec<Column>,
    pub(crate) targets: Vec<Target>,
}

/// A target: the time of `column` is at most `most` times the time of the
/// fastest column in `of`.
pub(crate) struct Target {
    pub(crate) column: &'static str,
    pub(crate) of: &'static [&'static str],
    pub(crate) most: f64,
}

const LINES: &str = "line split";
const HAND: &str = "by hand";
const SCAPE: &str = "scape";
const ALL_READ: &str = "scape, all read";
const STRICT: &str = "scape, strict";
const VERIFIED: &str = "scape, verified";
const PARSE2: &str = "tor-netdoc parse2";
const READER: &str = "tor-netdoc reader";
const PARSE2_VERIFIED: &str = "parse2, verified";
const READER_VERIFIED: &str = "reader, verified";
const OPENED: &str = "scape, opened";
const READER_OPENED: &str = "tor-netdoc, opened";
const STEM: &str = "stem";

/// Returns the columns and targets for each kind of text.
pub(crate) fn subjects() -> Vec<Subject> {
    vec![
        consensus(
            "consensus, microdesc",
            Input::ConsensusMicrodesc,
            [
                (HAND, plain::consensus_microdesc),
                (PARSE2, tor_netdoc::consensus_microdesc_parse2),
                (READER, tor_netdoc::consensus_microdesc),
                (STEM, stem_rs::consensus_microdesc),
            ],
        ),
        consensus(
            "consensus, full",
            Input::ConsensusFull,
            [
                (HAND, plain::consensus_full),
                (PARSE2, tor_netdoc::consensus_full_parse2),
                (READER, tor_netdoc::consensus_full),
                (STEM, stem_rs::consensus_full),
            ],
        ),
        Subject {
            name: "server descriptors",
            input: Input::ServerDescriptors,
            one_of: 1,
            columns: columns([
                (LINES, |text| plain::lines(text, "router")),
                (HAND, bare_descriptors::read),
                (SCAPE, scape::server_descriptors),
                (ALL_READ, scape_read::server_descriptors),
                (STRICT, scape::server_descriptors_strict),
                (PARSE2, tor_netdoc::server_descriptors_parse2),
                (READER, tor_netdoc::server_descriptors),
                (STEM, stem_rs::server_descriptors),
            ]),
            targets: vec![Target { column: SCAPE, of: &[PARSE2, READER, STEM], most: 0.5 }],
        },
        Subject {
            name: "signatures of server descriptors",
            input: Input::ServerDescriptors,
            one_of: 20,
            columns: columns([
                (VERIFIED, scape::server_descriptors_verified),
                (PARSE2_VERIFIED, tor_netdoc::server_descriptors_parse2_verified),
                (READER_VERIFIED, tor_netdoc::server_descriptors_verified),
            ]),
            targets: vec![Target {
                column: VERIFIED,
                of: &[PARSE2_VERIFIED, READER_VERIFIED],
                most: 1.0,
            }],
        },
        Subject {
            name: "microdescriptors",
            input: Input::Microdescriptors,
            one_of: 1,
            columns: columns([
                (LINES, |text| plain::lines(text, "onion-key")),
                (SCAPE, scape::microdescriptors),
                (ALL_READ, scape_read::microdescriptors),
                (PARSE2, tor_netdoc::microdescriptors_parse2),
                (READER, tor_netdoc::microdescriptors),
                (STEM, stem_rs::microdescriptors),
            ]),
            targets: vec![Target { column: SCAPE, of: &[LINES], most: 5.0 }],
        },
        Subject {
            name: "extra-info documents",
            input: Input::ExtraInfo,
            one_of: 1,
            columns: columns([
                (LINES, |text| plain::lines(text, "extra-info")),
                (SCAPE, scape::extra_info),
                (ALL_READ, scape_read::extra_info),
                (STRICT, scape::extra_info_strict),
                (PARSE2, tor_netdoc::extra_info_parse2),
                (STEM, stem_rs::extra_info),
            ]),
            targets: vec![
                Target { column: SCAPE, of: &[STEM], most: 1.0 },
                Target { column: ALL_READ, of: &[STEM], most: 1.0 },
            ],
        },
        Subject {
            name: "vote",
            input: Input::Vote,
            one_of: 1,
            columns: columns([
                (LINES, |text| plain::lines(text, "r")),
                (HAND, plain::consensus_full),
                (SCAPE, scape::vote),
                (PARSE2, tor_netdoc::vote),
                (STEM, stem_rs::consensus_full),
            ]),
            targets: vec![],
        },
        Subject {
            name: "onion service descriptors",
            input: Input::OnionDescriptors,
            one_of: 10,
            columns: columns([
                (LINES, |text| plain::lines(text, "hs-descriptor")),
                (SCAPE, scape::onion_descriptors),
                (STEM, stem_rs::onion_descriptors),
                (OPENED, scape::onion_descriptors_opened),
                (READER_OPENED, tor_netdoc::onion_descriptors_opened),
            ]),
            targets: vec![
                Target { column: SCAPE, of: &[STEM], most: 1.0 },
                Target { column: OPENED, of: &[READER_OPENED], most: 1.0 },
            ],
        },
    ]
}

type Run = fn(&str) -> usize;

fn columns<const N: usize>(columns: [(&'static str, Run); N]) -> Vec<Column> {
    columns.into_iter().map(|(name, run)| Column { name, run }).collect()
}

fn consensus(
    name: &'static str,
    input: Input,
    [hand, parse2, reader, stem]: [(&'static str, Run); 4],
) -> Subject {
    Subject {
        name,
        input,
        one_of: 1,
        columns: columns([
            (LINES, |text| plain::lines(text, "r")),
            hand,
            (SCAPE, scape::consensus),
            (ALL_READ, scape_read::consensus),
            parse2,
            reader,
            stem,
        ]),
        targets: vec![
            Target { column: SCAPE, of: &[HAND], most: 0.75 },
            Target { column: ALL_READ, of: &[HAND], most: 1.5 },
        ],
    }
}
