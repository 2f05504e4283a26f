//! Tests the parsing of STREAM_BW, CIRC_BW, CONN_BW and TB_EMPTY events. Tests
//! of BW are in `events_any.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, SystemTime};

use scape_proto::event::{CircuitBandwidth, ConnType, EventBody, StreamBandwidth, TokenBucket};
use scape_proto::word::{CircuitId, OrConnId, StreamId};
use support::event::event;

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn unknown(lines: &[&str]) {
    for line in lines {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}

/// Returns the time 2026-11-21T02:09:59.072851.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_226_999_072_851)
}

fn stream(line: &str) -> StreamBandwidth {
    let event = event(line);
    let EventBody::StreamBw(bandwidth) = event.body() else { panic!("{event}") };
    bandwidth.clone()
}

#[test]
fn stream_bw_is_parsed() {
    let bandwidth = stream("STREAM_BW 10 93 7 2026-11-21T02:09:59.072851");
    assert_eq!((bandwidth.id, bandwidth.written, bandwidth.read), (StreamId::new(10), 93, 7));
    assert_eq!(bandwidth.time, Some(time()));
    assert!(bandwidth.extra.is_empty() && bandwidth.extra_words.is_empty());
    assert_eq!(bandwidth.to_string(), "stream 10: read 7 B, written 93 B");
}

#[test]
fn stream_bw_of_older_and_newer_tors_is_parsed() {
    let older = stream("STREAM_BW 10 93 7");
    assert_eq!((older.written, older.time), (93, None));
    let newer = stream("STREAM_BW 10 93 7 soon 2026-11-21T02:09:59.072851 A=1 B=\"2 3\"");
    assert_eq!((newer.read, newer.time), (7, None), "its time is the fourth word");
    assert_eq!(newer.extra_words, ["soon", "2026-11-21T02:09:59.072851"]);
    assert_eq!(newer.extra, [pair("A", "1"), pair("B", "2 3")]);
    unknown(&[
        "STREAM_BW",
        "STREAM_BW 1",
        "STREAM_BW 1 2",
        "STREAM_BW 1  2",
        "STREAM_BW x 2 3",
        "STREAM_BW 1 -2 3",
    ]);
}

fn circuit(line: &str) -> CircuitBandwidth {
    let event = event(line);
    let EventBody::CircBw(bandwidth) = event.body() else { panic!("{event}") };
    bandwidth.clone()
}

#[test]
fn circ_bw_with_congestion_control_is_parsed() {
    let bandwidth = circuit(
        "CIRC_BW ID=5 READ=1527 WRITTEN=2036 TIME=2026-11-21T02:09:59.072851 DELIVERED_READ=187 OVERHEAD_READ=1307 \
         DELIVERED_WRITTEN=384 OVERHEAD_WRITTEN=1608 SS=1 CWND=124 RTT=12 MIN_RTT=3",
    );
    assert_eq!((bandwidth.id, bandwidth.read, bandwidth.written), (CircuitId::new(5), 1527, 2036));
    assert_eq!(bandwidth.time, Some(time()));
    assert_eq!((bandwidth.delivered_read, bandwidth.overhead_read), (Some(187), Some(1307)));
    assert_eq!((bandwidth.delivered_written, bandwidth.overhead_written), (Some(384), Some(1608)));
    let congestion = bandwidth.congestion.unwrap();
    assert!(congestion.slow_start);
    assert_eq!(congestion.window, 124);
    assert_eq!(
        (congestion.rtt, congestion.min_rtt),
        (Duration::from_millis(12), Duration::from_millis(3))
    );
    assert!(bandwidth.extra.is_empty() && bandwidth.extra_words.is_empty());
    assert_eq!(bandwidth.to_string(), "circuit 5: read 1527 B, written 2036 B");
}

#[test]
fn circ_bw_without_congestion_control_is_parsed() {
    let bandwidth = circuit("CIRC_BW ID=1 READ=0 WRITTEN=18446744073709551615");
    assert_eq!((bandwidth.read, bandwidth.written), (0, u64::MAX));
    assert_eq!(
        (bandwidth.time, bandwidth.congestion, bandwidth.delivered_read),
        (None, None, None)
    );
    let fast = circuit("CIRC_BW ID=1 READ=0 WRITTEN=1 SS=0 CWND=1 RTT=0 MIN_RTT=0");
    assert!(!fast.congestion.unwrap().slow_start);
}

#[test]
fn incomplete_congestion_control_of_circ_bw_is_kept_as_extra_pairs() {
    for (end, extra) in [
        ("SS=1 CWND=124 RTT=12", vec![pair("SS", "1"), pair("CWND", "124"), pair("RTT", "12")]),
        (
            "SS=2 CWND=1 RTT=1 MIN_RTT=1",
            vec![pair("SS", "2"), pair("CWND", "1"), pair("RTT", "1"), pair("MIN_RTT", "1")],
        ),
    ] {
        let bandwidth = circuit(&format!("CIRC_BW ID=1 READ=0 WRITTEN=1 {end}"));
        assert_eq!((bandwidth.congestion, bandwidth.extra), (None, extra));
    }
    let odd = circuit("CIRC_BW READ=0 TIME=now WRITTEN=1 odd DELIVERED_READ=x ID=1 NEW=2");
    assert_eq!(odd.extra, [pair("TIME", "now"), pair("DELIVERED_READ", "x"), pair("NEW", "2")]);
    assert_eq!((odd.extra_words, odd.id), (vec!["odd".to_owned()], CircuitId::new(1)));
    unknown(&[
        "CIRC_BW",
        "CIRC_BW ID=1 READ=1",
        "CIRC_BW ID=1 WRITTEN=1",
        "CIRC_BW READ=1 WRITTEN=1",
    ]);
    unknown(&["CIRC_BW ID=x READ=1 WRITTEN=1", "CIRC_BW ID=1 READ=-1 WRITTEN=1", "CIRC_BW 1 2 3"]);
}

#[test]
fn conn_bw_is_parsed() {
    for conn_type in ConnType::KNOWN.iter().map(|conn_type| conn_type.as_str()).chain(["TELEPATHY"])
    {
        let event = event(format!("CONN_BW ID=10 TYPE={conn_type} READ=4317 WRITTEN=2730 odd A=b"));
        let EventBody::ConnBw(bandwidth) = event.body() else { panic!("{event}") };
        assert_eq!((bandwidth.id, bandwidth.conn_type.as_str()), (OrConnId::new(10), conn_type));
        assert_eq!((bandwidth.read, bandwidth.written), (4317, 2730));
        assert_eq!(
            (&bandwidth.extra[..], &bandwidth.extra_words[..]),
            (&[pair("A", "b")][..], &["odd".to_owned()][..])
        );
        assert_eq!(
            bandwidth.to_string(),
            format!("{conn_type} connection 10: read 4317 B, written 2730 B")
        );
    }
    unknown(&["CONN_BW", "CONN_BW ID=1 READ=1 WRITTEN=1", "CONN_BW ID=x TYPE=OR READ=1 WRITTEN=1"]);
    unknown(&["CONN_BW TYPE=OR READ=1 WRITTEN=1", "CONN_BW ID=1 TYPE=OR READ=1"]);
}

#[test]
fn tb_empty_of_an_older_tor_is_parsed() {
    for (bucket, id) in
        [(TokenBucket::Global, None), (TokenBucket::Relay, None), (TokenBucket::OrConn, Some(16))]
    {
        let words = id.map(|id| format!(" ID={id}")).unwrap_or_default();
        let event = event(format!("TB_EMPTY {bucket}{words} READ=93 WRITTEN=0 LAST=100"));
        let EventBody::TbEmpty(empty) = event.body() else { panic!("{event}") };
        assert_eq!((&empty.bucket, empty.id), (&bucket, id.map(OrConnId::new)));
        let (read, last) = (Duration::from_millis(93), Duration::from_millis(100));
        assert_eq!((empty.read, empty.written, empty.last), (read, Duration::ZERO, last));
        assert!(empty.extra.is_empty() && empty.extra_words.is_empty());
    }
    let odd = event("TB_EMPTY POCKET READ=1 WRITTEN=1 LAST=1 ID=x odd");
    let EventBody::TbEmpty(empty) = odd.body() else { panic!("{odd}") };
    assert_eq!((empty.bucket.as_str(), empty.id), ("POCKET", None));
    assert_eq!(
        (&empty.extra[..], &empty.extra_words[..]),
        (&[pair("ID", "x")][..], &["odd".to_owned()][..])
    );
    assert_eq!(empty.to_string(), "POCKET: no reading for 1ms, no writing for 1ms");
    unknown(&[
        "TB_EMPTY",
        "TB_EMPTY GLOBAL READ=1 WRITTEN=1",
        "TB_EMPTY GLOBAL READ=x WRITTEN=1 LAST=1",
    ]);
}
