//! Keys, addresses and hashed passwords that the library makes. A real tor must
//! accept them and compute the same values.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape::control::{AddOnion, AuthError, ClientAuth, ClientAuthAdded, HashedPassword};
use scape::word::{ClientKey, OnionAddress, OnionKey};
use support::real_tor::{RealTor, password_line};

#[test]
fn onion_key_has_the_address_that_tor_computes() {
    let tor = RealTor::start("");
    let c = tor.controller();
    for _ in 0..20 {
        let key = OnionKey::random();
        let added = c.add_onion(&AddOnion::new().key(key.clone()).local_port(80)).unwrap();
        assert_eq!(added.address, key.address());
        c.del_onion(&added.address).unwrap();
    }
    // Keys that tor makes are valid too.
    for _ in 0..5 {
        let added = c.add_onion(&AddOnion::new().local_port(80)).unwrap();
        assert_eq!(added.key.unwrap().address(), added.address);
    }
}

#[test]
fn onion_addresses_that_tor_refuses_are_refused() {
    let tor = RealTor::start("");
    let c = tor.controller();
    // These addresses have a right checksum but a wrong key: zeros, a number
    // that is not a point, the point of order 2, and the neutral point.
    for text in [
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaam2dqd",
        "aiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab3did",
        "5t777777777777777777777777777777777777777777777777774ayd",
        "aeaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaahmjqd",
    ] {
        assert_eq!(c.msg(&format!("ONION_CLIENT_AUTH_VIEW {text}")).unwrap().code(), 512, "{text}");
        assert!(text.parse::<OnionAddress>().is_err(), "{text}");
    }
    let address = OnionKey::random().address();
    assert_eq!(c.onion_client_auth().get(&address).unwrap(), None);
}

#[test]
fn client_key_file_is_read_by_tor() {
    let folder = tempfile::Builder::new().permissions(private()).tempdir().unwrap();
    let (address, key) = (OnionKey::random().address(), ClientKey::random());
    std::fs::write(folder.path().join("one.auth_private"), &*key.auth_private_line(&address))
        .unwrap();
    let tor = RealTor::start(&format!("ClientOnionAuthDir {}", folder.path().display()));
    let c = tor.controller();
    let auth =
        c.onion_client_auth().get(&address).unwrap().unwrap_or_else(|| panic!("{}", tor.log()));
    assert!(auth.key == key && auth.permanent);
    // Adding the same key again with a command replaces it.
    let added = c.onion_client_auth().add(&ClientAuth::new(address, key)).unwrap();
    assert_eq!(added, ClientAuthAdded::Replaced);
}

#[test]
fn authorized_client_files_are_read_by_tor() {
    let folder = tempfile::Builder::new().permissions(private()).tempdir().unwrap();
    let service = folder.path().join("service");
    let clients = service.join("authorized_clients");
    for made in [&service, &clients] {
        std::fs::create_dir(made).unwrap();
        std::fs::set_permissions(made, private()).unwrap();
    }
    let key = ClientKey::random().public_key();
    std::fs::write(clients.join("one.auth"), key.auth_line()).unwrap();
    let lines = format!("HiddenServiceDir {}\nHiddenServicePort 80", service.display());
    let tor = RealTor::start(&lines);
    let host = std::fs::read_to_string(service.join("hostname")).unwrap();
    assert!(host.trim().parse::<OnionAddress>().is_ok(), "{host}");
    assert!(!tor.log().contains("authorized client"), "{}", tor.log());
}

fn private() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o700)
}

#[test]
fn hashed_passwords_equal_those_of_tor() {
    let long = "long ".repeat(20_000);
    for password in ["sesame", "", " ", "pässwörd \"\\", "16:AA", &long] {
        let line = password_line(password);
        let text = line.strip_prefix("HashedControlPassword ").unwrap().trim();
        let hashed: HashedPassword = text.parse().unwrap();
        assert_eq!(hashed.to_string(), text);
        assert!(hashed.verify(password) && !hashed.verify("open"), "{password:?}");
    }
}

#[test]
fn hashed_passwords_are_accepted_by_tor() {
    let passwords: [&[u8]; 4] = [b"sesame", b"", b"nul\0 and \xff", &[b'x'; 300]];
    let lines: String = passwords
        .iter()
        .map(|password| format!("HashedControlPassword {}\n", HashedPassword::new(password)))
        .collect();
    let tor = RealTor::start(&lines);
    for password in passwords {
        let connect = tor.over_tcp().password(scape::word::Secret::new(password));
        connect.connect().unwrap_or_else(|error| panic!("{password:?}: {error}"));
    }
    assert!(tor.over_tcp().password("Sesame").connect().unwrap_err().get::<AuthError>().is_some());
    // A password that is set while tor runs replaces the others.
    let c = tor.over_tcp().password("sesame").connect().unwrap();
    c.set_conf([("HashedControlPassword", HashedPassword::new("open").to_string())]).unwrap();
    tor.over_tcp().password("open").connect().unwrap();
    tor.over_tcp().password("sesame").connect().unwrap_err();
}
