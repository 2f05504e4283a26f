use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use scape::process::Control;
use scape::testing::TestNetwork;
use scape::word::ClientKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::Scape;
use crate::server::LARGE;
use crate::watching::Watching;
use crate::{SOON, scape, visit};

cases! {
    ONIONS:
    onion_share_serves_a_folder = folder,
    onion_share_resumes_downloads = resumes,
    onion_share_ends_after_one_download = once,
    onion_share_keeps_its_name_and_admits_clients = keeps,
    onion_share_and_forward_end_with_tor = ends_with_tor,
    onion_share_refuses_what_it_cannot_share = refuses,
}

/// Creates a temporary folder with files to share, and a file outside of the
/// shared folder.
fn files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir_all(site.join("sub")).unwrap();
    fs::write(site.join("a b.txt"), "hello\n").unwrap();
    fs::write(site.join("large"), vec![b'x'; LARGE]).unwrap();
    fs::write(site.join("sub/index.html"), "<p>index</p>").unwrap();
    fs::write(folder.path().join("outside"), "secret").unwrap();
    symlink("../outside", site.join("link")).unwrap();
    folder
}

fn get(network: &TestNetwork, url: &str, words: &[&str]) -> String {
    let command = scape(network, ["get", url]);
    words.iter().fold(command, |command, word| command.arg(word)).ok()
}

fn share(network: &TestNetwork, path: &Path, words: &[&str]) -> Watching {
    let command = scape(network, ["onion", "share"]).arg(path);
    Watching::start(words.iter().fold(command, |command, word| command.arg(word)))
}

fn folder(network: &TestNetwork) {
    let folder = files();
    let sharing = share(network, &folder.path().join("site"), &[]);
    let url = sharing.line();
    assert!(url.starts_with("http://") && url.ends_with(".onion/"), "{url}");
    visit(network, &url);
    let page = get(network, &url, &["-i"]);
    for expected in ["HTTP/1.1 200 OK\r\n", "href=\"./a%20b.txt\"", "href=\"./sub/\"", "3.00 MB"] {
        assert!(page.contains(expected), "no {expected:?} in\n{page}");
    }
    assert!(!page.contains("link") && !page.to_lowercase().contains("server:"), "{page}");
    assert_eq!(get(network, &format!("{url}a%20b.txt"), &[]), "hello\n");
    assert_eq!(get(network, &format!("{url}sub"), &[]), "<p>index</p>");
    assert_eq!(get(network, &format!("{url}large"), &[]).len(), LARGE);
    for path in ["link", "../outside", "%2e%2e/outside", "nothing"] {
        let text = get(network, &format!("{url}{path}"), &["-i"]);
        assert!(text.starts_with("HTTP/1.1 404 Not Found\r\n"), "{path}: {text}");
    }
    // A connection can have two requests.
    let target = url.trim_start_matches("http://").trim_end_matches('/').to_owned() + ":80";
    let requests = "GET /a%20b.txt HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\nConnection: close\r\n\r\n";
    let text = scape(network, ["connect", &target]).input(requests).ok();
    let answers: Vec<&str> = text.matches("HTTP/1.1 200 OK\r\n").collect();
    assert!(answers.len() == 1 && text.ends_with("404 Not Found\n"), "{text}");
    let head = get(network, &format!("{url}large"), &["-i", "-X", "HEAD"]);
    assert!(head.contains(&format!("content-length: {LARGE}\r\n")), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let text = get(network, &url, &["-i", "-d", "x"]);
    assert!(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{text}");
    let done = sharing.interrupt().expect(130);
    assert!(done.error.contains("GET /a%20b.txt: 200, 6 B\n"), "{done:?}");
    assert!(!done.error.contains("panicked"), "{done:?}");
}

fn resumes(network: &TestNetwork) {
    let folder = files();
    let sharing =
        share(network, &folder.path().join("site/a b.txt"), &["--json", "--port", "8080"]);
    let ready: Value = serde_json::from_str(&sharing.line()).unwrap();
    assert_eq!((&ready["event"], &ready["port"]), (&json!("ready"), &json!(8080)));
    assert_eq!((&ready["key_file"], &ready["clients"]), (&Value::Null, &json!(0)));
    let url = ready["url"].as_str().unwrap();
    let address = ready["address"].as_str().unwrap();
    assert_eq!(url, format!("http://{address}:8080/a%20b.txt"));
    visit(network, url);
    let text = get(network, url, &["-i", "-H", "Range: bytes=1-2"]);
    assert!(text.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{text}");
    assert!(
        text.contains("content-range: bytes 1-2/6\r\n") && text.ends_with("\r\n\r\nel"),
        "{text}"
    );
    let tag = text.split("etag: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let same = ["-H", "Range: bytes=-2", "-H", &format!("If-Range: {tag}")];
    assert_eq!(get(network, url, &same), "o\n");
    let other = ["-H", "Range: bytes=-2", "-H", "If-Range: \"x\""];
    assert_eq!(get(network, url, &other), "hello\n");
    let text = get(network, url, &["-i", "-H", "Range: bytes=6-"]);
    assert!(text.starts_with("HTTP/1.1 416 "), "{text}");
    assert!(text.contains("content-range: bytes */6\r\n"), "{text}");
    let request = sharing.value(|value| value["status"] == 206);
    assert_eq!(request["event"], "request");
    assert_eq!((&request["method"], &request["path"]), (&json!("GET"), &json!("/a%20b.txt")));
    assert_eq!((&request["bytes"], &request["complete"]), (&json!(2), &json!(true)));
    // The root lists the file.
    let page = get(network, &format!("http://{address}:8080"), &[]);
    assert!(page.contains("a b.txt"), "{page}");
    sharing.interrupt().expect(130);
}

fn once(network: &TestNetwork) {
    let folder = files();
    let sharing = share(network, &folder.path().join("site"), &["--once"]);
    let url = sharing.line();
    visit(network, &url);
    // Neither a part nor a page is a complete download.
    assert_eq!(get(network, &format!("{url}a%20b.txt"), &["-H", "Range: bytes=0-1"]), "he");
    assert_eq!(get(network, &format!("{url}large"), &[]).len(), LARGE);
    sharing.end().expect(0);
}

fn keeps(network: &TestNetwork) {
    let folder = files();
    let data = folder.path().join("data");
    let key = ClientKey::random();
    let public = key.public_key().to_string();
    let command = || {
        scape(network, ["onion", "share", "--name", "site", "--client", &public, "--json"])
            .env("XDG_DATA_HOME", &data)
            .arg(folder.path().join("site"))
            .arg(folder.path().join("outside"))
    };
    let mut urls = Vec::new();
    for _ in 0..2 {
        let sharing = Watching::start(command());
        let ready: Value = serde_json::from_str(&sharing.line()).unwrap();
        let file = data.join("scape/onions/site.key");
        assert_eq!(ready["key_file"].as_str(), file.to_str());
        assert_eq!(ready["clients"], 1);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        urls.push(ready["url"].as_str().unwrap().to_owned());
        if urls.len() == 1 {
            let address = ready["address"].as_str().unwrap();
            let done = scape(network, ["get", &urls[0]]).run().expect(1);
            assert!(done.error.contains("authoriz"), "{done:?}");
            let add = scape(network, ["onion", "auth", "add", address, "--key-file", "-"]);
            add.input(&*key.to_base32()).ok();
            visit(network, &urls[0]);
            let page = get(network, &urls[0], &[]);
            assert!(page.contains("\"./site/\"") && page.contains("\"./outside\""), "{page}");
            assert_eq!(get(network, &format!("{}outside", urls[0]), &[]), "secret");
            scape(network, ["onion", "auth", "remove", address]).ok();
        }
        sharing.interrupt().expect(130);
    }
    assert_eq!(urls[0], urls[1]);
    // The key may also be in a key file of tor.
    let file = folder.path().join("hs_ed25519_secret_key");
    let onion = scape::word::OnionKey::random();
    fs::write(&file, onion.to_secret_key_file()).unwrap();
    let sharing = share(network, &folder.path().join("site"), &["--key", file.to_str().unwrap()]);
    assert_eq!(sharing.line(), format!("http://{}/", onion.address()));
    sharing.interrupt().expect(130);
}

fn ends_with_tor(network: &TestNetwork) {
    let folder = files();
    let launch = network.launch().control(Control::TcpPort).timeout(SOON);
    let tor = launch.start().unwrap();
    let control = tor.control_address().unwrap().to_string();
    let command = |word: &str| Scape::new(["--control", &control, "onion", word]);
    let sharing = Watching::start(command("share").arg(folder.path().join("site")));
    let forwarding = Watching::start(command("forward").arg("8000"));
    sharing.line();
    forwarding.line();
    tor.stop().unwrap();
    for running in [sharing, forwarding] {
        let done = running.end().expect(3);
        assert!(done.error.contains("ended"), "{done:?}");
    }
}

fn refuses(network: &TestNetwork) {
    let done = scape(network, ["onion", "share", "/nowhere/x"]).run().expect(2);
    assert!(done.error.contains("cannot share /nowhere/x"), "{done:?}");
    let done = scape(network, ["onion", "share", "/dev/null"]).run().expect(2);
    assert!(done.error.contains("neither a file nor a folder"), "{done:?}");
    let done = scape(network, ["onion", "share", "/", "--client", "x"]).run().expect(2);
    assert!(done.error.contains("PUBLICKEY"), "{done:?}");
    // Nothing is left if the service can't be published in time.
    let folder = files();
    let key = folder.path().join("key");
    let done = scape(network, ["onion", "share", "--timeout", "0.01", "--key"])
        .arg(&key)
        .arg(folder.path().join("site"))
        .run();
    assert!(matches!(done.code, Some(3 | 4)), "{done:?}");
    assert!(!key.exists());
}
