//! Answers for the [fake tor](super::fake_tor) about a network as large as the
//! public one, and events of circuits and streams.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::flood::Flood;
use super::relays::{Relays, count};

/// The seed of the first hour's relays.
const SEED: u64 = 9_000;
/// The percentage of relays whose bandwidth is different in the second hour.
const CHANGED: u64 = 60;

/// A made-up key of `GETINFO`, with which a benchmark makes the fake tor send a
/// NEWCONSENSUS event before the answer.
pub(crate) const NEW_CONSENSUS: &str = "newconsensus";

/// Returns a made-up key of `GETINFO`, with which a benchmark makes the fake
/// tor send `events` events of circuits and streams before the answer.
pub(crate) fn lives_key(events: usize) -> String {
    format!("lives/{events}")
}

/// Returns the relays of two consecutive hours. The NEWCONSENSUS events
/// alternate between the two lists.
pub(crate) fn relays() -> [Relays; 2] {
    [Relays::new(count(), SEED), Relays::new(count(), SEED).next_hour(CHANGED)]
}

/// Adds the answer to `answers` if the command asks for the relays, the guards
/// or a new consensus. Returns false for other commands.
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

/// Returns the requested events of circuits and streams, followed by the
/// answer. Returns `None` if the line is another command. The events are
/// created only once, because creating them takes longer than parsing them.
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

/// Returns the consensus entries of both hours, with `\r\n` line ends.
fn hours() -> &'static [Vec<u8>; 2] {
    static HOURS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    HOURS.get_or_init(|| relays().map(|relays| relays.ns_all().replace('\n', "\r\n").into_bytes()))
}

/// Returns `count` events of circuits and streams, without `650` and line ends.
/// If a [`Flood`] contains fewer, its events are repeated.
pub(crate) fn lives(count: usize) -> impl Iterator<Item = Vec<u8>> {
    static LIVES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let lives = LIVES.get_or_init(|| Flood::new().lives().map(<[u8]>::to_vec).collect());
    lives.iter().cycle().take(count).cloned()
}
