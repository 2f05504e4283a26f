//! Parses addresses, keys, fingerprints, versions and IDs. A parsed value must
//! be written so that it is parsed as the same value.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use scape::transport::Address;
use scape_proto::word::{CircuitId, ClientKey, ClientPublicKey, CountryCode, Fingerprint, OnionAddress, OnionKey, OrConnId, RelayName, StreamId, Version};
use scape_proto::event::{ConfluxId, EventKind};
use scape_proto::netdoc::{DescriptorDigest, ExitPolicy};
use scape_proto::control::Signal;
use scape_proto::info::{ListenerAddress, LocalTime};

fn there_and_back<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string().parse::<T>().ok(), Some(value)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    there_and_back::<OnionAddress>(text);
    there_and_back::<Fingerprint>(text);
    there_and_back::<Version>(text);
    there_and_back::<CircuitId>(text);
    there_and_back::<StreamId>(text);
    there_and_back::<ConfluxId>(text);
    there_and_back::<OrConnId>(text);
    there_and_back::<Address>(text);
    there_and_back::<ClientPublicKey>(text);
    there_and_back::<CountryCode>(text);
    there_and_back::<DescriptorDigest>(text);
    there_and_back::<ExitPolicy>(text);
    there_and_back::<ListenerAddress>(text);
    there_and_back::<LocalTime>(text);

    if let Ok(address) = text.parse::<OnionAddress>() {
        assert_eq!(OnionAddress::from_public_key(*address.public_key()), Ok(address));
        assert_eq!(address.service_id().len(), 56);
    }
    if let Ok(key) = text.parse::<OnionKey>() {
        let again: OnionKey = key.to_blob().parse().expect("what was written is read");
        assert_eq!(again.expose(), key.expose());
        assert!(!format!("{key:?}").contains(&text[11..]));
    }
    if let Ok(key) = text.parse::<ClientKey>() {
        for written in [key.to_blob(), key.to_base32()] {
            assert_eq!(written.parse::<ClientKey>().ok().as_ref(), Some(&key));
        }
        assert_eq!(format!("{key:?}"), "ClientKey([redacted])");
    }
    if let (Ok(a), Ok(b)) = (text.parse::<Version>(), "0.4.9.11".parse::<Version>()) {
        assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }
    // Open sets keep what they do not know.
    assert_eq!(EventKind::from(text).as_str(), text);
    assert_eq!(Signal::from(text).as_str(), text);
    let _ = (Signal::from(text).canonical(), RelayName::from(text).to_string());
});
