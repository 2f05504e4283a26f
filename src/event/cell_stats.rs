//! CELL_STATS: cells on their way through circuits.

use std::fmt;
use std::time::Duration;

use super::extra::read_pairs;
use crate::event::CellCommand;
use crate::protocol::{Value, Word, Words};
use crate::word::{CircuitId, OrConnId};

/// What went through a circuit's queues in the last second. Only with
/// `TestingEnableCellStatsEvent 1`. control-spec, event CELL_STATS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CellStats {
    /// The circuit, where it is one of tor's own (`ID`).
    pub circuit: Option<CircuitId>,
    /// The queue towards the client, where tor is a relay of the circuit
    /// (`Inbound…`).
    pub inbound: Option<CellQueue>,
    /// The queue away from the client (`Outbound…`).
    pub outbound: Option<CellQueue>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

/// What went through one queue of a circuit. The lists are in tor's order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CellQueue {
    /// The circuit's number on the connection, chosen by one of its ends
    /// (`…Queue`). It is no [`CircuitId`].
    pub queue: u32,
    /// The connection (`…Conn`).
    pub connection: OrConnId,
    /// How many cells came into the queue, by their commands (`…Added`).
    pub added: Vec<(CellCommand, u64)>,
    /// How many left it (`…Removed`).
    pub removed: Vec<(CellCommand, u64)>,
    /// How long those that left it had been in it, all together, in
    /// milliseconds (`…Time`).
    pub time: Vec<(CellCommand, Duration)>,
}

impl CellStats {
    /// Reads what follows `CELL_STATS`. `None` without a circuit and a queue.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let words = Words::new(rest);
        let mut event = CellStats {
            circuit: None,
            inbound: CellQueue::begin(words.clone(), "InboundQueue", "InboundConn"),
            outbound: CellQueue::begin(words.clone(), "OutboundQueue", "OutboundConn"),
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        let (extra, extra_words) = read_pairs(words, |key, value| event.take(key, value));
        if event.circuit.is_none() && event.inbound.is_none() && event.outbound.is_none() {
            return None;
        }
        Some(CellStats { extra, extra_words, ..event })
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        if let Some(key) = key.strip_prefix("Inbound") {
            self.inbound.as_mut()?.take(key, value)
        } else if let Some(key) = key.strip_prefix("Outbound") {
            self.outbound.as_mut()?.take(key, value)
        } else if key == "ID" {
            self.circuit = Some(value.parse()?);
            Some(())
        } else {
            None
        }
    }
}

impl CellQueue {
    /// The queue with its numbers, which tor always gives both.
    fn begin(words: Words<'_>, queue: &str, connection: &str) -> Option<Self> {
        let (mut number, mut on) = (None, None);
        for word in words {
            match word {
                Word::Pair(key, value) if key == queue => number = value.parse(),
                Word::Pair(key, value) if key == connection => on = value.parse(),
                _ => {}
            }
        }
        Some(CellQueue {
            queue: number?,
            connection: on?,
            added: Vec::new(),
            removed: Vec::new(),
            time: Vec::new(),
        })
    }

    /// Takes the value of a keyword, without its direction.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "Queue" => self.queue = value.parse()?,
            "Conn" => self.connection = value.parse()?,
            "Added" => self.added = by_command(value)?,
            "Removed" => self.removed = by_command(value)?,
            "Time" => {
                let times = by_command(value)?.into_iter();
                self.time =
                    times.map(|(command, time)| (command, Duration::from_millis(time))).collect();
            }
            _ => return None,
        }
        Some(())
    }

    /// How many cells left the queue, whatever their command.
    pub fn total_removed(&self) -> u64 {
        self.removed.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// `relay:2,create2:1`.
fn by_command(value: Value<'_>) -> Option<Vec<(CellCommand, u64)>> {
    let text = value.text();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let pair = |item: &str| {
        let (command, number) = item.split_once(':')?;
        Some((command.into(), number.parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

impl fmt::Display for CellStats {
    /// Such as `circuit 4: outbound relay:2,create_fast:1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.circuit {
            Some(circuit) => write!(f, "circuit {circuit}:")?,
            None => f.write_str("relayed circuit:")?,
        }
        for (direction, queue) in [("inbound", &self.inbound), ("outbound", &self.outbound)] {
            let Some(queue) = queue else { continue };
            write!(f, " {direction} ")?;
            for (i, (command, count)) in queue.removed.iter().enumerate() {
                write!(f, "{}{command}:{count}", if i > 0 { "," } else { "" })?;
            }
        }
        Ok(())
    }
}
