//! Parses answers to GETINFO, GETCONF, PROTOCOLINFO and AUTHCHALLENGE. An
//! accepted answer to GETINFO has as many values as were asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::control::ProtocolInfo;
use scape_proto::control::{AuthChallenge, Decoder, SafeCookie, parse_getconf, parse_getinfo};
use scape_proto::word::{Secret};

fuzz_target!(|data: &[u8]| {
    // The first line contains the keys, and the other lines are the answer.
    let Some(end) = data.iter().position(|b| *b == b'\n') else { return };
    let (keys, answer) = data.split_at(end);
    let Ok(keys) = std::str::from_utf8(keys) else { return };
    let keys: Vec<&str> = keys.split(' ').collect();
    let mut decoder = Decoder::default();
    decoder.feed(&answer[1..]);
    while let Ok(Some(reply)) = decoder.next_reply() {
        match parse_getinfo(&reply, &keys) {
            Ok(values) => assert_eq!(values.len(), keys.len()),
            Err(problem) => assert!(!problem.is_empty()),
        }
        assert!(parse_getconf(&reply, 0).is_empty());
        assert_eq!(parse_getconf(&reply, keys.len()).len(), reply.len());
        if let Some(info) = ProtocolInfo::parse(&reply) {
            assert!(info.methods.iter().all(|method| info.offers(method)));
        }
        if let Some(challenge) = AuthChallenge::parse(&reply) {
            let exchange =
                SafeCookie::new(Secret::new([7; 32]), [9; 32]).expect("a cookie of 32 bytes");
            let _ = exchange.verify(&challenge);
            assert_eq!(exchange.response(&challenge).map(|response| response.len()), Some(64));
        }
    }
});
