//! Tests the parsing of STREAM events, and of the lines of
//! `GETINFO stream-status`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{
    ClientProtocol, EventBody, IsolationField, StreamInfo, StreamPurpose, StreamReason,
    StreamSource, StreamStatus,
};
use scape_proto::word::CircuitId;
use support::event::event;

fn stream(line: &str) -> StreamInfo {
    let event = event(format!("STREAM {line}"));
    let EventBody::Stream(stream) = event.body() else { panic!("{event}") };
    assert_eq!(StreamInfo::parse(line.as_bytes()).as_ref(), Some(stream), "one parser serves both");
    stream.clone()
}

#[test]
fn stream_fields_are_parsed() {
    let stream = stream(
        "4 NEW 9 example.com:443 SOURCE_ADDR=127.0.0.1:53244 PURPOSE=USER SOCKS_USERNAME=\"b\\303\\266b\" \
         SOCKS_PASSWORD=\"c\\\"d\" CLIENT_PROTOCOL=SOCKS5 NYM_EPOCH=4294967295 SESSION_GROUP=-4 \
         ISO_FIELDS=SOCKS_USERNAME,CLIENTADDR,NEW_FIELD",
    );
    assert_eq!((stream.id.get(), &stream.status), (4, &StreamStatus::New));
    assert_eq!(stream.circuit, Some(CircuitId::new(9)));
    assert_eq!((stream.target.host(), stream.target.port()), ("example.com", Some(443)));
    assert_eq!(stream.source_addr.as_deref(), Some("127.0.0.1:53244"));
    assert_eq!(stream.source_socket_addr(), "127.0.0.1:53244".parse().ok());
    assert_eq!(stream.purpose, Some(StreamPurpose::User));
    assert_eq!(stream.socks_username.as_deref(), Some("böb"));
    assert_eq!(stream.socks_password.as_ref().unwrap().expose(), b"c\"d");
    assert_eq!(stream.client_protocol, Some(ClientProtocol::Socks5));
    assert_eq!((stream.nym_epoch, stream.session_group), (Some(u32::MAX), Some(-4)));
    let fields = [IsolationField::SocksUsername, IsolationField::ClientAddr, "NEW_FIELD".into()];
    assert_eq!(stream.iso_fields, fields);
    assert!(stream.extra.is_empty() && stream.extra_words.is_empty());
    assert_eq!(stream.to_string(), "4 NEW USER example.com:443 on circuit 9");
}

#[test]
fn stream_of_every_status_is_parsed() {
    let more = " CLIENT_PROTOCOL=SOCKS5 NYM_EPOCH=0 SESSION_GROUP=-4 ISO_FIELDS=";
    for status in StreamStatus::KNOWN.iter().map(|s| s.as_str()).chain(["POLISHED"]) {
        for rest in ["", more] {
            let stream = stream(&format!("1 {status} 0 a.example:80{rest}"));
            assert_eq!(stream.status.as_str(), status);
            assert_eq!(stream.circuit, None);
            assert!(stream.iso_fields.is_empty() && stream.extra.is_empty());
        }
    }
    for status in ["XOFF_SENT", "XOFF_RECV", "XON_SENT", "XON_RECV", "CONTROLLER_WAIT"] {
        assert!(StreamStatus::from(status).is_recognized(), "{status}");
    }
}

#[test]
fn stream_of_every_reason_is_parsed() {
    let known = StreamReason::KNOWN.iter().map(|reason| reason.as_str());
    for reason in known.chain(["UNKNOWN_260", "LATER"]) {
        let ended = stream(&format!("1 CLOSED 0 a:1 REASON={reason} CLIENT_PROTOCOL=UNKNOWN"));
        assert_eq!(ended.reason.unwrap().as_str(), reason);
        let remote = stream(&format!("1 DETACHED 5 a:1 REASON=END REMOTE_REASON={reason}"));
        assert_eq!(remote.reason, Some(StreamReason::End));
        assert_eq!(remote.remote_reason.unwrap().as_str(), reason);
    }
}

#[test]
fn stream_reason_after_a_stray_space_is_parsed() {
    let stray = stream("5 FAILED 0 a:1 REASON= UNKNOWN_264 CLIENT_PROTOCOL=SOCKS5 NYM_EPOCH=0");
    assert_eq!(stray.reason, Some("UNKNOWN_264".into()));
    assert_eq!(stray.client_protocol, Some(ClientProtocol::Socks5));
    assert!(stray.extra.is_empty() && stray.extra_words.is_empty());
    let last = stream("5 FAILED 0 a:1 REASON=END REMOTE_REASON= UNKNOWN_1");
    assert_eq!(
        (last.reason, last.remote_reason),
        (Some(StreamReason::End), Some("UNKNOWN_1".into()))
    );
    // If no reason follows, nothing is taken from the next pair.
    let empty = stream("5 FAILED 0 a:1 REASON= CLIENT_PROTOCOL=SOCKS5");
    assert_eq!(empty.client_protocol, Some(ClientProtocol::Socks5));
}

#[test]
fn stream_source_address_in_every_form_is_parsed() {
    let cases = [
        ("127.0.0.1:53244", Some("127.0.0.1:53244")),
        ("::1:58178", Some("[::1]:58178")),
        ("2001:db8::1:1", Some("[2001:db8::1]:1")),
        ("[::1]:58178", Some("[::1]:58178")),
        ("PATH:0", None),
        ("(Tor_internal):0", None),
        ("unix:/run/tor/socks:0", None),
        ("127.0.0.1", None),
        ("127.0.0.1:99999", None),
        ("", None),
    ];
    for (text, address) in cases {
        let stream = stream(&format!("1 NEW 0 a:1 SOURCE_ADDR={text} PURPOSE=USER"));
        assert_eq!(stream.source_addr.as_deref(), Some(text));
        assert_eq!(stream.source_socket_addr(), address.and_then(|a| a.parse().ok()), "{text}");
        assert_eq!(stream.purpose, Some(StreamPurpose::User), "{text}");
    }
    assert_eq!(stream("1 NEW 0 a:1 PURPOSE=DIR_FETCH").source_socket_addr(), None);
}

#[test]
fn stream_target_in_every_form_is_parsed() {
    let cases = [
        ("g.example:0", "g.example", Some(0)),
        ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
        (
            "127.0.0.22.$607CC6F7FDEBDE658A9739AE613CF8991B95BC35.exit:9012",
            "127.0.0.22.$607CC6F7FDEBDE658A9739AE613CF8991B95BC35.exit",
            Some(9012),
        ),
        ("cut-off-at-255-bytes", "cut-off-at-255-bytes", None),
        ("a=b:1", "a=b", Some(1)),
    ];
    for (text, host, port) in cases {
        let stream = stream(&format!("10 NEW 0 {text} PURPOSE=DIR_FETCH"));
        assert_eq!((stream.target.host(), stream.target.port()), (host, port));
        assert_eq!(stream.target.as_str(), text);
        assert_eq!(stream.purpose, Some(StreamPurpose::DirFetch));
    }
}

#[test]
fn stream_sources_purposes_protocols_and_groups_are_parsed() {
    for (text, source) in
        [("CACHE", StreamSource::Cache), ("EXIT", StreamSource::Exit), ("ELF", "ELF".into())]
    {
        assert_eq!(stream(&format!("1 REMAP 3 10.0.0.1:80 SOURCE={text}")).source, Some(source));
    }
    for purpose in StreamPurpose::KNOWN {
        assert_eq!(
            stream(&format!("1 NEW 0 a:1 PURPOSE={purpose}")).purpose.as_ref(),
            Some(purpose)
        );
    }
    for protocol in ClientProtocol::KNOWN {
        let line = format!("1 NEW 0 a:1 CLIENT_PROTOCOL={protocol}");
        assert_eq!(stream(&line).client_protocol.as_ref(), Some(protocol));
    }
    for group in [0, 7, -2, -3, -4, i32::MIN, i32::MAX] {
        assert_eq!(
            stream(&format!("1 NEW 0 a:1 SESSION_GROUP={group}")).session_group,
            Some(group)
        );
    }
    let all =
        IsolationField::KNOWN.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(",");
    assert_eq!(stream(&format!("1 NEW 0 a:1 ISO_FIELDS={all}")).iso_fields, IsolationField::KNOWN);
}

#[test]
fn stream_keeps_unknown_and_malformed_words() {
    let stream = stream("1 NEW 0 a:1 stray NYM_EPOCH=-1 FLAVOUR=\"a b\" SESSION_GROUP=x");
    let extra: Vec<(&str, &str)> =
        stream.extra.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(extra, [("NYM_EPOCH", "-1"), ("FLAVOUR", "a b"), ("SESSION_GROUP", "x")]);
    assert_eq!(stream.extra_words, ["stray"]);
    assert_eq!((stream.nym_epoch, stream.session_group), (None, None));
}

#[test]
fn stream_line_without_its_four_words_is_refused() {
    for line in ["", "1", "1 NEW", "1 NEW 0", "1 NEW 0 ", "x NEW 0 a:1", "1 NEW x a:1", "1  0 a:1"]
    {
        assert_eq!(StreamInfo::parse(line.as_bytes()), None, "{line:?}");
        assert_eq!(event(format!("STREAM {line}")).body(), &EventBody::Unknown, "{line:?}");
    }
}

#[test]
fn stream_debug_and_display_hide_the_socks_password() {
    // A stream from an HTTP tunnel port has the whole authorization header as
    // its user name.
    let line = "1 NEW 0 a:1 SOCKS_USERNAME=\"Basic c2VzYW1l\" SOCKS_PASSWORD=\"sesame\" CLIENT_PROTOCOL=HTTPCONNECT";
    let event = event(format!("STREAM {line}"));
    let stream = stream(line);
    assert_eq!(stream.socks_username.as_deref(), Some("Basic c2VzYW1l"));
    for shown in [format!("{event:?} {event} {:?}", event.body()), format!("{stream:?} {stream}")] {
        assert!(!shown.contains("sesame") && !shown.contains("c2VzYW1l"), "{shown}");
    }
    assert!(event.to_string().contains("CLIENT_PROTOCOL=HTTPCONNECT"), "{event}");
}

#[test]
fn stream_source_address_of_an_unknown_type_may_contain_spaces() {
    let line =
        b"4 NEWRESOLVE 0 g.example:0 SOURCE_ADDR=<unknown address type>:1 PURPOSE=DNS_REQUEST NYM_EPOCH=0";
    let stream = StreamInfo::parse(line).unwrap();
    assert_eq!(stream.source_addr.as_deref(), Some("<unknown address type>:1"));
    assert_eq!(
        (stream.source_socket_addr(), stream.purpose),
        (None, Some(StreamPurpose::DnsRequest))
    );
    assert!(stream.extra.is_empty() && stream.extra_words.is_empty());
    // A source address that doesn't end takes no pair with it.
    let stream = StreamInfo::parse(b"4 NEW 0 a:1 SOURCE_ADDR=<odd one PURPOSE=USER").unwrap();
    assert_eq!(stream.source_addr.as_deref(), Some("<odd one"));
    assert_eq!(stream.purpose, Some(StreamPurpose::User));
}
