//! The commands for keys of onion services and of their clients. They need no
//! tor.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use run::Scape;
use scape::onion::load_key;
use scape::word::{ClientKey, ClientPublicKey, OnionAddress, OnionKey};
use tempfile::TempDir;

const ADDRESS: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn onion(words: &[&str]) -> Scape {
    words.iter().fold(Scape::new(["onion"]), |scape, word| scape.arg(word))
}

#[test]
fn key_new_saves_a_private_file_and_prints_the_address() {
    let folder = folder();
    let file = folder.path().join("site.key");
    let out = onion(&["key", "new"]).arg(&file).ok();
    let key = load_key(&file).unwrap();
    assert_eq!(out, format!("{}\n", key.address()));
    assert_eq!(mode(&file), 0o600);
    // A key is never overwritten.
    let done = onion(&["key", "new"]).arg(&file).run().expect(1);
    assert!(done.error.contains("site.key"), "{done:?}");
    assert_eq!(load_key(&file).unwrap(), key);
    let done = onion(&["key", "new", "/nowhere/site.key"]).run().expect(1);
    assert!(done.error.ends_with("No such file or directory (os error 2)\n"), "{done:?}");
    let value = &onion(&["key", "show"]).arg(&file).json()[0];
    assert_eq!(value["address"], key.address().to_string());
    assert_eq!((value["file"].as_str(), value.get("private_key")), (file.to_str(), None));
}

#[test]
fn key_new_without_a_file_prints_the_key() {
    let out = onion(&["key", "new"]).ok();
    let (address, key) = out.trim_end().split_once('\n').unwrap();
    assert_eq!(key.parse::<OnionKey>().unwrap().address().to_string(), address);
    let value = &onion(&["key", "new"]).json()[0];
    let key: OnionKey = value["private_key"].as_str().unwrap().parse().unwrap();
    assert_eq!(value["address"], key.address().to_string());
    assert!(value["file"].is_null());
}

#[test]
fn key_show_reads_the_files_of_tor_and_hides_the_key() {
    let folder = folder();
    let key = OnionKey::random();
    let file = folder.path().join("hs_ed25519_secret_key");
    fs::write(&file, key.to_secret_key_file()).unwrap();
    assert_eq!(onion(&["key", "show"]).arg(&file).ok(), format!("{}\n", key.address()));
    let secret = onion(&["key", "show", "--secret"]).arg(&file).ok();
    assert_eq!(secret, format!("{}\n{}\n", key.address(), *key.to_blob()));
    let value = &onion(&["key", "show", "--secret"]).arg(&file).json()[0];
    assert_eq!(value["private_key"], key.to_blob().as_str());
    let done = onion(&["key", "show", "/nowhere/key"]).run().expect(1);
    assert!(done.error.contains("/nowhere/key"), "{done:?}");
    fs::write(&file, "nonsense").unwrap();
    let done = onion(&["key", "show"]).arg(&file).run().expect(1);
    assert!(done.error.contains("hs_ed25519_secret_key"), "{done:?}");
}

#[test]
fn names_are_kept_in_the_data_folder() {
    let data = folder();
    let named = |words: &[&str]| onion(words).env("XDG_DATA_HOME", data.path());
    let address = named(&["key", "new", "--name", "my-app"]).ok();
    let file = data.path().join("scape/onions/my-app.key");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(named(&["key", "show", "--name", "my-app"]).ok(), address);
    named(&["key", "new", "--name", "my-app"]).run().expect(1);
    let done = named(&["key", "new", "--name", "../escape"]).run().expect(2);
    assert!(done.error.contains("a name has 1 to 64 letters"), "{done:?}");
    // Without the variable, the folder is below the home folder.
    let home =
        onion(&["key", "new", "--name", "a"]).env("XDG_DATA_HOME", "").env("HOME", data.path());
    home.ok();
    assert!(data.path().join(".local/share/scape/onions/a.key").exists());
}

#[test]
fn auth_new_prints_the_lines_for_both_sides() {
    let value = &onion(&["auth", "new", ADDRESS]).json()[0];
    let text = |name: &str| value[name].as_str().unwrap();
    let key: ClientKey = text("private_key").parse().unwrap();
    let address: OnionAddress = ADDRESS.parse().unwrap();
    assert_eq!(text("client_line"), key.auth_private_line(&address).as_str());
    let public: ClientPublicKey = text("public_key").parse().unwrap();
    assert_eq!((public, public.auth_line().as_str()), (key.public_key(), text("service_line")));
    let out = onion(&["auth", "new"]).ok();
    let lines: Vec<(&str, &str)> = out.lines().map(|line| line.split_at(13)).collect();
    let [("Public key   ", public), ("Service      ", service), ("Private key  ", key)] = lines[..]
    else {
        panic!("{out}")
    };
    assert_eq!(service, format!("descriptor:x25519:{public}"));
    assert_eq!(key.parse::<ClientKey>().unwrap().public_key().to_string(), public);
}

#[test]
fn auth_new_saves_the_private_key_without_showing_it() {
    let folder = folder();
    let file = folder.path().join("me.auth_private");
    let value = &onion(&["auth", "new", ADDRESS, "--key-file"]).arg(&file).json()[0];
    let text = fs::read_to_string(&file).unwrap();
    let key: ClientKey = text.parse().unwrap();
    assert_eq!(value["public_key"], key.public_key().to_string());
    assert_eq!((value.get("private_key"), value.get("client_line")), (None, None));
    assert_eq!(value["key_file"].as_str(), file.to_str());
    assert_eq!(mode(&file), 0o600);
    assert!(text.starts_with(ADDRESS.trim_end_matches(".onion")), "{text}");
    let done = onion(&["auth", "new", "--key-file"]).arg(&file).run().expect(1);
    assert!(done.error.contains("cannot write"), "{done:?}");
    let done = onion(&["auth", "new", "nonsense"]).run().expect(2);
    assert!(done.error.contains("nonsense"), "{done:?}");
}

#[test]
fn client_key_of_another_service_is_refused() {
    let folder = folder();
    let file = folder.path().join("a.auth_private");
    onion(&["auth", "new", ADDRESS, "--key-file"]).arg(&file).ok();
    let other = OnionKey::random().address().to_string();
    let (first, second) = (format!("{ADDRESS}:80~0"), format!("{other}:80~0"));
    // The check comes before the connection to tor, so no tor is needed.
    for words in
        [&["auth", "add", &other, "--key-file"][..], &["forward", &first, &second, "--client-key"]]
    {
        let done = onion(words).arg(&file).control("/nowhere/control").run().expect(2);
        assert!(done.error.contains(&format!("is for {ADDRESS}, not for {other}")), "{done:?}");
    }
    let own = onion(&["auth", "add", ADDRESS, "--key-file"]).arg(&file);
    own.control("/nowhere/control").run().expect(3);
}

#[test]
fn share_refuses_a_key_in_the_shared_folder() {
    let folder = folder();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    // The check comes before the connection to tor, so no tor is needed.
    let share = |words: &[&str]| {
        let command = onion(&["share"]).control("/nowhere/control").arg(&site);
        let command = command.env("XDG_DATA_HOME", site.join("data"));
        words.iter().fold(command, |command, word| command.arg(word)).run()
    };
    let key = site.join("site.key");
    for exists in [false, true] {
        let done = share(&["--key", key.to_str().unwrap()]).expect(2);
        assert!(done.error.contains("visitors could fetch the key"), "{done:?}");
        assert_eq!(key.exists(), exists);
        fs::write(&key, "x").unwrap();
    }
    let done = share(&["--name", "a"]).expect(2);
    assert!(done.error.contains("onions/a.key"), "{done:?}");
}

#[test]
fn interrupt_ends_the_wait_for_a_key() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for file in [pipe.to_str().unwrap(), "-"] {
        let import = format!("{ADDRESS}:80");
        for words in [
            &["onion", "auth", "add", ADDRESS, "--key-file", file][..],
            &["onion", "forward", &import, "--client-key", file],
            &["get", "http://a.test", "--ca-file", file],
            &["get", "http://a.test", "-d", &format!("@{file}")],
        ] {
            // The SOCKS port is never used, because the command waits for its
            // input.
            let command = words.iter().fold(Scape::new([]), |scape, word| scape.arg(word));
            let mut child = command.arg("--socks").arg("127.0.0.1:9").start();
            run::wait_for_handler(&mut child);
            let begun = std::time::Instant::now();
            run::send_signal(child.id(), rustix::process::Signal::INT);
            let input = child.stdin.take();
            run::Done::of(child, &words).expect(130);
            // Without an interrupt of the wait, the program ends after 20 s.
            assert!(begun.elapsed().as_secs() < 15, "{words:?}");
            drop(input);
        }
    }
}

#[test]
fn name_of_a_client_key_is_checked() {
    for name in ["a b", "", "a\"", "aaaaaaaaaaaaaaaaa", "\u{e4}"] {
        let command = onion(&["auth", "add", ADDRESS, "--key-file", "-", "--name", name]);
        let done = command.run().expect(2);
        assert!(done.error.contains("1 to 16 ASCII characters"), "{done:?}");
    }
}
