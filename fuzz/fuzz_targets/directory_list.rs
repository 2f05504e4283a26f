//! Parses lists of directory authorities and fallback directories.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{DirectoryAuthority, DirectoryList, FallbackDirectory};

fuzz_target!(|data: &[u8]| {
    let list = DirectoryList::parse(data);
    common::show(&list);
    for (name, _) in list.headers().iter().take(9) {
        assert!(list.header(name).is_some());
    }
    assert_eq!(list.text(), data);
    for authority in list.authorities() {
        match authority {
            Ok(authority) => check_authority(&authority),
            Err(error) => common::check_errors(data, [&error]),
        }
    }
    for fallback in list.fallbacks() {
        match fallback {
            Ok(fallback) => check_fallback(fallback),
            Err(error) => common::check_errors(data, [&error]),
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<DirectoryAuthority>() {
        Ok(authority) => check_authority(&authority),
        Err(error) => drop((error.to_string(), error.problem())),
    }
    match text.parse::<FallbackDirectory>() {
        Ok(fallback) => check_fallback(fallback),
        Err(error) => drop((error.to_string(), error.problem())),
    }
});

fn check_authority(authority: &DirectoryAuthority) {
    assert_eq!(authority.to_string().parse().as_ref(), Ok(authority));
}

/// Checks that parsing the text of a fallback directory gives the same values.
/// Values that a list has only in comments are not compared, because the text
/// doesn't have them.
fn check_fallback(mut fallback: FallbackDirectory) {
    fallback.nickname = None;
    fallback.caches_extra_info = None;
    assert_eq!(fallback.to_string().parse().as_ref(), Ok(&fallback));
}
