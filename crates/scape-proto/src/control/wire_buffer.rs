//! A buffer for bytes that are about to be sent.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A growable buffer that is wiped when it is dropped. Unlike a `Vec`, it also
/// wipes the memory that it leaves when it grows.
#[derive(Clone)]
pub(super) struct WireBuffer(Zeroizing<Vec<u8>>);

impl WireBuffer {
    /// Creates an empty buffer with the given capacity.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        WireBuffer(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Appends bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            // Assigning drops the old buffer, which wipes it.
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
    fn wire_buffer_holds_appended_bytes() {
        let mut buffer = WireBuffer::with_capacity(2);
        let mut expected = Vec::new();
        for part in [&b"a"[..], b"", b"bcdef", b"gh", &[b'x'; 300]] {
            buffer.extend(part);
            expected.extend_from_slice(part);
            assert_eq!(&*buffer, &*expected);
        }
    }
}
