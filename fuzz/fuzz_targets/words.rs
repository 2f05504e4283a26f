//! Splits a line into words, which must contain all of the line, and checks
//! that quoted bytes are read back unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::control::{Word, Words, c_string, quoted_string, unquote};

fuzz_target!(|data: &[u8]| {
    // Read the words as values, one after the other.
    let mut words = Words::new(data);
    let mut back = Vec::new();
    loop {
        let left = words.rest().len();
        let value = words.next_value();
        let _ = (value.text(), value.parse::<u64>());
        back.extend_from_slice(value.raw());
        if words.rest().len() + value.raw().len() == left {
            break;
        }
        back.push(b' ');
    }
    assert_eq!(back, data);

    // Read the words by their kinds.
    for word in Words::new(data) {
        match word {
            Word::Bare(value) => assert!(!value.is_empty()),
            Word::Pair(key, _) => {
                assert!(
                    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                );
            }
        }
        let _ = word.to_string();
    }

    unquote(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let quoted = c_string(text);
        assert!(!quoted.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)));
        assert_eq!(unquote(quoted.as_bytes()), data);
        let line = format!("KEY={quoted} tail");
        let Some(Word::Pair("KEY", value)) = Words::new(line.as_bytes()).next() else {
            panic!("{line:?}")
        };
        assert_eq!(&*value.bytes(), data);
        assert!(quoted_string(text).len() >= text.len() + 2);
    }
});
