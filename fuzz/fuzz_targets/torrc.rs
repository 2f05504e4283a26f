//! Parses torrcs. Any text is parsed or refused. A parsed torrc must be written
//! as the same bytes. After a change, parsing the written torrc must give an
//! equal torrc.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::torrc::Torrc;

fuzz_target!(|data: &[u8]| {
    // The first line is a value, and the other lines are the torrc.
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (value, text) = data.split_at(end);
    let text = text.get(1..).unwrap_or_default();
    let mut torrc = match Torrc::parse(text) {
        Ok(torrc) => torrc,
        Err(error) => {
            assert!(error.line <= text.split(|byte| *byte == b'\n').count());
            return;
        }
    };
    assert_eq!(torrc.to_bytes(), text);
    let _ = format!("{torrc:?}");
    let read_again = |torrc: &Torrc| {
        let again = Torrc::parse(torrc.to_bytes()).expect("what was written can be read");
        assert_eq!(&again, torrc);
    };
    if value.contains(&0) {
        assert!(torrc.set("ContactInfo", value).is_err());
        return;
    }
    let others = torrc.entries().filter(|entry| !entry.is_named("ContactInfo")).count();
    torrc.set("ContactInfo", value).expect("any value can be written");
    read_again(&torrc);
    assert_eq!(torrc.len(), others + 1);
    let last = torrc.entries().rfind(|entry| entry.is_named("ContactInfo"));
    assert_eq!(last.map(|entry| entry.value_bytes()), Some(value));
    torrc.append("MapAddress", value).expect("any value can be written");
    read_again(&torrc);
    let group = torrc.group("HiddenServiceOptions");
    if torrc.set_group("HiddenServiceOptions", &group).is_ok() {
        read_again(&torrc);
    }
    torrc.clear("ContactInfo");
    torrc.remove_at(0);
    read_again(&torrc);
});
