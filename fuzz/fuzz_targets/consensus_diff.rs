//! Parses consensus diffs, and applies them to a base. The result must be that
//! of a simple second implementation in this file.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{ApplyDiffError, ConsensusDiff};
use sha3::{Digest, Sha3_256};

fuzz_target!(|data: &[u8]| {
    if let Ok(diff) = ConsensusDiff::parse(data) {
        common::show(&diff);
        assert!(data.ends_with(diff.text()) || data.contains(&b'@'));
        let _ = diff.apply(data);
    }
    // From here on, the digests are right, so that the commands are applied.
    let (base, commands) = common::split_at_byte(data, 0);
    if commands.starts_with(b"@") || commands.windows(2).any(|two| two == b"\n@") {
        // The next annotation in a file ends the diff.
        return;
    }
    let expected = apply(base, commands);
    let digest = hex(&Sha3_256::digest(base));
    let result_digest = hex(&Sha3_256::digest(expected.as_deref().unwrap_or_default()));
    let head = format!("network-status-diff-version 1\nhash {digest} {result_digest}\n");
    let text = [head.as_bytes(), commands].concat();
    match ConsensusDiff::parse(&text) {
        Ok(diff) => match diff.apply(base) {
            Ok(result) => {
                assert!(result.len() <= base.len() + text.len());
                assert_eq!(Some(result), expected);
            }
            Err(ApplyDiffError::BaseDigest) => assert!(base.contains(&b'\n')),
            Err(_) => assert_eq!(expected, None),
        },
        Err(error) => {
            common::check_errors(&text, [&error]);
            assert_eq!(expected, None, "{error}");
        }
    }
});

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The second implementation: applies a diff's commands one after the other.
/// Returns `None` if one of them is malformed or can't be applied.
fn apply(base: &[u8], commands: &[u8]) -> Option<Vec<u8>> {
    let mut lines: Vec<&[u8]> = base.split_inclusive(|b| *b == b'\n').collect();
    let mut rest = commands.split_inclusive(|b| *b == b'\n');
    if lines.last().is_some_and(|line| !line.ends_with(b"\n")) {
        return None;
    }
    let mut lowest = usize::MAX;
    // `$` stands for the last line of the base.
    let count = lines.len();
    while let Some(line) = rest.next() {
        let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
        let (range, letter) = line.split_at_checked(line.len().checked_sub(1)?)?;
        let number = |text: &str| {
            let is_number =
                (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            let number: u64 = text.parse().ok().filter(|_| is_number)?;
            usize::try_from(u32::try_from(number).ok()?).ok()
        };
        let (first, last) = match range.split_once(',') {
            None => (number(range)?, number(range)?),
            Some((first, "$")) if letter == "d" => (number(first)?, usize::MAX),
            Some((first, last)) => {
                (number(first)?, number(last).filter(|last| Some(*last) > number(first))?)
            }
        };
        let mut block = Vec::new();
        if letter == "a" || letter == "c" {
            loop {
                let line = rest.next()?;
                if line == b".\n" {
                    break;
                }
                block.push(line);
            }
            if block.is_empty() || !block.iter().all(|line| line.ends_with(b"\n")) {
                return None;
            }
        }
        let (kept, dropped) = match letter {
            "a" if !range.contains(',') => (first, first),
            "c" | "d" => (first.checked_sub(1)?, last),
            _ => return None,
        };
        if dropped > lowest {
            return None;
        }
        lowest = kept;
        if dropped == usize::MAX && kept >= count {
            return None;
        }
        let dropped = if dropped == usize::MAX { count } else { dropped };
        if dropped > count {
            return None;
        }
        lines.splice(kept..dropped, block);
    }
    Some(lines.concat())
}
