//! Decodes the bytes of a control port in pieces. The replies and the error
//! must not depend on the sizes of the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::control::{DecodeError, Limits, Reply};
use scape_proto::control::Decoder;

const LIMITS: (usize, usize) = (256, 1024);

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Reply>, Option<DecodeError>) {
    let mut decoder = Decoder::new(Limits::default().line(LIMITS.0).reply(LIMITS.1));
    let mut replies = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => {
                    decoder.feed(b"250 OK\r\n");
                    assert_eq!(decoder.next_reply(), Err(error.clone()));
                    return (replies, Some(error));
                }
            }
        }
    }
    (replies, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((&size, bytes)) = data.split_first() else { return };
    let (whole, error) = decode(std::iter::once(bytes));
    let (pieces, error_in_pieces) = decode(bytes.chunks(usize::from(size).max(1)));
    assert_eq!(pieces, whole);
    match (error, error_in_pieces) {
        // Bytes that aren't a reply may be reported before their line is too
        // long. The error contains the bytes that had arrived by then.
        (Some(a), Some(b))
            if [&a, &b].iter().any(|e| matches!(e, DecodeError::NotAReply { .. })) => {}
        (error, error_in_pieces) => assert_eq!(error, error_in_pieces),
    }
    for reply in whole {
        assert!(reply.size() <= LIMITS.1 && reply.len() >= 1);
        assert_eq!(reply.lines().len(), reply.len());
        assert!(reply.lines().all(|line| line.code < 1000 && line.text.len() <= LIMITS.0));
        assert_eq!(reply.is_event(), reply.first().code == 650);
        let _ = (reply.to_string(), format!("{reply:?}"));
    }
});
