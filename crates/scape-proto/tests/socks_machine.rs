//! Runs the SOCKS handshake with arbitrary answers that arrive in pieces of
//! arbitrary size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use scape_proto::socks::{Handshake, Isolation, NextStep, Request};

/// Runs a handshake with a peer that sends `said` in pieces, whose sizes repeat
/// `sizes`. Returns the outcome, the bytes that the handshake sent, and the
/// number of bytes of `said` that the handshake received.
fn run(
    request: &Request,
    isolated: bool,
    said: &[u8],
    sizes: &[usize],
) -> (String, Vec<u8>, usize) {
    let isolation = isolated.then(|| Isolation::new("user", "password").unwrap());
    let mut handshake = Handshake::new(request, isolation.as_ref());
    let (mut sent, mut taken) = (Vec::new(), 0);
    let mut sizes = sizes.iter().cycle();
    let mut piece: &[u8] = b"";
    // Every step either sends something or takes a byte, and there are three
    // messages to send.
    for _ in 0..said.len() + 10 {
        match handshake.step(piece) {
            Ok(NextStep::Send(bytes)) => {
                sent.extend_from_slice(bytes);
                piece = b"";
            }
            Ok(NextStep::Receive(count)) => {
                assert!(count > 0);
                let left = &said[taken..];
                piece = &left[..count.min(left.len()).min(*sizes.next().unwrap())];
                if piece.is_empty() {
                    return (format!("{:?}", handshake.at_eof()), sent, taken);
                }
                taken += piece.len();
            }
            Ok(NextStep::Done(answer)) => {
                let again = handshake.step(b"");
                assert!(matches!(again, Ok(NextStep::Done(same)) if same == answer));
                return (format!("{answer:?}"), sent, taken);
            }
            Err(problem) => {
                let again = handshake.step(b"").unwrap_err();
                assert_eq!(format!("{again:?}"), format!("{problem:?}"));
                return (format!("{problem:?}"), sent, taken);
            }
        }
    }
    panic!("no end");
}

fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::connect("example.com:80").unwrap()),
        Just(Request::connect("[::1]:80").unwrap()),
        Just(Request::resolve("example.com").unwrap()),
        Just(Request::resolve_ptr([192, 0, 2, 1].into())),
    ]
}

/// Generates the bytes that a peer sends. Most of them look like the answers of
/// a SOCKS port.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof![
        Just(vec![5, 0]),
        Just(vec![5, 2, 1, 0]),
        proptest::collection::vec(any::<u8>(), 0..3)
    ];
    let head = prop_oneof![
        Just(vec![5, 0, 0, 1]),
        Just(vec![5, 0, 0, 3]),
        Just(vec![5, 0, 0, 4]),
        Just(vec![5, 4, 0, 0]),
        proptest::collection::vec(any::<u8>(), 4)
    ];
    let rest = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(prop_oneof![0..30_u8, 97..123_u8], 0..60),
    ];
    prop_oneof![
        4 => (method, head, rest).prop_map(|(method, head, rest)| [method, head, rest].concat()),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => "[ -~]{0,200}(\r\n)?[ -~]{0,20}".prop_map(String::into_bytes),
    ]
}

/// Returns true if `text` is an IP address, or a host name that tor accepts.
/// Numbers aren't host names. Names in `.exit` and `.onion` aren't handled,
/// because no test generates them.
fn is_host(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let bare = text.strip_suffix('.').unwrap_or(text);
    let is_address =
        bracketed.unwrap_or(text).parse::<Ipv6Addr>().is_ok() || bare.parse::<Ipv4Addr>().is_ok();
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let is_number = |label: &str| match label.to_ascii_lowercase().strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    };
    let is_name = bare.split('.').all(is_label) && !bare.rsplit('.').next().is_some_and(is_number);
    is_address || text.len() <= 255 && is_name
}

proptest! {
    #[test]
    fn socks_handshake_does_not_depend_on_how_bytes_are_split(
        request in requests(),
        isolated: bool,
        said in answers(),
        sizes in proptest::collection::vec(1..20_usize, 1..10),
    ) {
        let whole = run(&request, isolated, &said, &[usize::MAX]);
        prop_assert_eq!(&run(&request, isolated, &said, &[1]), &whole);
        prop_assert_eq!(&run(&request, isolated, &said, &sizes), &whole);
    }

    #[test]
    fn socks_handshake_takes_nothing_beyond_the_reply(
        request in requests(),
        isolated: bool,
        said in answers(),
        more in proptest::collection::vec(any::<u8>(), 1..20),
    ) {
        let (end, sent, taken) = run(&request, isolated, &said, &[usize::MAX]);
        if end == "Connected" || end.starts_with("Address") || end.starts_with("Name") {
            let longer = [&said[..taken], &more].concat();
            prop_assert_eq!(run(&request, isolated, &longer, &[usize::MAX]), (end, sent, taken));
        }
    }

    #[test]
    fn host_names_are_sent_in_lower_case_or_refused(
        name in prop_oneof!["\\PC{0,90}", "[!-~]{0,260}", "[0-9a-f.:]{1,12}", "[a-zA-Z0-9._-]{1,20}"],
        port in 1..=u16::MAX,
    ) {
        let request = Request::connect((name.as_str(), port));
        prop_assert_eq!(request.is_ok(), is_host(&name));
        if let Ok(request) = request {
            let (_, sent, _) = run(&request, false, b"\x05\0", &[2]);
            if sent[6] == 3 {
                let lower = name.to_ascii_lowercase();
                let wire = [&[name.len() as u8], lower.as_bytes(), &port.to_be_bytes()].concat();
                prop_assert_eq!(&sent[7..], &wire[..]);
            }
        }
    }
}

#[test]
fn surplus_bytes_before_the_greeting_are_refused() {
    let mut handshake = Handshake::new(&Request::resolve("a.test").unwrap(), None);
    assert!(handshake.step(b"\x05").is_err());
    assert!(handshake.step(b"").is_err());
}

#[test]
fn debug_hides_the_bytes_to_send() {
    let isolation = Isolation::new("sesame", "open").unwrap();
    let mut handshake = Handshake::new(&Request::resolve("a.test").unwrap(), Some(&isolation));
    handshake.step(b"").unwrap();
    let step = format!("{:?}", handshake.step(b"\x05\x02").unwrap());
    assert_eq!(step, "Send(13 bytes)");
    assert!(!format!("{handshake:?}").contains("sesame"));
}
