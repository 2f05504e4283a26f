//! Numbers of bytes read and written.

/// The number of bytes that tor read and the number of bytes that tor wrote. In
/// the value of `accounting/bytes-left`, these are the bytes that tor may still
/// read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Traffic {
    /// The number of bytes that tor read, or that it may still read.
    pub read: u64,
    /// The number of bytes that tor wrote, or that it may still write.
    pub written: u64,
}

impl Traffic {
    /// Creates a value from the number of bytes read and the number of bytes
    /// written.
    ///
    /// ```
    /// use scape_proto::info::Traffic;
    ///
    /// let traffic = Traffic::new(1024, 512);
    /// assert_eq!((traffic.read, traffic.written), (1024, 512));
    /// ```
    pub fn new(read: u64, written: u64) -> Self {
        Traffic { read, written }
    }

    /// Parses the number of bytes read and the number of bytes written, with
    /// `separator` between them. Returns `None` if the text is malformed.
    ///
    /// ```
    /// use scape_proto::info::Traffic;
    ///
    /// assert_eq!(Traffic::parse("1024 512", ' '), Some(Traffic::new(1024, 512)));
    /// assert_eq!(Traffic::parse("1024", ' '), None);
    /// ```
    pub fn parse(text: &str, separator: char) -> Option<Self> {
        let (read, written) = text.split_once(separator)?;
        Some(Traffic { read: read.parse().ok()?, written: written.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_traffic_is_none() {
        for bad in ["", "1", "1 ", "1 2 3", "-1 2", "1 x", "1,2"] {
            assert_eq!(Traffic::parse(bad, ' '), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn traffic_is_two_numbers(read: u64, written: u64) {
            let traffic = Some(Traffic { read, written });
            prop_assert_eq!(Traffic::parse(&format!("{read} {written}"), ' '), traffic);
            prop_assert_eq!(Traffic::parse(&format!("{read},{written}"), ','), traffic);
        }
    }
}
