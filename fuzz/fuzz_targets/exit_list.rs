//! Parses lists of exits.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::ExitList;

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (ExitList::parse(data), ExitList::parse_strict(data));
    let is_complete =
        common::begins_with(data, "Downloaded") || common::begins_with(data, "ExitNode");
    common::check(data, is_complete, &lenient, &strict, |list| list.skipped().to_vec());
    let Ok(list) = lenient else { return };
    common::use_items(list.unknown_items());
    let mut exits = 0;
    for exit in list.exits() {
        exits += 1;
        common::show(&exit);
        common::check_errors(exit.text(), exit.skipped());
        assert!(strict.is_err() || exit.skipped().is_empty());
    }
    assert_eq!(list.exits().strict().count(), exits);
    assert!(list.text().len() <= data.len());
});
