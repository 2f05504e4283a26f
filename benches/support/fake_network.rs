//! The answers of the [fake tor](super::fake_tor) about a network as large as
//! the public one, and what happens there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::flood::Flood;
use super::relays::{RELAYS, Relays};

/// The relays of the first hour.
const SEED: u64 = 9_000;
/// The percentage of relays that have another bandwidth an hour later.
const CHANGED: u64 = 60;

/// The key of `GETINFO` that lets a NEWCONSENSUS come before the answer. (No
/// tor has that.)
pub(crate) const NEW_CONSENSUS: &str = "newconsensus";

/// Returns the key of `GETINFO` that lets so many events of circuits and
/// streams come before the answer.
pub(crate) fn lives_key(events: usize) -> String {
    format!("lives/{events}")
}

/// The relays as they are at first, and an hour later: consensuses take turns.
pub(crate) fn relays() -> [Relays; 2] {
    [Relays::new(RELAYS, SEED), Relays::new(RELAYS, SEED).next_hour(CHANGED)]
}

/// Adds the answer to `answers`, where this is about the network. Whether it
/// is.
pub(crate) fn answer(line: &[u8], answers: &mut Vec<u8>) -> bool {
    let Some(keys) = line.strip_prefix(b"GETINFO ") else { return false };
    if keys.starts_with(b"ns/all ") {
        for key in keys.split(|byte| *byte == b' ') {
            answers.extend_from_slice(&[b"250+", key, b"=\r\n"].concat());
            if key == b"ns/all" {
                answers.extend_from_slice(&hours()[0]);
            }
            answers.extend_from_slice(b".\r\n");
        }
    } else if keys == b"entry-guards" {
        answers.extend_from_slice(b"250-entry-guards=\r\n");
    } else if keys == NEW_CONSENSUS.as_bytes() {
        static LATER: AtomicBool = AtomicBool::new(false);
        let is_later = !LATER.fetch_xor(true, Ordering::SeqCst);
        answers.extend_from_slice(b"650+NEWCONSENSUS\r\n");
        answers.extend_from_slice(&hours()[usize::from(is_later)]);
        answers.extend_from_slice(b".\r\n650 OK\r\n250-newconsensus=\r\n");
    } else {
        return false;
    }
    answers.extend_from_slice(b"250 OK\r\n");
    true
}

/// The events of circuits and streams that a request is for, and the answer
/// behind them; made once, as that takes longer than to read it.
pub(crate) fn lives_asked_for(line: &[u8]) -> Option<&'static [u8]> {
    static ANSWER: OnceLock<(usize, Vec<u8>)> = OnceLock::new();
    let asked = std::str::from_utf8(line.strip_prefix(b"GETINFO lives/")?).ok()?.parse().ok()?;
    let (count, answer) = ANSWER.get_or_init(|| {
        let mut answer = Vec::new();
        for event in lives(asked) {
            answer.extend_from_slice(&[b"650 ", &*event, b"\r\n"].concat());
        }
        answer.extend_from_slice(format!("250-{}=\r\n250 OK\r\n", lives_key(asked)).as_bytes());
        (asked, answer)
    });
    assert_eq!(*count, asked, "always as many");
    Some(answer)
}

/// The entries of both hours, as a control port gives them.
fn hours() -> &'static [Vec<u8>; 2] {
    static HOURS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    HOURS.get_or_init(|| relays().map(|relays| relays.ns_all().replace('\n', "\r\n").into_bytes()))
}

/// So many events of circuits and streams, without `650` and line ends: the
/// lives of a flood again and again.
pub(crate) fn lives(count: usize) -> impl Iterator<Item = Vec<u8>> {
    static LIVES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let lives = LIVES.get_or_init(|| Flood::new().lives().map(<[u8]>::to_vec).collect());
    lives.iter().cycle().take(count).cloned()
}
