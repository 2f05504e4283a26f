//! Checks that the transcript reader follows the format that the transcripts'
//! README describes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use support::transcript::{Exchange, Transcript};

#[test]
fn transcript_lines_end_with_crlf_and_escapes_are_exact() {
    let read = Transcript::parse(
        "t",
        "# greeting\n> PROTOCOLINFO 1\n< 250-PROTOCOLINFO 1\n< 250 OK\n>= A\\tB\\x00\\n\n<= \\\\r\\r\\n\n",
    );
    assert_eq!(
        read.exchanges,
        [
            Exchange {
                remarks: vec!["greeting".into()],
                sent: vec![b"PROTOCOLINFO 1\r\n".to_vec()],
                received: b"250-PROTOCOLINFO 1\r\n250 OK\r\n".to_vec(),
                ..Exchange::default()
            },
            Exchange {
                sent: vec![b"A\tB\0\n".to_vec()],
                received: b"\\r\r\n".to_vec(),
                ..Exchange::default()
            },
        ]
    );
    assert_eq!(read.received(), b"250-PROTOCOLINFO 1\r\n250 OK\r\n\\r\r\n");
}

#[test]
fn transcript_mark_alone_is_an_empty_line_and_takes_one_space() {
    let read = Transcript::parse("t", ">\n>  GETINFO version\n<\n|\n");
    let exchange = &read.exchanges[0];
    assert_eq!(exchange.sent, [b"\r\n".to_vec(), b" GETINFO version\r\n".to_vec()]);
    assert_eq!(exchange.received, b"\r\n");
    assert_eq!(exchange.aside, "\n");
}

#[test]
fn transcript_exchange_holds_pipelined_commands_and_ends_at_a_remark() {
    let read = Transcript::parse(
        "t",
        "> A\n> B\n< 250 OK\n< 250 OK\n> C\n! EOF\n# no answer\n> D\n# next\n> E\n",
    );
    let commands: Vec<Vec<&str>> = read.exchanges.iter().map(|e| e.commands().collect()).collect();
    assert_eq!(commands, [vec!["A", "B"], vec!["C"], vec!["D"], vec!["E"]]);
    assert_eq!(read.exchanges[1].end.as_deref(), Some("EOF"));
}

#[test]
#[should_panic(expected = "t:2: no line of a transcript begins with \"250\"")]
fn transcript_line_without_a_mark_is_refused() {
    Transcript::parse("t", "> A\n250 OK\n");
}

#[test]
#[should_panic(expected = "t:1: a bad \\x")]
fn transcript_with_a_bad_escape_is_refused() {
    Transcript::parse("t", "<= \\xzz\n");
}

#[test]
fn every_transcript_file_is_loaded() {
    let all = Transcript::load_all();
    assert_eq!(all.len(), 67);
    let without_control_bytes: Vec<&str> = all
        .iter()
        .filter(|file| file.received().is_empty())
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(without_control_bytes, ["80-launch-stdout"]);
    for file in &all {
        let received = file.received();
        assert!(received.is_empty() || received.ends_with(b"\r\n"), "{}", file.name);
    }
    let bytes: usize = all.iter().map(|file| file.received().len()).sum();
    assert!(bytes > 300_000, "only {bytes} bytes of control protocol");
}

#[test]
fn transcript_keeps_foreign_bytes_apart() {
    let wire = Transcript::load("03-wire");
    let page = wire.exchange("GET / HTTP/1.0");
    assert!(page.received.is_empty());
    assert!(page.foreign.starts_with(b"HTTP/1.0 501 Tor ControlPort is not an HTTP proxy\r\n"));
    assert!(page.foreign.ends_with(b"</html>\n"));
    let version_0 = wire.exchange("\0\0\0\x01");
    assert_eq!(
        version_0.foreign.len(),
        0x60 + 4,
        "a length of 96 follows in a two-byte and a four-byte head"
    );
    let long = wire.exchanges.iter().find(|e| e.sent_in_words.is_some()).unwrap();
    assert_eq!(long.received, b"500 Line too long.\r\n");

    let port_file = Transcript::load("01-protocolinfo");
    let aside: Vec<&str> = port_file
        .exchanges
        .iter()
        .map(|e| e.aside.as_str())
        .filter(|aside| !aside.is_empty())
        .collect();
    assert_eq!(aside, ["PORT=127.0.0.1:19402\nUNIX_PORT=/run/tor/control\n"]);
}

#[test]
fn transcript_end_says_how_tor_ended() {
    let hazards = Transcript::load("05-hazards");
    assert_eq!(hazards.exchange("SIGNAL RELOAD").end.as_deref(), Some("EOF, exit status 1"));
    assert_eq!(
        hazards.exchange("SETCIRCUITPURPOSE").end.as_deref(),
        Some("EOF, ended by signal 6")
    );
}
