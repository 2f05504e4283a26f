//! A cache for values that many relays share.

use std::collections::HashMap;
use std::sync::Arc;

/// A map from texts to the values that were parsed from them. Each text is
/// parsed once, and all users of the same text share the value.
#[derive(Debug)]
pub(crate) struct Shared<T: ?Sized> {
    by_text: HashMap<Box<[u8]>, Option<Arc<T>>>,
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Shared { by_text: HashMap::new() }
    }
}

impl<T: ?Sized> Shared<T> {
    /// Returns the value that `parse` returns for `text`, or `None` if `parse`
    /// returns `None`. The result is kept, so `parse` is called only once for
    /// each text.
    pub(crate) fn get(
        &mut self,
        text: &[u8],
        parse: impl FnOnce(&[u8]) -> Option<Arc<T>>,
    ) -> Option<Arc<T>> {
        if let Some(known) = self.by_text.get(text) {
            return known.clone();
        }
        let value = parse(text);
        self.by_text.insert(text.into(), value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_one_value() {
        let mut shared = Shared::<str>::default();
        let mut parsed = 0;
        let mut get = |text: &[u8]| {
            shared.get(text, |text| {
                parsed += 1;
                Some(std::str::from_utf8(text).ok()?.into())
            })
        };
        let (one, other) = (get(b"a").unwrap(), get(b"a").unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(get(b"b").as_deref(), Some("b"));
        assert_eq!((get(b"\xff"), get(b"\xff")), (None, None));
        assert_eq!(parsed, 3);
    }
}
