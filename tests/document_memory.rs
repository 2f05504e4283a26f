//! Measures the memory that reading documents takes. The test is a separate
//! process, because a process can only report the peak of all its memory.
#![cfg(all(feature = "archives", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/pack.rs"]
mod pack;

use std::io::{Cursor, Read};

use scape::documents::{DocumentReader, ReadError, ReadProblem};

/// Returns the peak memory of this process, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Returns a stream that consists of `count` copies of `part`.
fn repeated(part: &'static [u8], count: usize) -> impl Read + Send + 'static {
    struct Repeated(&'static [u8], usize, Cursor<&'static [u8]>);
    impl Read for Repeated {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            loop {
                match self.2.read(buffer)? {
                    0 if self.1 > 0 => {
                        self.1 -= 1;
                        self.2 = Cursor::new(self.0);
                    }
                    count => return Ok(count),
                }
            }
        }
    }
    Repeated(part, count, Cursor::new(b""))
}

#[test]
fn memory_is_bounded_by_the_longest_document() {
    const MIB: usize = 1 << 20;
    let document = format!("router a 127.0.0.1 1 0 0\n{}", "uptime 1\n".repeat(1000));
    let text: &'static [u8] = document.repeat(100).into_bytes().leak();
    let letters = vec![b'x'; 4 * MIB];
    let packers = [pack::gzip, pack::bzip2, pack::xz, pack::lzma, pack::zstd];
    let bombs = packers.map(|pack| pack(&letters));
    drop(letters);
    let before = peak();

    // Read 100 MiB of documents, plain and compressed.
    let count = 100 * MIB / text.len();
    let reader = DocumentReader::new().stream("long", repeated(text, count));
    assert_eq!(reader.filter(Result::is_ok).count(), count * 100);
    let packed: &'static [u8] = pack::gzip(text).leak();
    let reader = DocumentReader::new().stream("long", repeated(packed, count / 4));
    assert_eq!(reader.filter(Result::is_ok).count(), count / 4 * 100);

    // Read bombs of a gibibyte, alone and in an archive that goes on after
    // them.
    for bomb in bombs {
        let bomb: &'static [u8] = bomb.leak();
        let reader = DocumentReader::new().longest(MIB).stream("bomb", repeated(bomb, 256));
        let errors: Vec<_> = reader.map(Result::unwrap_err).collect();
        assert_eq!(errors.len(), 1);
        let error: &ReadError = errors[0].get().unwrap();
        assert!(matches!(error.problem(), ReadProblem::TooLong(_)), "{error:?}");
        assert!(error.position() < 2 * MIB as u64);
        let archive = pack::tar(&[("bomb", &bomb.repeat(8)), ("b", text)]);
        let reader = DocumentReader::new().longest(MIB).stream("tar", Cursor::new(archive));
        let (found, errors): (Vec<_>, Vec<_>) =
            reader.map(|item| item.map(drop)).partition(Result::is_ok);
        assert_eq!((found.len(), errors.len()), (100, 1));
    }

    let more = peak() - before;
    assert!(more < 24 << 10, "{more} KiB more than before");
}
