//! The CELL_STATS event: cells in circuit queues.

use std::fmt;
use std::time::Duration;

use super::extra::read_pairs;
use super::shown::InOneLine;
use crate::control::{Value, Word, Words};
use crate::event::CellCommand;
use crate::word::{CircuitId, OrConnId};

/// The cells that passed through a circuit's queues in the last second. See
/// control-spec, event CELL_STATS.
///
/// tor sends this event only with the option `TestingEnableCellStatsEvent 1`.
#[doc(alias = "CellStatsEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CellStats {
    /// The circuit's id (`ID`). `None` if tor only relays the circuit for
    /// another client.
    pub circuit: Option<CircuitId>,
    /// The queue towards the client (`Inbound…`). Only a relay on the circuit
    /// has this queue. `None` if the event doesn't name this queue.
    pub inbound: Option<CellQueue>,
    /// The queue away from the client (`Outbound…`). `None` if the event
    /// doesn't name this queue.
    pub outbound: Option<CellQueue>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

/// Statistics about one queue of a circuit. Each list has one element for each
/// kind of cell, in tor's order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CellQueue {
    /// The circuit's number on the connection, chosen by one end of the
    /// connection (`…Queue`). This isn't a [`CircuitId`].
    pub queue: u32,
    /// The connection's id (`…Conn`).
    pub connection: OrConnId,
    /// The number of cells that entered the queue, by command (`…Added`).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub added: Vec<(CellCommand, u64)>,
    /// The number of cells that left the queue, by command (`…Removed`).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub removed: Vec<(CellCommand, u64)>,
    /// The total time that the removed cells had spent in the queue, by command
    /// (`…Time`, milliseconds).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::durations"))]
    pub time: Vec<(CellCommand, Duration)>,
}

impl CellStats {
    /// Parses the text after `CELL_STATS`. Returns `None` if there is neither a
    /// circuit nor a queue.
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

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown, the value can't be parsed, or the
    /// argument is about a queue that the event doesn't name.
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
    /// Creates the statistics of a queue from the two arguments that name the
    /// queue and its connection. tor always sends both or neither. Returns
    /// `None` if one of them is missing or malformed.
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

    /// Stores the value of a keyword argument in the matching field. The key is
    /// passed without its prefix `Inbound` or `Outbound`. Returns `None` if the
    /// keyword is unknown or the value can't be parsed.
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

    /// Returns the number of cells that left the queue, for all commands
    /// together.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 CELL_STATS ID=4 OutboundQueue=7 OutboundConn=15 \
    /// #     OutboundRemoved=relay:2,create2:1\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650 CELL_STATS ID=4 OutboundQueue=7 OutboundConn=15 OutboundRemoved=relay:2,create2:1
    /// let EventBody::CellStats(stats) = event.body() else { panic!("{event}") };
    /// let queue = stats.outbound.as_ref().expect("the event names this queue");
    /// assert_eq!(queue.total_removed(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn total_removed(&self) -> u64 {
        self.removed.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// Parses a list such as `relay:2,create2:1`. Returns `None` if an item is
/// malformed.
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
    /// Writes a short description, such as
    /// `circuit 4: outbound relay:2,create_fast:1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        match self.circuit {
            Some(circuit) => write!(f, "circuit {circuit}:")?,
            None => write!(f, "relayed circuit:")?,
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
