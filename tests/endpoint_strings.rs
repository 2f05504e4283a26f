//! Endpoint strings: parsing, display, errors, and the protection of secrets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../crates/scape-proto/tests/support/cases.rs"]
mod cases;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Union;
use scape::endpoint::{ClientEndpoint, Endpoint, EndpointError, EndpointProblem, OnionEndpoint};
use scape::transport::Address;
use scape::word::{ClientPublicKey, OnionKey};

const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const CLIENT: &str = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";

fn client(text: &str) -> ClientEndpoint {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn onion(text: &str) -> OnionEndpoint {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn to(host: &str, port: u16) -> ClientEndpoint {
    ClientEndpoint::new(host, port).unwrap()
}

fn at(port: u16) -> OnionEndpoint {
    OnionEndpoint::new(port).unwrap()
}

fn key() -> OnionKey {
    OnionKey::from_seed(&[7; 32])
}

#[test]
fn client_endpoints_are_parsed_and_displayed() {
    let cases = [
        ("tor:example.com:80", to("example.com", 80), ""),
        ("TOR:Example.com:80", to("Example.com", 80), "tor:Example.com:80"),
        ("tor:host=example.com:port=80", to("example.com", 80), "tor:example.com:80"),
        ("tor:[2001:DB8::1]:80", to("2001:db8::1", 80), "tor:[2001:db8::1]:80"),
        (r"tor:2001\:db8\:\:1:80", to("[2001:db8::1]", 80), "tor:[2001:db8::1]:80"),
        ("tor:192.0.2.1:443:tls=yes", to("192.0.2.1", 443).tls(), "tor:192.0.2.1:443:tls=true"),
        ("tor:a:1:controlPort=9051", to("a", 1).control_port(9051), ""),
        (
            "tor:a:1:CONTROLPORT=9051:tls=false:isolate=0",
            to("a", 1).control_port(9051),
            "tor:a:1:controlPort=9051",
        ),
        (
            r"tor:a:1:controlPort=unix\:/run/tor/control",
            to("a", 1).control_port(PathBuf::from("/run/tor/control")),
            "",
        ),
        (
            "tor:a:1:controlPort=/run/tor/control",
            to("a", 1).control_port(PathBuf::from("/run/tor/control")),
            r"tor:a:1:controlPort=unix\:/run/tor/control",
        ),
        (
            r"tor:a:1:socksPort=[::1]\:9050",
            to("a", 1).socks_port("[::1]:9050".parse::<Address>().unwrap()),
            "",
        ),
        (
            "tor:a:1:socksHostname=localhost:socksPort=9050",
            to("a", 1).socks_port(Address::tcp("localhost", 9050).unwrap()),
            r"tor:a:1:socksPort=localhost\:9050",
        ),
        (
            "tor:a:1:isolate=true:timeout=2.50",
            to("a", 1).isolate().timeout(Duration::from_millis(2500)),
            "tor:a:1:isolate=true:timeout=2.5",
        ),
        (
            "tor:127.0.0.1:80:allowPrivate=1",
            to("127.0.0.1", 80).allow_private_addresses(true),
            "tor:127.0.0.1:80:allowPrivate=true",
        ),
    ];
    for (text, expected, shown) in cases {
        let shown = if shown.is_empty() { text } else { shown };
        assert_eq!(client(text), expected, "{text}");
        assert_eq!(expected.to_string(), shown);
        assert_eq!(client(shown), expected);
        assert_eq!(shown.parse(), Ok(Endpoint::from(expected)));
    }
    assert_eq!(client(&format!("tor:{ONION}:80")).host(), ONION);
    assert_eq!(client(&format!("tor:{ONION}.:80")).host(), ONION);
    assert_eq!(client("tor:[::1]:80").host(), "::1");
    assert_eq!(client("tor:127.0.0.1.:80").host(), "127.0.0.1");
}

#[test]
fn onion_endpoints_are_parsed_and_displayed() {
    let client: ClientPublicKey = CLIENT.parse().unwrap();
    let cases = [
        ("onion:80".to_owned(), at(80), ""),
        ("onion:port=80:version=3".into(), at(80), "onion:80"),
        ("onion:public_port=80".into(), at(80), "onion:80"),
        ("onion:80,443".into(), at(80).and_port(443).unwrap(), ""),
        ("onion:80:localPort=8080".into(), at(80).local_port(8080), ""),
        (
            "onion:80:localAddress=[::1]:localPort=8080".into(),
            at(80).local_port(8080).local_address("::1".parse().unwrap()),
            "onion:80:localPort=8080:localAddress=[::1]",
        ),
        ("onion:80:unixSocket=/run/site".into(), at(80).unix_socket("/run/site"), ""),
        ("onion:80:controlPort=9051".into(), at(80).control_port(9051), ""),
        (
            "onion:80:hiddenServiceDir=/var/lib/tor/site".into(),
            at(80).hidden_service_dir("/var/lib/tor/site"),
            "",
        ),
        (
            r"onion:80:privateKeyFile=C\:\\keys\\site".into(),
            at(80).private_key_file(r"C:\keys\site"),
            "",
        ),
        (
            "onion:80:singleHop=true:detach=true:pow=true".into(),
            at(80).single_hop().detach().proof_of_work(),
            "",
        ),
        (
            format!("onion:80:client={CLIENT}:client={CLIENT}"),
            at(80).client(client).client(client),
            "",
        ),
        (
            "onion:80:maxStreams=0:timeout=1".into(),
            at(80).max_streams(0).timeout(Duration::from_secs(1)),
            "",
        ),
        ("ONION:80:POW=yes".into(), at(80).proof_of_work(), "onion:80:pow=true"),
    ];
    for (text, expected, shown) in cases {
        let shown = if shown.is_empty() { &text } else { shown };
        assert_eq!(onion(&text), expected, "{text}");
        assert_eq!(expected.to_string(), shown);
        assert_eq!(onion(shown), expected);
        assert_eq!(shown.parse(), Ok(Endpoint::from(expected)));
    }
    assert_eq!(onion("onion:80,443").ports(), [80, 443]);
}

#[test]
fn endpoint_key_is_parsed_in_both_forms() {
    let blob = key().to_blob();
    let base64 = blob.trim_start_matches("ED25519-V3:");
    for text in [
        format!("onion:80:privateKey={base64}"),
        format!(r"onion:80:privateKey=ED25519-V3\:{base64}"),
    ] {
        assert_eq!(onion(&text), at(80).private_key(key()));
        assert_eq!(onion(&text.replace("==", "")), at(80).private_key(key()));
    }
    assert_ne!(at(80).private_key(key()), at(80).private_key(OnionKey::from_seed(&[8; 32])));
    assert_ne!(at(80).private_key(key()), at(80));
}

#[test]
fn endpoint_secrets_are_not_displayed() {
    let blob = key().to_blob();
    let base64 = blob.trim_start_matches("ED25519-V3:");
    let with_key = at(80).private_key(key());
    let with_password = to("a", 1).credentials("me", "sesame:open").unwrap();
    assert_eq!(with_key.to_string(), "onion:80:privateKey=[redacted]");
    assert_eq!(with_password.to_string(), "tor:a:1:socksUsername=me:socksPassword=[redacted]");
    assert!(!format!("{with_key:?}").contains(base64));
    assert!(!format!("{with_password:?}").contains("sesame"));

    // A redacted string doesn't parse as another endpoint.
    for shown in [with_key.to_string(), with_password.to_string()] {
        let error = shown.parse::<Endpoint>().unwrap_err();
        assert!(error.to_string().contains("was redacted"), "{error}");
    }
    // The exposed string parses as the same endpoint.
    assert_eq!(onion(&with_key.expose()), with_key);
    assert_eq!(*with_password.expose(), r"tor:a:1:socksUsername=me:socksPassword=sesame\:open");
    assert_eq!(client(&with_password.expose()), with_password);
    assert_eq!(Endpoint::from(with_key.clone()).expose(), with_key.expose());
}

/// Checks every mistake that a user of the strings may make, with the option
/// and the position that the error reports.
#[test]
fn endpoint_mistakes_are_reported_with_option_and_position() {
    use EndpointProblem::{
        Conflict, Doubled, Empty, Escape, Invalid, Kind, Missing, Needs, OtherKind, Unknown,
        Unnamed,
    };
    let some = || Invalid("".into());
    let cases: &[(&str, EndpointProblem, Option<&str>, usize)] = &[
        ("example.com:80", Kind, None, 0),
        ("http://example.com/", Kind, None, 0),
        ("", Kind, None, 0),
        ("tor", Missing, Some("host"), 3),
        ("tor:example.com", Missing, Some("port"), 15),
        ("tor::80", Empty, None, 4),
        ("tor:host=:80", Empty, Some("host"), 4),
        ("tor:a:http", some(), Some("port"), 6),
        ("tor:a:0", some(), Some("port"), 6),
        ("tor:a:99999", some(), Some("port"), 6),
        ("tor:a b:80", some(), Some("host"), 4),
        (r"tor:http\://example.com:80", some(), Some("host"), 4),
        ("tor:a@example.com:80", some(), Some("host"), 4),
        ("tor:abc%2Eonion:80", some(), Some("host"), 4),
        ("tor:relay.exit:80", some(), Some("host"), 4),
        ("tor:bücher.example:80", some(), Some("host"), 4),
        // Without brackets, the colons of an address separate options.
        ("tor:2001:db8::1:80", Empty, None, 13),
        ("tor:2001:db8:1:80", Unnamed { known: vec![] }, None, 13),
        ("tor:a:1:controlPort=unix:/run/tor/control", Unnamed { known: vec![] }, None, 25),
        ("tor:a:1:controlPort=localhost", some(), Some("controlPort"), 8),
        (r"tor:a:1:controlPort=\run\tor", Escape, None, 20),
        ("tor:a:1:speed=9", Unknown { known: vec![] }, None, 8),
        ("tor:a:1:timeout=5:timeout=6", Doubled, Some("timeout"), 18),
        ("tor:a:1:timeout=0", some(), Some("timeout"), 8),
        ("tor:a:1:timeout=soon", some(), Some("timeout"), 8),
        ("tor:a:1:tls=perhaps", some(), Some("tls"), 8),
        ("tor:a:1:socksUsername=me", Needs { other: "socksPassword" }, Some("socksUsername"), 8),
        ("tor:a:1:socksPassword=me", Needs { other: "socksUsername" }, Some("socksPassword"), 8),
        ("tor:a:1:socksHostname=me", Needs { other: "socksPort" }, Some("socksHostname"), 8),
        (
            "tor:a:1:isolate=1:socksUsername=u:socksPassword=p",
            Conflict { with: "isolate" },
            Some("socksUsername"),
            18,
        ),
        (
            "tor:a:1:controlPort=9051:socksPort=9050",
            Conflict { with: "controlPort" },
            Some("socksPort"),
            25,
        ),
        ("tor:a:1:socksUsername=<torS0X>x:socksPassword=p", some(), Some("socksUsername"), 8),
        ("onion:", Empty, None, 6),
        ("onion", Missing, Some("port"), 5),
        ("onion:0", some(), Some("port"), 6),
        ("onion:80,", some(), Some("port"), 6),
        ("onion:80,80", Doubled, Some("port"), 6),
        ("onion:80:8080", Unnamed { known: vec![] }, None, 9),
        ("onion:80:localPort=99999", some(), Some("localPort"), 9),
        ("onion:80:localAddress=localhost", some(), Some("localAddress"), 9),
        (
            "onion:80:localPort=1:unixSocket=/x",
            Conflict { with: "localPort" },
            Some("unixSocket"),
            21,
        ),
        (
            "onion:80:privateKey=x:privateKeyFile=y",
            Conflict { with: "privateKeyFile" },
            Some("privateKey"),
            9,
        ),
        (
            "onion:80:hiddenServiceDir=x:privateKeyFile=y",
            Conflict { with: "hiddenServiceDir" },
            Some("privateKeyFile"),
            28,
        ),
        (
            "onion:80:hiddenServiceDir=x:detach=1",
            Conflict { with: "detach" },
            Some("hiddenServiceDir"),
            9,
        ),
        (
            "onion:80:client=x:hiddenServiceDir=x",
            Conflict { with: "client" },
            Some("hiddenServiceDir"),
            18,
        ),
        ("onion:80:version=2", some(), Some("version"), 9),
        ("onion:80:client=alice", some(), Some("client"), 9),
        ("onion:80:maxStreams=-1", some(), Some("maxStreams"), 9),
        ("onion:80:privateKeyFile=~/key", some(), Some("privateKeyFile"), 9),
        (r"onion:80:privateKey=RSA1024\:AAAA", some(), Some("privateKey"), 9),
    ];
    for (text, problem, option, position) in cases {
        let error = text.parse::<Endpoint>().unwrap_err();
        let same = std::mem::discriminant(error.problem()) == std::mem::discriminant(problem);
        assert!(same, "{text}: {error}");
        if matches!(problem, Conflict { .. } | Needs { .. }) {
            assert_eq!(error.problem(), problem, "{text}");
        }
        assert_eq!(error.option(), *option, "{text}: {error}");
        assert_eq!(error.position(), Some(*position), "{text}: {error}");
    }
    assert_eq!(
        "onion:80".parse::<ClientEndpoint>().unwrap_err().problem(),
        &OtherKind { needed: "tor" }
    );
    assert_eq!(
        "tor:a:80".parse::<OnionEndpoint>().unwrap_err().problem(),
        &OtherKind { needed: "onion" }
    );
    let other = ClientEndpoint::try_from(Endpoint::from(at(80))).unwrap_err();
    assert_eq!((other.problem(), other.position()), (&OtherKind { needed: "tor" }, None));
}

#[test]
fn unknown_endpoint_option_error_lists_the_known_ones() {
    let error = "onion:80:localport8080=1".parse::<Endpoint>().unwrap_err().to_string();
    assert!(
        error.starts_with("endpoint, at byte 9: unknown option; the options are port, localPort, "),
        "{error}"
    );
}

#[test]
fn endpoints_made_in_code_are_checked() {
    for host in ["", "a b", "a\r\n", "ü"] {
        assert!(ClientEndpoint::new(host, 80).is_err(), "{host:?}");
    }
    assert_eq!(ClientEndpoint::new("a", 0).unwrap_err().option(), Some("port"));
    assert_eq!(OnionEndpoint::new(0).unwrap_err().option(), Some("port"));
    assert_eq!(at(80).and_port(80).unwrap_err().problem(), &EndpointProblem::Doubled);
    assert_eq!(to("a", 1).credentials("", "p").unwrap_err().option(), Some("socksUsername"));
    assert_eq!(to("a", 1).credentials("u", "").unwrap_err().option(), Some("socksPassword"));
    // Of two settings that exclude each other, the later one counts.
    assert_eq!(to("a", 1).socks_port(9050).control_port(9051), to("a", 1).control_port(9051));
    assert_eq!(
        to("a", 1).isolate().credentials("u", "p").unwrap(),
        to("a", 1).credentials("u", "p").unwrap()
    );
    assert_eq!(at(80).unix_socket("/x").local_port(1), at(80).local_port(1));
    assert_eq!(at(80).local_port(0), at(80));
}

/// Generates a text for a name, a path or a password. It may contain all
/// characters with a special meaning in endpoint strings.
fn text() -> impl Strategy<Value = String> {
    Union::new([
        r"[a-z\[\]:=\\,.%/1-9][a-zA-Z0-9\[\]:=\\,.%/~ -]{0,20}".boxed(),
        r"[^\x00~]\PC{0,20}".boxed(),
    ])
    .prop_filter("not the sign of a secret that is not shown", |text| text != "[redacted]")
}

fn address() -> impl Strategy<Value = Address> {
    Union::new([
        (any::<IpAddr>(), 1..=u16::MAX).prop_map(Address::from).boxed(),
        (1..=u16::MAX).prop_map(Address::from).boxed(),
        ("[a-z][a-z0-9-]{0,10}", 1..=u16::MAX)
            .prop_map(|(h, p)| Address::tcp(&h, p).unwrap())
            .boxed(),
        text().prop_map(|path| Address::Unix(path.into())).boxed(),
    ])
}

fn time() -> impl Strategy<Value = Duration> {
    any::<Duration>().prop_filter("not zero", |time| !time.is_zero())
}

fn any_client() -> impl Strategy<Value = ClientEndpoint> {
    let host = Union::new([
        any::<IpAddr>().prop_map(|ip| ip.to_string()).boxed(),
        r"([a-zA-Z0-9_-]{1,12}\.){0,3}[a-zA-Z][a-zA-Z0-9-]{0,8}\.?".boxed(),
        // These hosts look like a number or an address.
        r"[a1.]{1,12}"
            .prop_filter("a host", |host: &String| ClientEndpoint::new(host, 1).is_ok())
            .boxed(),
    ]);
    let which = prop::option::of((any::<bool>(), address()));
    let sharing = prop::option::of(prop::option::of((text(), text())));
    (host, 1..=u16::MAX, which, sharing, prop::option::of(time()), any::<(bool, bool)>()).prop_map(
        |(host, port, which, sharing, time, (tls, private))| {
            let mut endpoint = to(&host, port);
            endpoint = match which {
                None => endpoint,
                Some((true, address)) => endpoint.control_port(address),
                Some((false, address)) => endpoint.socks_port(address),
            };
            endpoint = match sharing {
                None => endpoint,
                Some(None) => endpoint.isolate(),
                Some(Some((user, password))) => endpoint.credentials(&user, &password).unwrap(),
            };
            endpoint = time.into_iter().fold(endpoint, ClientEndpoint::timeout);
            endpoint = if tls { endpoint.tls() } else { endpoint };
            endpoint.allow_private_addresses(private)
        },
    )
}

#[derive(Debug, Clone)]
enum Identity {
    New,
    Key([u8; 32]),
    File(String),
    Directory(String),
}

fn any_onion() -> impl Strategy<Value = OnionEndpoint> {
    let ports = prop::collection::hash_set(1..=u16::MAX, 1..4);
    let local = (any::<u16>(), prop::option::of(any::<IpAddr>()), prop::option::of(text()));
    let identity = prop_oneof![
        Just(Identity::New),
        any::<[u8; 32]>().prop_map(Identity::Key),
        text().prop_map(Identity::File),
        text().prop_map(Identity::Directory),
    ];
    let clients = prop::collection::vec(any::<[u8; 32]>(), 0..3);
    let rest =
        (any::<(bool, bool)>(), any::<Option<u16>>(), any::<bool>(), prop::option::of(time()));
    (ports, local, prop::option::of(address()), identity, clients, rest).prop_map(
        |(ports, (port, address, socket), control, identity, clients, rest)| {
            let mut ports = ports.into_iter();
            let mut endpoint = at(ports.next().unwrap());
            endpoint = ports.fold(endpoint, |endpoint, port| endpoint.and_port(port).unwrap());
            endpoint = endpoint.local_port(port);
            endpoint = address.into_iter().fold(endpoint, OnionEndpoint::local_address);
            endpoint = socket.into_iter().fold(endpoint, OnionEndpoint::unix_socket);
            endpoint = control.into_iter().fold(endpoint, OnionEndpoint::control_port);
            let directory = matches!(identity, Identity::Directory(_));
            endpoint = match identity {
                Identity::New => endpoint,
                Identity::Key(seed) => endpoint.private_key(OnionKey::from_seed(&seed)),
                Identity::File(path) => endpoint.private_key_file(path),
                Identity::Directory(path) => endpoint.hidden_service_dir(path),
            };
            endpoint = clients
                .into_iter()
                .filter(|_| !directory)
                .map(ClientPublicKey::from_bytes)
                .fold(endpoint, OnionEndpoint::client);
            let ((single_hop, detach), streams, pow, time) = rest;
            endpoint = if single_hop { endpoint.single_hop() } else { endpoint };
            endpoint = if detach && !directory { endpoint.detach() } else { endpoint };
            endpoint = streams.into_iter().fold(endpoint, OnionEndpoint::max_streams);
            endpoint = if pow { endpoint.proof_of_work() } else { endpoint };
            time.into_iter().fold(endpoint, OnionEndpoint::timeout)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases::cases(512), ..ProptestConfig::default() })]

    #[test]
    fn random_endpoints_are_parsed_back(
        endpoint in prop_oneof![
            any_client().prop_map(Endpoint::from),
            any_onion().prop_map(Endpoint::from)
        ]
    ) {
        let text = endpoint.expose();
        prop_assert_eq!(text.parse::<Endpoint>(), Ok(endpoint.clone()), "{}", *text);
        let shown = endpoint.to_string();
        if shown == *text {
            prop_assert!(!shown.contains("redacted"));
        } else {
            prop_assert!(shown.parse::<Endpoint>().is_err());
        }
    }

    #[test]
    fn random_endpoint_text_is_parsed_or_refused(
        text in r"(tor|onion)?(:(host=|port=|client=|timeout=|privateKey=|isolate=)?([\[\]:=\\,a1.]|\PC){0,12}){0,4}"
    ) {
        match text.parse::<Endpoint>() {
            Ok(endpoint) => prop_assert_eq!(endpoint.expose().parse(), Ok(endpoint)),
            Err(error) => prop_assert!(
                error.position().is_some_and(|position| text.is_char_boundary(position))
            ),
        }
    }

    /// Checks that no error contains a secret, even if the secret is malformed
    /// or its special characters weren't escaped.
    #[test]
    fn endpoint_errors_repeat_no_secret(secret in r"SECRET[a-z:=\\]{0,20}SECRET[a-z:=\\]{0,20}") {
        for text in [
            format!("onion:80:privateKey={secret}"),
            format!("tor:a:1:timeout=0:socksUsername=u:socksPassword={secret}"),
            format!("tor:a:1:socksPassword={secret}"),
        ] {
            let error: EndpointError = text.parse::<Endpoint>().unwrap_err();
            prop_assert!(!format!("{error} {error:?}").contains("SECRET"), "{}", error);
        }
    }
}
