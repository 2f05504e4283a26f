use std::fs;

use crate::real_tor::{RealTor, password_line};
use crate::run::Scape;

#[test]
fn control_port_is_found_by_option_or_environment() {
    let tor = RealTor::start("CookieAuthentication 1\n");
    let version = format!("{}\n", tor.controller().get_info("version").unwrap());
    let info = || Scape::new(["info", "version"]);
    assert_eq!(info().control(tor.port()).ok(), version);
    assert_eq!(info().control(tor.socket().display()).ok(), version);
    assert_eq!(info().env("SCAPE_CONTROL", tor.port().to_string()).ok(), version);
    assert_eq!(info().env("TOR_CONTROL_IPC_PATH", tor.socket()).ok(), version);
    // The option is more important.
    assert_eq!(info().env("SCAPE_CONTROL", "1").control(tor.port()).ok(), version);
}

#[test]
fn password_is_read_from_a_file_or_the_environment() {
    let tor = RealTor::start(&password_line("open sesame"));
    let file = tor.folder().join("password");
    fs::write(&file, "open sesame\nsecond line\n").unwrap();
    let signal = || Scape::new(["signal", "DEBUG"]).control(tor.port());
    signal().arg("--password-file").arg(&file).ok();
    signal().env("SCAPE_PASSWORD_FILE", &file).ok();
    signal().env("TOR_CONTROL_PASSWD", "\"open sesame\"").ok();
    let done = signal().env("TOR_CONTROL_PASSWD", "wrong word").run().expect(3);
    assert!(!done.error.contains("wrong word"), "{done:?}");
    let done = signal().run().expect(3);
    assert!(done.error.contains("password"), "{done:?}");
    let done = signal().arg("--password-file").arg("/nowhere").run().expect(2);
    assert!(done.error.contains("cannot read /nowhere"), "{done:?}");
}
