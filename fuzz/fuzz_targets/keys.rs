//! Parses keys in the formats of files, of the configuration and of the control
//! port. A key that isn't refused must be written so that it is read as the
//! same key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape::onion::client_auth::{parse_auth_line, parse_auth_private_line};
use scape_proto::control::HashedPassword;
use scape_proto::word::{OnionAddress, OnionKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = OnionKey::from_secret_key_file(data) {
        assert_eq!(key.to_secret_key_file().as_slice(), data);
        assert_eq!(key.to_blob().parse::<OnionKey>().unwrap(), key);
    }
    if let Ok(address) = OnionAddress::from_public_key_file(data) {
        assert_eq!(address.to_public_key_file(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<OnionKey>() {
        assert_eq!(key.to_blob().parse::<OnionKey>().unwrap().address(), key.address());
    }
    if let Ok(key) = parse_auth_line(text) {
        assert_eq!(parse_auth_line(&key.auth_line()).unwrap(), key);
    }
    if let Ok((address, key)) = parse_auth_private_line(text) {
        let again = parse_auth_private_line(&key.auth_private_line(&address)).unwrap();
        assert!(again == (address, key));
    }
    if let Ok(hashed) = text.parse::<HashedPassword>() {
        assert!(hashed.to_string().parse::<HashedPassword>().is_ok());
    }
});
