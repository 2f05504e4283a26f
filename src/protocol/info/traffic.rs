//! Bytes read and written.

/// Bytes that tor has read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

impl Traffic {
    /// Bytes read, this separator, bytes written.
    pub(crate) fn parse(text: &str, separator: char) -> Option<Self> {
        let (read, written) = text.split_once(separator)?;
        Some(Traffic { read: read.parse().ok()?, written: written.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_traffic() {
        for bad in ["", "1", "1 ", "1 2 3", "-1 2", "1 x", "1,2"] {
            assert_eq!(Traffic::parse(bad, ' '), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn two_numbers_are_read(read: u64, written: u64) {
            let traffic = Some(Traffic { read, written });
            prop_assert_eq!(Traffic::parse(&format!("{read} {written}"), ' '), traffic);
            prop_assert_eq!(Traffic::parse(&format!("{read},{written}"), ','), traffic);
        }
    }
}
