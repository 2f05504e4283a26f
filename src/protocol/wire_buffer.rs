//! Bytes on their way to the wire.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A growing buffer that is wiped when it is dropped. When it grows, the memory
/// that it leaves is wiped too, unlike that of a `Vec`.
#[derive(Clone)]
pub(super) struct WireBuffer(Zeroizing<Vec<u8>>);

impl WireBuffer {
    /// An empty buffer with room for `capacity` bytes.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        WireBuffer(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Appends bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            // The old bytes are wiped here.
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

impl Deref for WireBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_holds_what_was_appended() {
        let mut buffer = WireBuffer::with_capacity(2);
        let mut expected = Vec::new();
        for part in [&b"a"[..], b"", b"bcdef", b"gh", &[b'x'; 300]] {
            buffer.extend(part);
            expected.extend_from_slice(part);
            assert_eq!(&*buffer, &*expected);
        }
    }
}
