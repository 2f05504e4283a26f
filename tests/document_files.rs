//! Reading directory documents from files, archives and streams.
#![cfg(feature = "archives")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/pack.rs"]
mod pack;

use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;

use crossbeam_channel::unbounded;
use flate2::read::ZlibEncoder;
use pack::{bzip2, gzip, lzma, tar, xz, zstd};
use proptest::prelude::*;
use scape::documents::{
    DataDirectory, DocumentReader, Format, FoundDocument, Progress, ReadError, ReadProblem,
    SeenFiles,
};
use scape::netdoc::{ConsensusFlavor, DocumentKind};
use scape::{CancelToken, Error, ErrorKind};

const RELAYS: &[u8] = b"@type server-descriptor 1.0\nrouter relay04 127.0.0.14 9004 0 0\n\
    @type server-descriptor 1.0\nrouter relay05 127.0.0.15 9005 0 0\n";

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKERS: [(Format, Pack); 5] = [
    (Format::Gzip, gzip),
    (Format::Bzip2, bzip2),
    (Format::Xz, xz),
    (Format::Lzma, lzma),
    (Format::Zstd, zstd),
];

fn split(reader: DocumentReader) -> (Vec<FoundDocument>, Vec<Error>) {
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    for item in reader {
        match item {
            Ok(found) => documents.push(found),
            Err(error) => errors.push(error),
        }
    }
    (documents, errors)
}

fn read(data: Vec<u8>) -> (Vec<FoundDocument>, Vec<Error>) {
    split(DocumentReader::new().stream("stream", Cursor::new(data)))
}

/// Returns the first line of each document in `data`, which must be read
/// without errors.
fn lines(data: Vec<u8>) -> Vec<String> {
    let (documents, errors) = read(data);
    assert!(errors.is_empty(), "{errors:?}");
    documents.iter().map(first_line).collect()
}

fn first_line(found: &FoundDocument) -> String {
    String::from_utf8_lossy(found.text()).lines().next().unwrap().to_owned()
}

fn problem(error: &Error) -> &ReadProblem {
    error.get::<ReadError>().unwrap().problem()
}

/// Returns a text of `count` documents. Each contains different numbers, so
/// that the text doesn't compress to almost nothing.
fn many_relays(count: u32) -> Vec<u8> {
    let mut text = String::new();
    for number in 0..count {
        let noise = number.wrapping_mul(2_654_435_761);
        text += &format!("router relay{number} 127.0.0.1 {} 0 0\nuptime {noise}\n", number % 65536);
    }
    text.into_bytes()
}

#[test]
fn documents_of_every_compression_are_found() {
    let expected = ["router relay04 127.0.0.14 9004 0 0", "router relay05 127.0.0.15 9005 0 0"];
    assert_eq!(lines(RELAYS.to_vec()), expected);
    let archive = tar(&[("a/b", RELAYS)]);
    assert_eq!(lines(archive.clone()), expected);
    for (format, pack) in PACKERS {
        assert_eq!(lines(pack(RELAYS)), expected, "{format}");
        assert_eq!(lines(pack(&archive)), expected, "tar in {format}");
        assert_eq!(lines(tar(&[("a", &pack(RELAYS))])), expected, "{format} in tar");
        assert_eq!(lines(pack(&pack(RELAYS))), expected, "{format} in {format}");
        assert_eq!(lines(pack(b"")), [""; 0], "empty {format}");
        let both = [pack(&RELAYS[..20]), pack(&RELAYS[20..])].concat();
        if format != Format::Lzma {
            assert_eq!(lines(both), expected, "two parts of {format} in a row");
        }
    }
    let big = many_relays(20_000);
    for (format, pack) in PACKERS {
        assert_eq!(lines(pack(&big)).len(), 20_000, "{format}");
    }
}

#[test]
fn zstd_frames_to_skip_are_skipped() {
    let skipped = b"\x50\x2a\x4d\x18\x05\0\0\0extra";
    let data = [&skipped[..], &zstd(RELAYS), skipped, &zstd(RELAYS), skipped].concat();
    assert_eq!(lines(data.clone()).len(), 4);
    let (_, errors) = read(data[..data.len() - 1].to_vec());
    assert!(matches!(problem(&errors[0]), ReadProblem::Broken { format: Format::Zstd, .. }));
}

#[test]
fn found_documents_have_place_kind_and_annotations() {
    let inner = tar(&[("2026/votes", b"network-status-version 3\nvote-status vote\n")]);
    let archive = tar(&[("x/relays", RELAYS), ("inner.tar.xz", &xz(&inner))]);
    let (documents, errors) = read(gzip(&archive));
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(documents.len(), 3);
    let second = &documents[1];
    assert_eq!(second.path(), Path::new("stream"));
    assert_eq!(second.member(), Some(Path::new("x/relays")));
    assert_eq!(second.kind(), Some(DocumentKind::ServerDescriptor));
    assert_eq!(second.document().position(), 91);
    let annotation = second.document().type_annotation().unwrap();
    assert_eq!(annotation.to_string(), "@type server-descriptor 1.0");
    assert_eq!(documents[2].member(), Some(Path::new("inner.tar.xz/2026/votes")));
    assert_eq!(documents[2].kind(), Some(DocumentKind::Vote));
    assert!(!format!("{second:?}").contains("router"), "{second:?}");
    assert_eq!(second.clone().into_document().text(), second.text());
}

#[test]
fn broken_data_is_an_error_after_the_documents_before() {
    let text = many_relays(20_000);
    for (format, pack) in PACKERS {
        let whole = pack(&text);
        for cut in [whole.len() / 2, whole.len() - 1] {
            let (documents, errors) = read(whole[..cut].to_vec());
            assert_eq!(errors.len(), 1, "{format} cut at {cut}");
            let error: &ReadError = errors[0].get().unwrap();
            assert!(
                matches!(error.problem(), ReadProblem::Broken { format: at, .. } if *at == format),
                "{format} cut at {cut}: {error:?}"
            );
            assert!(documents.len() < 20_000, "{format} cut at {cut}");
            // A bzip2 block has more than half of the text, so a cut may leave
            // only a few documents.
            assert!(documents.len() > 5_000 || format == Format::Bzip2, "{format} cut at {cut}");
            assert!(error.position() > 0 || documents.is_empty());
            assert_eq!((error.path(), error.member()), (Path::new("stream"), None));
            assert_eq!(errors[0].kind(), ErrorKind::Malformed);
            assert!(errors[0].to_string().contains(&format!("the {format} data is broken")));
        }
    }
}

#[test]
fn reading_goes_on_after_a_broken_member() {
    let mut broken = xz(RELAYS);
    let middle = broken.len() / 2;
    broken[middle] ^= 0x55;
    let archive = tar(&[("a", RELAYS), ("b.xz", &broken), ("c", RELAYS)]);
    let (documents, errors) = read(bzip2(&archive));
    assert_eq!(documents.len(), 4);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error: &ReadError = errors[0].get().unwrap();
    assert_eq!(error.member(), Some(Path::new("b.xz")));
    assert!(matches!(error.problem(), ReadProblem::Broken { format: Format::Xz, .. }));
    assert!(errors[0].to_string().starts_with("cannot read b.xz in stream"), "{}", errors[0]);
}

#[test]
fn archive_that_ends_early_is_one_error() {
    let text = many_relays(100);
    let archive = tar(&[("a", RELAYS), ("b", &text)]);
    // The archive has a header, a block, a header, and the text.
    let (documents, errors) = read(archive[..512 * 3 + 1000].to_vec());
    assert!(documents.len() > 2, "{}", documents.len());
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error: &ReadError = errors[0].get().unwrap();
    assert_eq!((error.member(), error.position()), (Some(Path::new("b")), 1000));
    assert!(matches!(error.problem(), ReadProblem::Broken { format: Format::Tar, .. }));

    // The archive may also end in a header, or inside of a compressed file.
    let (documents, errors) = read(archive[..512 * 2 + 100].to_vec());
    assert_eq!((documents.len(), errors.len()), (2, 1), "{errors:?}");
    let error: &ReadError = errors[0].get().unwrap();
    assert_eq!((error.member(), error.position()), (None, 1124));
    let packed = gzip(&archive);
    let (_, errors) = read(packed[..packed.len() - 1].to_vec());
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(matches!(problem(&errors[0]), ReadProblem::Broken { format: Format::Gzip, .. }));
}

#[test]
fn broken_header_ends_its_archive_only() {
    let mut inner = tar(&[("a", RELAYS), ("b", RELAYS)]);
    inner[512 * 2 + 3] ^= 1;
    let outer = tar(&[("inner.tar", &inner), ("c", RELAYS)]);
    let (documents, errors) = read(outer);
    let members: Vec<_> = documents.iter().map(|found| found.member().unwrap()).collect();
    assert_eq!(members, ["inner.tar/a", "inner.tar/a", "c", "c"].map(Path::new), "{errors:?}");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].get::<ReadError>().unwrap().member(), Some(Path::new("inner.tar")));
}

#[test]
fn other_members_than_files_are_skipped() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |kind: tar::EntryType, path: &str, data: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_entry_type(kind);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        builder.append_data(&mut header, path, data).unwrap();
    };
    add(tar::EntryType::Directory, "a/", b"");
    add(tar::EntryType::Symlink, "link", b"");
    add(tar::EntryType::Link, "hard", b"");
    add(tar::EntryType::Fifo, "fifo", b"");
    add(tar::EntryType::XGlobalHeader, "global", b"20 comment=something\n");
    add(tar::EntryType::Regular, "keys/secret_id_key", b"a private key\n");
    add(tar::EntryType::Regular, &"long/".repeat(100), b"");
    add(tar::EntryType::Regular, &format!("{}name", "long/".repeat(100)), RELAYS);
    let (documents, errors) = read(builder.into_inner().unwrap());
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(documents.len(), 2);
    assert!(documents[0].member().unwrap().ends_with("long/long/name"));
    assert_eq!(lines(vec![0; 10240]), [""; 0], "an archive without members");
}

#[test]
fn endless_nesting_is_an_error() {
    let mut data = RELAYS.to_vec();
    for _ in 0..8 {
        data = gzip(&data);
    }
    assert_eq!(lines(data.clone()).len(), 2);
    let (documents, errors) = read(tar(&[("a", &data), ("b", RELAYS)]));
    assert_eq!((documents.len(), errors.len()), (2, 1));
    assert!(matches!(problem(&errors[0]), ReadProblem::TooDeep));
    let (_, errors) = read(b"document-type consensus\n\0".repeat(1000));
    assert!(matches!(problem(&errors[0]), ReadProblem::TooDeep));
}

#[test]
fn decoder_that_needs_too_much_memory_is_an_error() {
    // The properties are lc=3, lp=0, pb=2. The dictionary has 1 GiB here, and 4
    // GiB in the xz file below.
    let lzma = [&b"\x5d\0\0\0\x40"[..], &[0xff; 8], &[0; 100]].concat();
    // This is a zstd frame with a window of 1 GiB.
    let zstd = [&b"\x28\xb5\x2f\xfd\0\xa0"[..], &[0; 100]].concat();
    // The size of the dictionary is in the header of the block, before its
    // checksum.
    let mut xz = xz(RELAYS);
    let place = xz.windows(2).position(|pair| pair == b"\x21\x01").unwrap() + 2;
    xz[place] = 40;
    let checksum = flate2::Crc::new();
    let checksum = {
        let mut crc = checksum;
        crc.update(&xz[12..20]);
        crc.sum()
    };
    xz[20..24].copy_from_slice(&checksum.to_le_bytes());
    for (data, format) in [(lzma, Format::Lzma), (zstd, Format::Zstd), (xz, Format::Xz)] {
        let (documents, errors) = read(data);
        assert!(documents.is_empty());
        let ReadProblem::Broken { format: at, source } = problem(&errors[0]) else {
            panic!("{format}: {errors:?}");
        };
        assert_eq!(*at, format);
        let text = source.to_string().to_lowercase();
        assert!(text.contains("memory") || text.contains("window"), "{format}: {text}");
    }
}

#[test]
fn tar_headers_of_any_length_are_refused() {
    // This long name has two gigabytes, which no file needs.
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(2 << 30);
    header.set_cksum();
    let stream = Cursor::new(header.as_bytes().to_vec()).chain(io::repeat(b'a'));
    let (documents, errors) = split(DocumentReader::new().stream("stream", stream));
    assert!(documents.is_empty());
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error: &ReadError = errors[0].get().unwrap();
    assert!(matches!(error.problem(), ReadProblem::Broken { format: Format::Tar, .. }));
    assert_eq!(error.position(), 1 << 20);
}

#[test]
fn document_that_is_too_long_is_an_error_and_reading_goes_on() {
    let long = [b"router a 127.0.0.1 1 0 0\n".to_vec(), vec![b'x'; 300_000]].concat();
    let archive = tar(&[("a", &long), ("b", RELAYS)]);
    let reader = DocumentReader::new().longest(200_000).stream("s", Cursor::new(gzip(&archive)));
    let (documents, errors) = split(reader);
    assert_eq!((documents.len(), errors.len()), (2, 1));
    let error: &ReadError = errors[0].get().unwrap();
    assert_eq!(error.member(), Some(Path::new("a")));
    assert!(matches!(error.problem(), ReadProblem::TooLong(long) if long.longest() == 200_000));
    assert!((200_000..300_000).contains(&error.position()), "{}", error.position());
    let whole = DocumentReader::new().stream("s", Cursor::new(long.clone())).next();
    assert_eq!(whole.unwrap().unwrap().text().len(), long.len());
}

#[test]
fn line_ends_and_empty_files_make_no_difference() {
    let text = String::from_utf8(RELAYS.to_vec()).unwrap().replace('\n', "\r\n");
    let archive = tar(&[("empty", b""), ("lines", b"\r\n\n\r\n"), ("a", text.as_bytes())]);
    let (documents, errors) = read(archive);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].kind(), Some(DocumentKind::ServerDescriptor));
    assert_eq!(documents[0].text(), b"router relay04 127.0.0.14 9004 0 0\r\n");
    assert_eq!(lines(Vec::new()), [""; 0]);
}

#[test]
fn directory_is_read_in_the_order_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("b/deep")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    let relay = |name: &str| format!("router {name} 127.0.0.1 1 0 0\n");
    for file in ["c", "a", "b/deep/x", "b/y"] {
        fs::write(root.join(file), relay(file)).unwrap();
    }
    fs::write(root.join("control_auth_cookie"), "a secret").unwrap();
    fs::write(folder.path().join("outside"), relay("outside")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;

        symlink("../outside", root.join("link")).unwrap();
        symlink("..", root.join("b/loop")).unwrap();
        std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        symlink(&root, folder.path().join("link to root")).unwrap();
    }
    let names = |reader: DocumentReader| {
        let (documents, errors) = split(reader);
        assert!(errors.is_empty(), "{errors:?}");
        documents.iter().map(|found| first_line(found).replace(" 127.0.0.1 1 0 0", "")).collect()
    };
    let found: Vec<String> = names(DocumentReader::new().path(&root));
    assert_eq!(found, ["router a", "router b/deep/x", "router b/y", "router c"]);
    let found: Vec<String> = names(DocumentReader::new().recursive(false).path(&root));
    assert_eq!(found, ["router a", "router c"]);
    #[cfg(unix)]
    {
        // A path that the caller names may be a link.
        let link = folder.path().join("link to root");
        let found: Vec<String> = names(DocumentReader::new().path(link).path(root.join("link")));
        assert_eq!(found.len(), 5);
    }
}

#[cfg(unix)]
#[test]
fn entry_that_becomes_a_symbolic_link_is_not_read() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
    fs::create_dir_all(root.join("c")).unwrap();
    fs::create_dir(&outside).unwrap();
    let relay = |name: &str| format!("router {name} 127.0.0.1 1 0 0\n");
    for file in ["root/a", "root/b", "root/c/x", "root/d", "outside/x"] {
        fs::write(folder.path().join(file), relay(file)).unwrap();
    }
    let mut reader = DocumentReader::new().path(&root);
    let first = reader.next().unwrap().unwrap();
    assert_eq!(first_line(&first), "router root/a 127.0.0.1 1 0 0");
    // The directory is listed by now, and somebody replaces its entries.
    fs::remove_file(root.join("b")).unwrap();
    symlink(outside.join("x"), root.join("b")).unwrap();
    fs::remove_dir_all(root.join("c")).unwrap();
    symlink(&outside, root.join("c")).unwrap();
    let (documents, errors) = split(reader);
    assert_eq!(
        documents.iter().map(first_line).collect::<Vec<_>>(),
        ["router root/d 127.0.0.1 1 0 0"]
    );
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors.iter().all(|error| matches!(problem(error), ReadProblem::Io(_))), "{errors:?}");
}

#[test]
fn unreadable_paths_are_errors_and_reading_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relays");
    fs::write(&file, RELAYS).unwrap();
    let mut reader = DocumentReader::new().path(folder.path().join("missing"));
    reader = reader.path(file.join("below a file")).path(folder.path().join("x".repeat(300)));
    let mut unreadable = 3;
    #[cfg(unix)]
    {
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        reader = reader.path(fifo);
        unreadable += 1;
    }
    let (documents, errors) = split(reader.path(&file));
    assert_eq!((documents.len(), errors.len()), (2, unreadable), "{errors:?}");
    for error in &errors {
        assert_eq!(error.kind(), ErrorKind::Io);
        let error: &ReadError = error.get().unwrap();
        assert_eq!(error.position(), 0);
        assert!(matches!(error.problem(), ReadProblem::Io(_)), "{error:?}");
    }
    let first: &ReadError = errors[0].get().unwrap();
    assert_eq!(first.path(), folder.path().join("missing"));
    assert_eq!(io::Error::from(errors[0].clone()).kind(), io::ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn paths_that_are_not_utf_8_are_kept() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"relays\xff\xfe");
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(RELAYS.len() as u64);
    builder.append_data(&mut header, Path::new(name), RELAYS).unwrap();
    fs::write(folder.path().join(name), builder.into_inner().unwrap()).unwrap();
    let mut reader = DocumentReader::new().path(folder.path()).skip_seen(SeenFiles::new());
    let found = reader.next().unwrap().unwrap();
    assert_eq!(found.path(), folder.path().join(name));
    assert_eq!(found.member(), Some(Path::new(name)));
    reader.by_ref().for_each(drop);
    let seen = reader.into_seen();
    assert_eq!(seen.to_string().parse::<SeenFiles>().unwrap(), seen);
    assert!(seen.contains(folder.path().join(name)));
}

/// A stream that fails after some bytes.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the cable is cut")),
            count => Ok(count),
        }
    }
}

#[test]
fn error_of_a_stream_is_told_from_broken_data() {
    let text = many_relays(5_000);
    for (format, pack) in PACKERS {
        let mut data = pack(&tar(&[("a", &text)]));
        data.truncate(data.len() / 2);
        let reader = DocumentReader::new()
            .stream("cable", Failing(Cursor::new(data)))
            .stream("relays", RELAYS);
        let (documents, errors) = split(reader);
        assert_eq!(errors.len(), 1, "{format}: {errors:?}");
        assert_eq!(documents.last().unwrap().path(), Path::new("relays"));
        let ReadProblem::Io(error) = problem(&errors[0]) else { panic!("{format}: {errors:?}") };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{format}");
        assert!(format!("{:?}", errors[0]).contains("the cable is cut"), "{format}");
    }
}

#[test]
fn progress_counts_bytes_and_documents() {
    let folder = tempfile::tempdir().unwrap();
    let archive = gzip(&tar(&[("a", &many_relays(10_000)), ("b", RELAYS)]));
    fs::write(folder.path().join("a.tar.gz"), &archive).unwrap();
    fs::write(folder.path().join("b"), RELAYS).unwrap();
    let total = (archive.len() + RELAYS.len()) as u64;
    let (sender, reports) = unbounded();
    let report = move |progress: Progress<'_>| {
        let path = progress.path().to_path_buf();
        let bytes = (progress.bytes_read(), progress.total_bytes());
        sender.send((bytes, progress.documents(), path)).unwrap();
    };
    let reader = DocumentReader::new().path(folder.path()).on_progress(report.clone());
    assert_eq!(reader.count(), 10_004);
    let found: Vec<_> = reports.try_iter().collect();
    assert!(found.len() > 10, "{}", found.len());
    assert!(found.is_sorted_by_key(|(bytes, documents, _)| (bytes.0, *documents)));
    assert!(found.iter().all(|(bytes, ..)| bytes.1 == Some(total)));
    let last = ((total, Some(total)), 10_004, folder.path().join("b"));
    assert_eq!(found.last(), Some(&last));

    // The length of a stream is unknown, and files that were seen don't count.
    DocumentReader::new().stream("s", RELAYS).on_progress(report.clone()).for_each(drop);
    assert_eq!(reports.try_iter().last().unwrap().0, (RELAYS.len() as u64, None));
    let mut first = DocumentReader::new().path(folder.path().join("b"));
    first = first.skip_seen(SeenFiles::new());
    first.by_ref().for_each(drop);
    let again = DocumentReader::new().path(folder.path()).skip_seen(first.into_seen());
    again.on_progress(report).for_each(drop);
    let length = archive.len() as u64;
    let (bytes, documents, _) = reports.try_iter().last().unwrap();
    assert_eq!((bytes, documents), ((length, Some(length)), 10_002));
}

#[test]
fn cancelled_reader_yields_one_error_and_ends() {
    let token = CancelToken::new();
    let stop = token.clone();
    let archive = tar(&[("a", &many_relays(20_000)), ("b", RELAYS)]);
    let mut reader = DocumentReader::new()
        .stream("s", Cursor::new(gzip(&archive)))
        .stream("t", RELAYS)
        .cancel_with(&token)
        .on_progress(move |progress| {
            if progress.documents() > 5_000 {
                stop.cancel();
            }
        });
    let found = reader.by_ref().take_while(Result::is_ok).count();
    assert!((5_000..20_000).contains(&found), "{found}");
    assert!(reader.next().is_none());
    let mut reader = DocumentReader::new().stream("s", RELAYS).cancel_with(&token);
    let error = reader.next().unwrap().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.to_string(), "cancelled while waiting for documents to be read");
}

/// A stream without an end. It cancels a token after some bytes.
struct Endless(CancelToken, u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 += buffer.len() as u64;
        if self.1 > 4 << 20 {
            self.0.cancel();
        }
        buffer.fill(0);
        Ok(buffer.len())
    }
}

#[test]
fn skipping_without_an_end_can_be_cancelled() {
    let token = CancelToken::new();
    // After an archive's end, everything is skipped.
    let stream = Cursor::new(tar(&[("a", RELAYS)])).chain(Endless(token.clone(), 0));
    let reader = DocumentReader::new().stream("s", stream).cancel_with(&token);
    let (documents, errors) = split(reader);
    assert_eq!((documents.len(), errors.len()), (2, 1));
    assert!(errors[0].is_cancelled(), "{errors:?}");
}

#[test]
fn seen_files_are_skipped_until_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad.gz"));
    fs::write(&good, RELAYS).unwrap();
    let mut broken = gzip(RELAYS);
    broken.pop();
    fs::write(&bad, broken).unwrap();
    let run = |seen| {
        let mut reader = DocumentReader::new().path(folder.path()).skip_seen(seen);
        let found: Vec<_> = reader.by_ref().map(|item| item.is_ok()).collect();
        (found, reader.into_seen())
    };
    let (found, seen) = run(SeenFiles::new());
    // The first document of the broken file is whole.
    assert_eq!(found, [true, false, true, true]);
    assert_eq!(seen.len(), 1);
    assert!(seen.contains(&good) && !seen.contains(&bad));
    // A broken file is read again, perhaps with more success.
    let (found, seen) = run(seen);
    assert_eq!(found, [true, false]);
    fs::write(&bad, gzip(RELAYS)).unwrap();
    let (found, seen) = run(seen);
    assert_eq!((found, seen.len()), (vec![true, true], 2));
    fs::write(&good, [RELAYS, RELAYS].concat()).unwrap();
    let (found, seen) = run(seen);
    assert_eq!((found, seen.len()), (vec![true; 4], 2));
    // A file of which only the start was read isn't seen.
    let mut reader = DocumentReader::new().path(&good).skip_seen(SeenFiles::new());
    reader.next().unwrap().unwrap();
    assert!(reader.into_seen().is_empty());
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    ZlibEncoder::new(data, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

/// Returns the content of a file in the form in which tor stores it in its
/// directory `diff-cache`: labels before the data.
fn labelled(compression: &str, kind: &str, data: &[u8]) -> Vec<u8> {
    let labels = format!("compression {compression}\nsha3-digest AB\ndocument-type {kind}\n\0");
    [labels.as_bytes(), data].concat()
}

#[test]
fn labelled_files_of_tor_are_read() {
    let consensus = b"network-status-version 3\nvote-status consensus\n";
    let diff = b"network-status-diff-version 1\nhash A B\n1,2d\n";
    for (compression, pack) in [
        ("deflate", zlib as Pack),
        ("gzip", gzip),
        ("x-tor-lzma", lzma),
        ("x-zstd", zstd),
        ("identity", <[u8]>::to_vec as Pack),
    ] {
        let (documents, errors) = read(labelled(compression, "consensus", &pack(consensus)));
        assert!(errors.is_empty(), "{compression}: {errors:?}");
        assert_eq!(documents[0].kind(), Some(DocumentKind::Consensus));
        assert_eq!(documents[0].text(), consensus, "{compression}");
        let (documents, _) = read(labelled(compression, "consensus-diff", &pack(diff)));
        assert_eq!(documents[0].kind(), Some(DocumentKind::ConsensusDiff));
        assert_eq!(documents[0].text(), diff, "{compression}");
    }
}

#[test]
fn data_directory_has_the_newest_documents() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let relay = |name: &str, digit: char, hour: u8| {
        let fingerprint = [digit; 40].iter().collect::<String>();
        format!(
            "@source \"127.0.0.1\"\nrouter {name} 127.0.0.1 1 0 0\n\
            published 2026-11-21 {hour:02}:00:00\nfingerprint {fingerprint}\n"
        )
    };
    let extra = |name: &str, digit: char, hour: u8| {
        let fingerprint = [digit; 40].iter().collect::<String>();
        format!("extra-info {name} {fingerprint}\npublished 2026-11-21 {hour:02}:00:00\n")
    };
    write("cached-descriptors", &(relay("old", 'A', 1) + &relay("only", 'B', 5)));
    let no_identity = "router stray 127.0.0.1 1 0 0\n";
    let journal = relay("newer", 'A', 3) + &relay("newest", 'A', 3) + &relay("late", 'A', 2);
    write("cached-descriptors.new", &(journal + no_identity));
    write("cached-extrainfo", &extra("x", 'A', 2));
    write("cached-extrainfo.new", &(extra("y", 'B', 1) + &extra("z", 'A', 3)));
    write("cached-microdescs", "@last-listed 2026-11-21 00:00:00\nonion-key\nid a\nonion-key\n");
    write("cached-microdescs.new", "onion-key\nid a\nonion-key\nid b\n");
    write("cached-microdesc-consensus", "network-status-version 3 microdesc\n");
    write("unverified-consensus", "network-status-version 3\n");
    let certificate = |hour| {
        format!("dir-key-certificate-version 3\ndir-key-published 2026-11-21 {hour}:00:00\n")
    };
    write("cached-certs", &(certificate("01") + &certificate("02")));
    write("v3-status-votes", &"network-status-version 3\nvote-status vote\n".repeat(3));
    write("networkstatus-bridges", "published 2026-11-21 00:00:00\n");
    fs::create_dir(folder.path().join("diff-cache")).unwrap();
    let diff = labelled("x-zstd", "consensus-diff", &zstd(b"network-status-diff-version 1\n"));
    fs::write(folder.path().join("diff-cache/1000"), diff).unwrap();

    let directory = DataDirectory::open(folder.path()).unwrap();
    let names = |documents: Vec<FoundDocument>| -> Vec<String> {
        let word = |found: &FoundDocument| first_line(found).split(' ').nth(1).unwrap().to_owned();
        documents.iter().map(word).collect()
    };
    let relays = directory.server_descriptors().unwrap();
    assert_eq!(relays[0].document().annotations().count(), 1);
    assert_eq!(names(relays), ["only", "newest", "stray"]);
    assert_eq!(names(directory.extra_info().unwrap()), ["z", "y"]);
    let microdescriptors = directory.microdescriptors().unwrap();
    let texts: Vec<_> = microdescriptors.iter().map(FoundDocument::text).collect();
    assert_eq!(texts, [&b"onion-key\nid a\n"[..], b"onion-key\n", b"onion-key\nid b\n"]);
    let (ns, microdesc) = (ConsensusFlavor::Ns, ConsensusFlavor::Microdesc);
    assert_eq!(directory.consensus(&ns).unwrap(), None);
    let consensus = directory.consensus(&microdesc).unwrap().unwrap();
    assert_eq!(consensus.text(), b"network-status-version 3 microdesc\n");
    assert!(directory.unverified_consensus(&ns).unwrap().is_some());
    assert_eq!(directory.unverified_consensus(&microdesc).unwrap(), None);
    let certificates = directory.certificates().unwrap();
    assert!(certificates[0].text().ends_with(b" 02:00:00\n"));
    let kind = |found: &FoundDocument| found.kind().unwrap();
    assert_eq!(
        certificates.iter().map(kind).collect::<Vec<_>>(),
        [DocumentKind::KeyCertificate; 2]
    );
    let votes = directory.votes().unwrap();
    assert_eq!(votes.iter().map(kind).collect::<Vec<_>>(), [DocumentKind::Vote; 3]);
    let bridges = directory.bridge_network_status().unwrap().unwrap();
    assert_eq!(kind(&bridges), DocumentKind::BridgeNetworkStatus);
    let diffs: Vec<_> = directory.diff_cache().map(|found| kind(&found.unwrap())).collect();
    assert_eq!(diffs, [DocumentKind::ConsensusDiff]);
}

#[test]
fn data_directory_without_files_has_no_documents() {
    let folder = tempfile::tempdir().unwrap();
    let directory = DataDirectory::open(folder.path()).unwrap();
    assert_eq!(directory.path(), folder.path());
    assert!(directory.server_descriptors().unwrap().is_empty());
    assert!(directory.votes().unwrap().is_empty());
    assert_eq!(directory.bridge_network_status().unwrap(), None);
    assert_eq!(directory.diff_cache().count(), 0);
    // A file that exists but can't be read is an error.
    fs::create_dir(folder.path().join("x")).unwrap();
    fs::write(folder.path().join("cached-certs"), &xz(RELAYS)[..20]).unwrap();
    assert_eq!(directory.certificates().unwrap_err().kind(), ErrorKind::Malformed);
    assert!(DataDirectory::open(folder.path().join("cached-certs")).is_err());
}

#[test]
fn kind_can_be_set() {
    let kind = DocumentKind::BandwidthFile;
    let reader = DocumentReader::new().kind(kind).stream("cached-certs", &b"x\n"[..]);
    assert_eq!(split(reader).0[0].kind(), Some(kind));
    let reader = DocumentReader::new().kind(kind).stream("s", RELAYS);
    assert_eq!(split(reader).0[0].kind(), Some(DocumentKind::ServerDescriptor));
    let by_name = DocumentReader::new().stream("a/cached-certs.gz", Cursor::new(gzip(b"x\n")));
    assert_eq!(split(by_name).0[0].kind(), Some(DocumentKind::KeyCertificate));
}

/// Returns a file of each compression format, and files without compression,
/// for which the format is `None`.
fn samples() -> Vec<(Option<Format>, Vec<u8>)> {
    let text = many_relays(300);
    let archive = tar(&[("a", &text), ("b", &xz(&text))]);
    let mut samples = vec![(None, archive.clone()), (None, labelled("x-zstd", "consensus", &text))];
    for (format, pack) in PACKERS {
        samples.push((Some(format), pack(&archive)));
    }
    samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn damaged_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        for (format, mut data) in samples() {
            let whole = read(data.clone()).0;
            for (place, byte) in &changes {
                let place = place.index(data.len());
                data[place] = *byte;
            }
            data.truncate(end.index(data.len() + 1));
            let (documents, errors) = read(data.clone());
            // These formats have checksums, so a change can't go unnoticed.
            let is_checked = matches!(format, Some(Format::Gzip | Format::Bzip2 | Format::Xz));
            let is_recognized = !documents.iter().any(|found| found.member().is_none());
            if is_checked && is_recognized && errors.is_empty() && !data.is_empty() {
                prop_assert_eq!(documents.len(), whole.len());
            }
        }
    }

    #[test]
    fn any_bytes_never_panic(
        data in prop::collection::vec(any::<u8>(), 0..2000),
        which in 0..7usize,
    ) {
        let head: &[u8] = [
            &b"\x1f\x8b\x08"[..], b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
            b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff", b"document-type consensus\n\0", b"",
        ][which];
        read([head, &data].concat());
    }
}
