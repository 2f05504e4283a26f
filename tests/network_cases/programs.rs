//! Runs, in the same way as a user, the examples that do the main work of
//! well-known programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use scape::control::{AddOnion, ClientAuth, Signal};
use scape::socks::SocksStream;
use scape::testing::TestNetwork;
use scape::word::OnionAddress;

use crate::SOON;
use crate::onions::added::{publish, server};
use crate::program::{Running, Says, example, fails, line, start};

cases! {
    EXAMPLES:
    example_file_share_shares_until_the_first_download = share,
    example_file_share_stays_and_offers_each_file = share_more,
    example_file_share_receives_files = receive,
    example_vanguards_closes_a_circuit_with_much_traffic = much_traffic,
    example_vanguards_reports_an_overused_rendezvous_point = overused_rendezvous_point,
    #[cfg(feature = "http")]
    example_bandwidth_scanner_measures_every_relay = crate::scanner::measure,
}

/// Starts the example `file_share`. Its temporary files are in the folder
/// `temporary`. Returns the running example, its output, its input, and the
/// address of its service, such as `….onion`.
fn file_share(
    network: &TestNetwork,
    temporary: &Path,
    arguments: &[&str],
) -> (Running, Says, std::process::ChildStdin, String) {
    let mut command = example(network, "file_share", arguments);
    command.env("TMPDIR", temporary);
    let (running, mut says, hears) = Running::start(command);
    let address = line(&mut says, "address: http://").trim_end_matches('/').to_owned();
    (running, says, hears, address)
}

/// Sends an HTTP request and returns the head and the body of the answer.
fn ask(network: &TestNetwork, address: &str, request: &[u8]) -> (String, Vec<u8>) {
    let mut stream = visit(network, address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap(), body)
}

fn get(network: &TestNetwork, address: &str, target: &str) -> (String, Vec<u8>) {
    ask(network, address, format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
}

fn visit(network: &TestNetwork, address: &str) -> Result<SocksStream, scape::Error> {
    let stream = network.tor().client()?.timeout(SOON).isolated().connect((address, 80))?;
    stream.set_read_timeout(Some(SOON)).unwrap();
    Ok(stream)
}

/// Creates two entries in `folder`: a subfolder with a file, and another file.
/// The subfolder also contains a link to the other file. Returns the paths of
/// the subfolder and of the other file.
fn files(folder: &Path) -> [PathBuf; 2] {
    let [photos, notes] = ["photos", "notes <1>.txt"].map(|name| folder.join(name));
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.jpg"), vec![7; 300_000]).unwrap();
    fs::write(&notes, "some notes").unwrap();
    std::os::unix::fs::symlink(&notes, photos.join("link")).unwrap();
    [photos, notes]
}

fn share(network: &TestNetwork) {
    let [folder, temporary] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [photos, notes] = files(folder.path());
    let arguments = ["share", photos.to_str().unwrap(), notes.to_str().unwrap()];
    let (running, mut says, _hears, host) = file_share(network, temporary.path(), &arguments);
    let key = line(&mut says, "private key: ");
    assert!(visit(network, &host).is_err(), "a visitor without the key");

    let address: OnionAddress = host.parse().unwrap();
    let auth = network.client().onion_client_auth();
    auth.add(&ClientAuth::new(address, key.parse().unwrap())).unwrap();
    let (head, page) = get(network, &host, "/");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("<li>notes &lt;1&gt;.txt (10 bytes)</li>"), "{page}");
    assert!(page.contains("<li>photos/a.jpg (300000 bytes)</li>"), "{page}");
    for (request, status) in [
        ("GET /file/0 HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("GET /../x HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /download HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
    ] {
        let (head, _) = ask(network, &host, request.as_bytes());
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {head}");
    }

    let (head, archive) = get(network, &host, "/download");
    assert!(head.contains("Content-Disposition: attachment; filename*=UTF-8''files.zip\r\n"));
    let unpacked = unzip(&archive);
    assert_eq!(unpacked.keys().collect::<Vec<_>>(), ["notes <1>.txt", "photos/a.jpg"]);
    assert_eq!(unpacked["notes <1>.txt"], b"some notes");
    assert_eq!(unpacked["photos/a.jpg"], vec![7; 300_000]);
    line(&mut says, &format!("download 1: files.zip, {} bytes", archive.len()));
    line(&mut says, "download 1: 100 %");
    line(&mut says, "the download is complete");
    line(&mut says, "the service is closed");
    running.wait();
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    auth.remove(&address).unwrap();
}

/// Returns the contents of the files in an uncompressed zip archive, by their
/// names.
fn unzip(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let number = |at: usize, size: usize| -> usize {
        archive[at..at + size].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
    let (count, mut entry) = (number(end + 10, 2), number(end + 16, 4));
    let mut files = BTreeMap::new();
    for _ in 0..count {
        assert_eq!(&archive[entry..entry + 4], b"PK\x01\x02");
        let (checksum, size, name) =
            (number(entry + 16, 4), number(entry + 24, 4), number(entry + 28, 2));
        let local = number(entry + 42, 4);
        assert_eq!(&archive[local..local + 4], b"PK\x03\x04");
        // Both headers have the same settings and sizes.
        assert_eq!(archive[local + 4..local + 28], archive[entry + 6..entry + 30]);
        let content = local + 30 + name;
        let content = archive[content..content + size].to_vec();
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        assert_eq!(crc.sum() as usize, checksum);
        let name = &archive[entry + 46..entry + 46 + name];
        files.insert(String::from_utf8(name.to_vec()).unwrap(), content);
        entry += 46 + name.len();
    }
    assert_eq!(entry, end);
    files
}

fn share_more(network: &TestNetwork) {
    let [folder, temporary] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [_, notes] = files(folder.path());
    let arguments = ["share", "--public", "--stay", notes.to_str().unwrap()];
    let (running, mut says, mut hears, host) = file_share(network, temporary.path(), &arguments);
    for target in ["/download", "/file/0"] {
        let (head, body) = get(network, &host, target);
        assert!(head.contains("filename*=UTF-8''notes%20%3C1%3E.txt\r\n"), "{head}");
        assert_eq!(body, b"some notes");
    }
    let (head, _) = get(network, &host, "/file/1");
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    line(&mut says, "download 2: 100 %");
    writeln!(hears).unwrap();
    line(&mut says, "stopped");
    line(&mut says, "the service is closed");
    running.wait();

    let arguments = ["share", "--public", "--stop-after", "0", notes.to_str().unwrap()];
    let (running, mut says, _hears, _) = file_share(network, temporary.path(), &arguments);
    line(&mut says, "the time is over");
    line(&mut says, "the service is closed");
    running.wait();
    let missing = folder.path().join("missing");
    fails(network, "file_share", &["share", missing.to_str().unwrap()]);
    fails(network, "file_share", &["nonsense"]);
}

/// Returns the HTTP request with which a browser uploads these files in a form.
fn upload(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = b"a preamble\r\n".to_vec();
    for (name, content) in files {
        body.extend(b"--limit\r\nContent-Type: text/plain\r\n");
        body.extend(b"content-disposition: form-data; name=\"file\"; filename=\"");
        body.extend(name.as_bytes());
        body.extend(b"\"\r\n\r\n");
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--limit--\r\n");
    let mut request = format!(
        "POST /upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=limit\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    request
}

fn receive(network: &TestNetwork) {
    let [folder, temporary] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let inbox = folder.path().join("inbox");
    let arguments = ["receive", "--public", "--limit", "200000", inbox.to_str().unwrap()];
    let (running, mut says, _hears, host) = file_share(network, temporary.path(), &arguments);
    let (_, form) = get(network, &host, "/");
    assert!(String::from_utf8(form).unwrap().contains("<form method=\"post\""));

    // One file contains parts of the delimiter, and another contains a line
    // that is longer than what the example reads at a time.
    let tricky: &[u8] = b"\r\n\r\n--limi\r\n --limit\r\r\n\n--limit\n\r";
    let mut long = vec![b'x'; 65_535];
    long.extend(b"\r\n--");
    let (head, _) = ask(
        network,
        &host,
        &upload(&[
            ("../../evil.txt", tricky),
            ("C:\\a\\.hidden", b""),
            ("evil.txt", &long),
            ("", b"a field"),
            ("\u{1b}[2J\u{202e}x", b"1"),
        ]),
    );
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for name in ["evil.txt", "hidden", "evil (1).txt", "__2J_x"] {
        line(&mut says, &format!("upload 1: {name}"));
    }
    let saved = |name: &str| fs::read(inbox.join(name)).unwrap();
    assert_eq!(saved("evil.txt"), tricky);
    assert_eq!(saved("hidden"), b"");
    assert_eq!(saved("evil (1).txt"), long);
    assert_eq!(saved("__2J_x"), b"1");

    let large = upload(&[("large", &[0; 200_000])]);
    // The end of the form is missing.
    let cut =
        String::from_utf8(upload(&[("cut", b"cut")])).unwrap().replace("--limit--", "--limi---");
    for (request, status) in [
        (large.as_slice(), "413 Content Too Large"),
        (cut.as_bytes(), "400 Bad Request"),
        (b"POST /upload HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "400 Bad Request"),
        (b"POST /upload HTTP/1.1\r\n\r\n", "411 Length Required"),
        (b"POST / HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        (b"GET /evil.txt HTTP/1.1\r\n\r\n", "404 Not Found"),
    ] {
        let (head, _) = ask(network, &host, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{status}: {head}");
    }
    // Nothing else was saved, and nothing outside of the folder.
    assert_eq!(fs::read_dir(&inbox).unwrap().count(), 4);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    running.terminate();
    line(&mut says, "stopped");
    line(&mut says, "the service is closed");
    running.wait();
}

/// Publishes an onion service on the network's client, and returns its address.
/// The service sends `answer` to each visitor. The example program `vanguards`,
/// which the caller starts, then watches it.
fn watched_service(network: &TestNetwork, answer: &'static [u8]) -> OnionAddress {
    publish(network.client(), &AddOnion::new().port(80, server(answer))).address
}

fn much_traffic(network: &TestNetwork) {
    let answer = vec![b'x'; 2 << 20].leak();
    let address = watched_service(network, answer);
    let (_vanguards, mut says, _hears) = start(network, "vanguards", &["--max-megabytes", "1"]);
    line(&mut says, "watching ");
    let mut stream = visit(network, &address.to_string()).unwrap();
    // The circuit may be closed before the end.
    let _ = stream.read_to_end(&mut Vec::new());
    let closed = says.by_ref().map(Result::unwrap).find(|line| line.starts_with("circuit "));
    let closed = closed.unwrap();
    let limit = format!(" bytes, and {} are allowed", 1 << 20);
    assert!(closed.contains(" is closed: it transferred ") && closed.ends_with(&limit), "{closed}");
    network.client().del_onion(&address).unwrap();
}

fn overused_rendezvous_point(network: &TestNetwork) {
    let tor = network.client();
    let address = watched_service(network, b"hello");
    let limits = ["--report-only", "--rend-total", "2", "--rend-relay", "1", "--rend-ratio", "0.1"];
    let (_vanguards, mut says, _hears) = start(network, "vanguards", &limits);
    line(&mut says, "watching ");
    // The client forgets the last circuit, and makes another one.
    for _ in 0..2 {
        let mut hello = String::new();
        visit(network, &address.to_string()).unwrap().read_to_string(&mut hello).unwrap();
        assert_eq!(hello, "hello");
        tor.signal(Signal::NewNym).unwrap();
    }
    let suspicious = says.by_ref().map(Result::unwrap).find(|line| line.starts_with("circuit "));
    let suspicious = suspicious.unwrap();
    assert!(
        suspicious.contains(" (HS_SERVICE_REND) is suspicious: $")
            && suspicious.contains(" is the rendezvous point of "),
        "{suspicious}"
    );
    tor.drop_timeouts().unwrap();
    line(&mut says, "circuit build timeout (RESET): ");
    tor.del_onion(&address).unwrap();
    fails(network, "vanguards", &["--nonsense"]);
}
