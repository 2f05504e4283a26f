//! Runs the SOCKS handshake, which must not panic. The result must not depend
//! on the sizes of the pieces in which the port's bytes arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::socks::{Handshake, Isolation, NextStep, Request};

fn run(
    request: &Request,
    isolation: Option<&Isolation>,
    said: &[u8],
    size: usize,
) -> (String, usize) {
    let mut handshake = Handshake::new(request, isolation);
    let (mut taken, mut piece): (usize, &[u8]) = (0, b"");
    loop {
        match handshake.step(piece) {
            Ok(NextStep::Send(_)) => piece = b"",
            Ok(NextStep::Receive(count)) => {
                let left = &said[taken..];
                piece = &left[..count.min(left.len()).min(size)];
                if piece.is_empty() {
                    return (format!("{:?}", handshake.at_eof()), taken);
                }
                taken += piece.len();
            }
            Ok(end) => return (format!("{end:?}"), taken),
            Err(problem) => return (format!("{problem:?}"), taken),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&[choice, size], said)) = data.split_first_chunk::<2>() else { return };
    let request = match choice % 3 {
        0 => Request::connect("example.com:80"),
        1 => Request::resolve("example.com"),
        _ => Ok(Request::resolve_ptr([192, 0, 2, 1].into())),
    };
    let Ok(request) = request else { return };
    let isolation = (choice & 0x80 != 0).then(Isolation::random);
    let whole = run(&request, isolation.as_ref(), said, usize::MAX);
    assert_eq!(run(&request, isolation.as_ref(), said, usize::from(size).max(1)), whole);
});
