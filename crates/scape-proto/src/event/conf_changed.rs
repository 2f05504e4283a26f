//! The CONF_CHANGED event: configuration options with new values.

use std::fmt;

use super::shown::InOneLine;
use crate::control::{ConfLine, REDACTED, Reply, is_secret_option, parse_conf_line};

/// Options whose values changed, because a controller set them or because tor
/// reread its torrc. See control-spec, event CONF_CHANGED.
///
/// `Debug` and `Display` don't show the values of secret options.
///
/// ```
/// # use std::time::SystemTime;
/// use scape_proto::event::{Event, EventBody};
/// # use scape_proto::control::Decoder;
/// # let mut decoder = Decoder::default();
/// # decoder.feed(b"650-CONF_CHANGED\r\n650-Nickname=relay01\r\n650-ContactInfo\r\n650 OK\r\n");
/// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
/// // 650-CONF_CHANGED
/// // 650-Nickname=relay01
/// // 650-ContactInfo
/// // 650 OK
/// let EventBody::ConfChanged(changed) = event.body() else { panic!("{event}") };
/// assert!(changed.values("nickname").eq(["relay01"]));
/// assert!(changed.contains("ContactInfo")); // it has no value any more
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ConfChangedEvent")]
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ConfChanged {
    /// The changed options, in tor's order and spelling, with the values that
    /// GETCONF returns.
    ///
    /// A list option appears once for each of its values. An option without a
    /// value was emptied. A group of options, such as the SOCKS ports, appears
    /// under the names of the group's members. If a whole group was emptied, it
    /// appears under the group's name instead, such as `SocksPortLines` or
    /// `HiddenServiceOptions`.
    pub options: Vec<ConfLine>,
}

impl ConfChanged {
    /// Parses the whole event: its name, a line for each value, and `OK`.
    /// Returns `None` if the event has another format.
    pub(super) fn parse(reply: &Reply) -> Option<Self> {
        if reply.len() < 2 || reply.last().text != b"OK" {
            return None;
        }
        let lines = reply.lines().skip(1).take(reply.len() - 2);
        Some(ConfChanged { options: lines.map(|line| parse_conf_line(line.text)).collect() })
    }

    /// Returns the new values of an option, in order. The case of the name is
    /// ignored.
    ///
    /// Returns no values if the option was emptied or didn't change. Use
    /// [`contains`](Self::contains) to tell these two cases apart.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650-CONF_CHANGED\r\n650-SocksPort=9050\r\n650-SocksPort=9150\r\n");
    /// # decoder.feed(b"650 OK\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650-CONF_CHANGED
    /// // 650-SocksPort=9050
    /// // 650-SocksPort=9150
    /// // 650 OK
    /// let EventBody::ConfChanged(changed) = event.body() else { panic!("{event}") };
    /// let ports: Vec<&str> = changed.values("SocksPort").collect();
    /// assert_eq!(ports, ["9050", "9150"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |line: &&ConfLine| line.name.eq_ignore_ascii_case(name);
        self.options.iter().filter(named).filter_map(|line| line.value.as_deref())
    }

    /// Returns true if an option got a new value or was emptied. The case of
    /// the name is ignored.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650-CONF_CHANGED\r\n650-Nickname=relay01\r\n650 OK\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650-CONF_CHANGED
    /// // 650-Nickname=relay01
    /// // 650 OK
    /// let EventBody::ConfChanged(changed) = event.body() else { panic!("{event}") };
    /// assert!(changed.contains("nickname"));
    /// assert!(!changed.contains("ContactInfo"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contains(&self, name: &str) -> bool {
        self.options.iter().any(|line| line.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for ConfChanged {
    /// Writes a short description, such as `Nickname=relay01, ContactInfo`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        for (i, line) in self.options.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { ", " } else { "" }, line.name)?;
            match &line.value {
                Some(_) if is_secret_option(&line.name) => write!(f, "={REDACTED}")?,
                Some(value) => write!(f, "={value}")?,
                None => {}
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ConfChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfChanged({:?})", self.to_string())
    }
}
