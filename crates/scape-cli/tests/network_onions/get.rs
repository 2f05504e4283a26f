use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use scape::testing::TestNetwork;
use serde_json::json;

use crate::run::{Done, send_signal, wait_for_handler};
use crate::server::{LARGE, Server};
use crate::{NAME, scape, tls_server};

cases! {
    ONIONS:
    get_prints_the_body = prints,
    get_sends_headers_methods_and_data = sends,
    get_writes_a_file_completely_or_not_at_all = writes,
    get_prints_json = prints_json,
    get_checks_certificates = checks,
    get_explains_failures = explains,
}

fn prints(network: &TestNetwork) {
    let server = Server::start();
    assert_eq!(scape(network, ["get", &server.url("/")]).ok(), "hello\n");
    assert_eq!(scape(network, ["get", "--isolate", &server.url("/elsewhere")]).ok(), "hello\n");
    assert_eq!(scape(network, ["get", &server.url("/large")]).ok().len(), LARGE);
    let text = scape(network, ["get", "-i", &server.url("/")]).ok();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\nx-test: yes\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nhello\n"), "{text}");
    let kept = scape(network, ["get", "-i", "--max-redirects", "0", &server.url("/elsewhere")]);
    assert!(kept.ok().starts_with("HTTP/1.1 302 Found\r\nlocation: /\r\n"));
    assert_eq!(scape(network, ["get", &server.url("/missing")]).ok(), "nothing here\n");
    let done = scape(network, ["get", "--fail", &server.url("/missing")]).run().expect(1);
    assert!(done.error.contains("answered 404 Not Found"), "{done:?}");
    assert_eq!(done.out, "");
}

fn sends(network: &TestNetwork) {
    let url = Server::start().url("/echo");
    let text = scape(network, ["get", "-H", "X-Mine: a b", "-X", "DELETE", &url]).ok();
    assert!(text.starts_with("DELETE /echo HTTP/1.1\r\n"), "{text}");
    assert!(text.to_lowercase().contains("\r\nx-mine: a b\r\n"), "{text}");
    assert!(!text.to_lowercase().contains("user-agent"), "{text}");
    let with_user = url.replace("//", "//user:secret@");
    let text = scape(network, ["get", &with_user]).ok().to_lowercase();
    assert!(text.contains("\r\nauthorization: basic ") && !text.contains("secret"), "{text}");
    let text = scape(network, ["get", &url]).ok().to_lowercase();
    assert!(text.starts_with("get /echo ") && !text.contains("content-length"), "{text}");
    let text = scape(network, ["get", "-X", "POST", &url]).ok().to_lowercase();
    assert!(text.contains("content-length: 0\r\n"), "{text}");
    // The user's header Host stays with the host of the URL.
    let with_host = |path: &str| {
        let url = url.replace("/echo", path);
        scape(network, ["get", "-H", "Host: mine.test", &url])
    };
    let text = with_host("/again").ok().to_lowercase();
    assert!(text.starts_with("get /echo ") && text.contains("\r\nhost: mine.test\r\n"), "{text}");
    let done = with_host("/away").run().expect(1);
    assert!(done.error.contains("/away: the server redirects to the host away.test"), "{done:?}");
    let kept = with_host("/away").arg("--max-redirects").arg("0").arg("-i").ok();
    assert!(kept.contains("\r\nlocation: http://away.test/\r\n"), "{kept}");
    let done = with_host("/again").arg("--max-redirects").arg("0").ok();
    assert_eq!(done, "");
    // The body isn't sent to the URL of a redirect.
    let temporary = Server::start().url("/temporary");
    let done = scape(network, ["get", "-d", "x", &temporary]).run().expect(1);
    assert!(done.error.contains("isn't sent there; use --max-redirects 0"), "{done:?}");
    let kept = scape(network, ["get", "-d", "x", "--max-redirects", "0", "-i", &temporary]).ok();
    assert!(kept.contains("\r\nlocation: /echo\r\n"), "{kept}");
    let text = scape(network, ["get", "-d", "a=1", &url]).ok().to_lowercase();
    assert!(text.starts_with("post /echo ") && text.ends_with("\r\n\r\na=1"), "{text}");
    assert!(text.contains("content-type: application/x-www-form-urlencoded\r\n"), "{text}");
    let typed = scape(network, ["get", "-X", "PUT", "-d", "@-", "-H", "Content-Type: a/b", &url]);
    let text = typed.input("from input").ok().to_lowercase();
    assert!(text.starts_with("put /echo ") && text.ends_with("\r\n\r\nfrom input"), "{text}");
    assert!(text.contains("content-type: a/b\r\n"), "{text}");
    let done = scape(network, ["get", "-d", "@/nowhere/file", &url]).run().expect(2);
    assert!(done.error.contains("/nowhere/file"), "{done:?}");
}

fn writes(network: &TestNetwork) {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    let done = scape(network, ["get", &server.url("/large"), "-o"]).arg(&file).run().expect(0);
    assert!(done.error.contains("200 OK: 3.00 MB in "), "{done:?}");
    assert_eq!((done.out.as_str(), fs::read(&file).unwrap().len()), ("", LARGE));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o600, 0o600);
    // The earlier file stays if the answer isn't complete.
    let done = scape(network, ["get", &server.url("/short"), "-o"]).arg(&file).run().expect(1);
    assert!(done.error.contains("incomplete"), "{done:?}");
    assert_eq!(fs::read(&file).unwrap().len(), LARGE);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{NAME}:{}/", silent.local_addr().unwrap().port());
    let child = scape(network, ["get", &url, "-o"]).arg(&file).start();
    let visitor = silent.accept().unwrap();
    send_signal(child.id(), Signal::TERM);
    Done::of(child, &"an interrupted get").expect(130);
    drop(visitor);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
    scape(network, ["get", &server.url("/"), "-o", "/dev/null"]).ok();
    // The mode of an existing file is kept, also behind a link.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("large", &link).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    scape(network, ["get", &server.url("/"), "-o"]).arg(&link).ok();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"hello\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // The link may lead to a file that doesn't exist yet.
    fs::remove_file(&file).unwrap();
    scape(network, ["get", &server.url("/"), "-o"]).arg(&link).ok();
    assert!(link.is_symlink() && file.exists());
    assert_eq!(scape(network, ["get", &server.url("/"), "-o", "-"]).ok(), "hello\n");
    // A pipe that nobody reads doesn't hold back an interrupt.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = scape(network, ["get", &server.url("/"), "-o"]).arg(&pipe).start();
    wait_for_open(&mut child);
    let begun = Instant::now();
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"a get into a pipe").expect(130);
    assert!(begun.elapsed() < Duration::from_secs(15));
    // A standard output that nobody reads doesn't hold back an interrupt,
    // either.
    for words in [&[][..], &["--json"], &["-o", "/dev/stdout"]] {
        let command = scape(network, ["get", &server.url("/large")]);
        let mut child = words.iter().fold(command, |command, word| command.arg(word)).start();
        let mut out = child.stdout.take().unwrap();
        // The rest doesn't fit into the pipe.
        out.read_exact(&mut [0; 10]).unwrap();
        let begun = Instant::now();
        send_signal(child.id(), Signal::TERM);
        Done::of(child, &words).expect(130);
        assert!(begun.elapsed() < Duration::from_secs(15), "{words:?}");
    }
    assert_eq!(scape(network, ["get", &server.url("/"), "-o", "/dev/stdout"]).ok(), "hello\n");
    // A file that a shell has opened isn't replaced.
    for words in [&["-o", "/dev/stdout"][..], &["-o", "/proc/self/fd/1", "-i"]] {
        let file = folder.path().join("output");
        fs::write(&file, "before\n").unwrap();
        let output = fs::File::options().append(true).open(&file).unwrap();
        let command = scape(network, ["get", &server.url("/")]);
        let command = words.iter().fold(command, |command, word| command.arg(word));
        Done::of(command.start_with(output.into()), &words).expect(0);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("hello\n"), "{text}");
        fs::remove_file(&file).unwrap();
    }
    // Nothing is sent if the answer can't be written.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    silent.set_nonblocking(true).unwrap();
    let url = format!("http://{NAME}:{}/", silent.local_addr().unwrap().port());
    let done = scape(network, ["get", &url, "-d", "x", "-o", "/nowhere/x"]).run().expect(1);
    assert!(done.error.contains("cannot write /nowhere/x: No such file"), "{done:?}");
    assert!(!done.error.contains(".scape-"), "{done:?}");
    assert!(silent.accept().is_err());
}

/// Waits until a thread of the command blocks while it opens a named pipe that
/// has no reader. On systems that don't show this, waits for ten seconds.
fn wait_for_open(child: &mut Child) {
    wait_for_handler(child);
    let deadline = Instant::now() + Duration::from_secs(10);
    let tasks = format!("/proc/{}/task", child.id());
    loop {
        assert_eq!(child.try_wait().unwrap(), None, "the command has ended");
        let tasks = fs::read_dir(&tasks).into_iter().flatten().flatten();
        let names = tasks.map(|task| fs::read_to_string(task.path().join("wchan")));
        let names: Vec<String> = names.filter_map(Result::ok).collect();
        // This function of the kernel waits while a named pipe is opened.
        if names.iter().any(|name| name == "wait_for_partner") {
            return;
        }
        if Instant::now() >= deadline {
            let is_hidden = names.iter().all(|name| matches!(name.as_str(), "" | "0"));
            return assert!(is_hidden, "no thread opens the pipe: {names:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn prints_json(network: &TestNetwork) {
    let server = Server::start();
    let values = scape(network, ["get", &server.url("/elsewhere")]).json();
    let [value] = values.as_slice() else { panic!("{values:?}") };
    assert_eq!(value["url"], server.url("/"));
    assert_eq!((&value["status"], &value["version"]), (&json!(200), &json!("HTTP/1.1")));
    assert_eq!(value["headers"][0], json!({"name": "x-test", "value": "yes"}));
    assert_eq!((&value["bytes"], &value["body"]), (&json!(6), &json!("hello\n")));
    let value = &scape(network, ["get", &server.url("/bytes")]).json()[0];
    assert_eq!((&value["body_base64"], value.get("body")), (&json!("/wAB"), None));
    // Passwords aren't shown.
    let url = server.url("/").replace("//", "//user:secret@");
    assert_eq!(scape(network, ["get", &url]).json()[0]["url"], server.url("/"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hello");
    let value = &scape(network, ["get", &server.url("/"), "-o"]).arg(&file).json()[0];
    assert_eq!((&value["bytes"], value.get("body")), (&json!(6), None));
    assert_eq!(fs::read(&file).unwrap(), b"hello\n");
}

fn checks(network: &TestNetwork) {
    network.name_server().add_address("example.com", Ipv4Addr::LOCALHOST.into());
    let server = Server::start_tls();
    let url = format!("example.com:{}/", server.port);
    let done = scape(network, ["get", &url]).run().expect(1);
    assert!(done.error.contains("certificate"), "{done:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, tls_server::CA).unwrap();
    assert_eq!(scape(network, ["get", &url, "--ca-file"]).arg(&file).ok(), "hello\n");
}

fn explains(network: &TestNetwork) {
    let server = Server::start();
    let done = scape(network, ["get", &server.url("/silent"), "--timeout", "3s"]).run().expect(4);
    assert!(done.error.contains("/silent") && done.error.contains("--timeout"), "{done:?}");
    let done = scape(network, ["get", "http://nobody.scape.test/"]).run().expect(1);
    assert!(done.error.contains("nobody.scape.test"), "{done:?}");
    let done = scape(network, ["get", "http://localhost/"]).run().expect(2);
    assert!(done.error.contains("on this machine or its local network,"), "{done:?}");
    assert!(!done.error.contains("allow_private_addresses"), "{done:?}");
    let done = scape(network, ["get", &server.url("/private")]).run().expect(1);
    assert!(done.error.contains("/private: the server redirects to a URL"), "{done:?}");
    assert!(!done.error.contains("nothing was sent"), "{done:?}");
    let url = server.url("/missing").replace("//", "//user:secret@");
    let done = scape(network, ["get", "--fail", &url]).run().expect(1);
    assert!(!done.error.contains("secret"), "{done:?}");
    let done = scape(network, ["get", "http://a b/"]).run().expect(2);
    assert!(done.error.contains("cannot request http://a b/"), "{done:?}");
    for (wrong, why) in [
        (&["ftp://example.com/"][..], "http://"),
        (&["http://a..b/"], "a..b"),
        (&["http://a.onion:99999/"], "99999"),
        (&["http://a/", "-o", ""], "--output"),
        (&["http://a/", "-H", "Content-Length: 50"], "content-length"),
        (&["http://a/", "-H", "Transfer-Encoding: x"], "transfer-encoding"),
        (&["http://a/", "-H", "Host: a", "-H", "host: b"], "Host"),
    ] {
        let command = wrong.iter().fold(scape(network, ["get"]), |scape, word| scape.arg(word));
        let done = command.run().expect(2);
        assert!(done.error.contains(why), "{done:?}");
    }
}
