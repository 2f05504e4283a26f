//! Every way to authenticate with a real tor, with right and wrong secrets.
//! Also authenticates with peers that aren't control ports or only pretend to
//! be one.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::error::Error as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scape::connection::CloseCause;
use scape::control::{AuthError, ConnectError};
use scape::error::{IoError, Phase, Timeout};
use scape::testing::ScriptedTor;
use scape::word::Secret;
use scape::{Connect, Controller, Error, ErrorKind};
use support::impostor::Impostor;
use support::real_tor::{RealTor, password_line};

const PASSWORD: &str = "open sesame 7153";
const COOKIE: &str = "CookieAuthentication 1\n";

/// A logger that keeps all lines that the tests of this file log, at any level.
struct Captured(Mutex<String>);

static CAPTURED: LazyLock<Captured> = LazyLock::new(|| Captured(Mutex::default()));

impl log::Log for Captured {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().push_str(&format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Installs the logger. Only the first call has an effect.
fn capture_logs() {
    if log::set_logger(&*CAPTURED).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

/// Returns all texts of an error: `Display`, `Debug`, and those of its causes.
fn shown(error: &Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!("\n{error}\n{error:?}"));
        source = error.source();
    }
    text
}

/// Checks that neither the log nor `text` contains this secret. Also checks its
/// escaped form and its hexadecimal form.
fn assert_hidden(secret: &[u8], text: &str) {
    let logged = CAPTURED.0.lock().clone();
    assert!(logged.contains("scape::wire"), "nothing was captured");
    let plain = String::from_utf8_lossy(secret).into_owned();
    let escaped = plain.escape_debug().to_string();
    for form in [plain, escaped, hex::encode(secret), hex::encode_upper(secret)] {
        for place in [&logged, text] {
            assert!(!place.contains(&form), "{form:?} is shown in\n{place}");
        }
    }
}

fn refused(connect: &Connect) -> Error {
    match connect.connect() {
        Ok(_) => panic!("{connect:?} was let in"),
        Err(error) => error,
    }
}

fn auth(error: &Error) -> &AuthError {
    error.get::<AuthError>().unwrap_or_else(|| panic!("{error:?}"))
}

fn works(controller: &Controller) {
    assert!(controller.version().unwrap() >= "0.4.0.0".parse().unwrap());
}

/// Writes a file to tor's folder, and returns the file's path.
fn file(tor: &RealTor, name: &str, content: &[u8]) -> PathBuf {
    let path = tor.folder().join(name);
    fs::write(&path, content).unwrap();
    path
}

/// Returns an answer to PROTOCOLINFO with these methods and this path of a
/// cookie file.
fn protocolinfo(methods: &str, cookie: Option<&Path>) -> String {
    let cookie =
        cookie.map(|path| format!(" COOKIEFILE=\"{}\"", path.display())).unwrap_or_default();
    format!(
        "250-PROTOCOLINFO 1\r\n250-AUTH METHODS={methods}{cookie}\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n"
    )
}

#[test]
fn authentication_without_a_secret() {
    let tor = RealTor::start("");
    for connect in [tor.over_unix(), tor.over_tcp()] {
        works(&connect.connect().unwrap());
        // An unneeded password or cookie file does no harm.
        works(&connect.password(PASSWORD).cookie_file("/nonexistent").connect().unwrap());
    }
}

#[test]
fn authentication_with_a_password() {
    capture_logs();
    let tor = RealTor::start(&password_line(PASSWORD));
    for connect in [tor.over_unix(), tor.over_tcp()] {
        works(&connect.clone().password(PASSWORD).connect().unwrap());

        let error = refused(&connect.clone().password("wrong 8842"));
        assert!(
            matches!(auth(&error), AuthError::PasswordWrong(refusal) if refusal.code() == 515),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("Password did not match HashedControlPassword"),
            "{error}"
        );
        assert_hidden(b"wrong 8842", &shown(&error));

        let error = refused(&connect);
        assert!(matches!(auth(&error), AuthError::PasswordMissing { cookie: None }), "{error:?}");
        assert!(error.to_string().contains("HashedControlPassword"), "{error}");
        assert_hidden(PASSWORD.as_bytes(), &format!("{:?}", connect.password(PASSWORD)));
    }
}

#[test]
fn authentication_with_passwords_of_every_kind() {
    capture_logs();
    let odd = [
        "",
        "\"",
        "say \"friend\" \\ and 'enter'\\",
        "two\r\nlines 5120",
        "sésame ☃ 4471",
        " 6 spaces   ",
    ];
    let lines: String = odd.iter().map(|password| password_line(password)).collect();
    // This is the hash of "nul\0inside", because no command line can contain a
    // NUL.
    let nul =
        "HashedControlPassword 16:000102030405060760F8C9E71A820D9815A6CA9B25841DBE8606DC1B1A\n";
    let tor = RealTor::start(&format!("{lines}{nul}"));
    for password in odd.into_iter().chain(["nul\0inside"]) {
        let connect = tor.over_unix().password(password);
        works(&connect.connect().unwrap_or_else(|e| panic!("{password:?}: {e}")));
        if password.len() > 3 {
            assert_hidden(password.as_bytes(), &format!("{connect:?}"));
        }
    }
    for wrong in [
        "\"\"",
        "two\nlines 5120",
        "nul",
        "nul\0",
        "sésame ☃ 4471\r\nSIGNAL HALT",
        "\0",
        "6 spaces",
    ] {
        let error = refused(&tor.over_unix().password(wrong));
        assert!(matches!(auth(&error), AuthError::PasswordWrong(_)), "{wrong:?}: {error:?}");
    }
    // tor accepts only command lines below 1 MiB.
    let error = refused(&tor.over_unix().password("x".repeat(600_000)));
    assert!(
        error.kind() == ErrorKind::Argument || error.to_string().contains("1048576"),
        "{error:?}"
    );
    works(&tor.over_unix().password("").connect().unwrap());
    // This password isn't valid text.
    let error = refused(&tor.over_unix().password(Secret::new([0xff, 0xfe, 0x00])));
    assert!(matches!(auth(&error), AuthError::PasswordWrong(_)), "{error:?}");
}

#[test]
fn authentication_with_a_cookie() {
    capture_logs();
    let tor = RealTor::start(COOKIE);
    let cookie = fs::read(tor.cookie_file()).unwrap();
    let copy = file(&tor, "copy", &cookie);
    for connect in [tor.over_unix(), tor.over_tcp()] {
        works(&connect.connect().unwrap());
        works(&connect.clone().cookie_file(&copy).connect().unwrap());
        // This tor doesn't ask for a password.
        works(&connect.clone().password(PASSWORD).connect().unwrap());
    }
    assert_hidden(&cookie, "");
    assert_hidden(PASSWORD.as_bytes(), "");
    let logged = CAPTURED.0.lock().clone();
    assert!(
        logged.contains("AUTHENTICATE [redacted]") && logged.contains("SERVERHASH=[redacted]"),
        "{logged}"
    );
}

#[test]
fn authentication_with_a_cookie_file_of_an_odd_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a \"cookie\" 'of' \\ tör #1");
    let quoted = scape_proto::control::c_string(path.to_str().unwrap());
    let tor = RealTor::start(&format!("{COOKIE}CookieAuthFile {quoted}\n"));
    assert!(path.exists());
    works(&tor.controller());
}

#[test]
fn wrong_cookie_is_reported() {
    capture_logs();
    let tor = RealTor::start(COOKIE);
    let wrong = file(&tor, "wrong", b"0123456789abcdef0123456789ABCDEF");
    let error = refused(&tor.over_unix().cookie_file(&wrong).password(PASSWORD));
    assert!(
        matches!(auth(&error), AuthError::ServerHashWrong { path } if *path == wrong),
        "{error:?}"
    );
    assert_hidden(b"0123456789abcdef0123456789ABCDEF", &shown(&error));
}

#[test]
fn files_that_are_no_cookie_are_refused() {
    capture_logs();
    let tor = RealTor::start(COOKIE);
    let huge = tor.folder().join("huge");
    File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let sizes = [
        (file(&tor, "empty", b""), 0),
        (file(&tor, "short", b"very secret, thirty-one bytes.."), 31),
        (file(&tor, "long", b"very secret, thirty-three bytes.."), 33),
        (huge, 1 << 40),
    ];
    for (path, size) in sizes {
        let error = refused(&tor.over_unix().cookie_file(&path));
        let AuthError::CookieSize { path: named, length } = auth(&error) else {
            panic!("{error:?}")
        };
        assert_eq!((named, *length), (&path, size));
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_hidden(b"very secret", &shown(&error));
    }
    let missing = tor.folder().join("missing");
    let error = refused(&tor.over_unix().cookie_file(&missing));
    assert!(
        matches!(auth(&error), AuthError::CookieUnreadable { path, .. } if *path == missing),
        "{error:?}"
    );
    assert!(shown(&error).contains("No such file"), "{error:?}");
    // The connection was fine, and tor still works.
    works(&tor.controller());
}

#[test]
fn authentication_with_a_cookie_or_a_password() {
    capture_logs();
    let tor = RealTor::start(&format!("{COOKIE}{}", password_line(PASSWORD)));
    let missing = tor.folder().join("missing");
    let wrong = file(&tor, "wrong", &[b'w'; 32]);
    for connect in [tor.over_unix(), tor.over_tcp()] {
        // Either secret is enough.
        works(&connect.connect().unwrap());
        works(&connect.clone().password("wrong").connect().unwrap());
        let without_cookie = connect.clone().cookie_file(&missing);
        works(&without_cookie.clone().password(PASSWORD).connect().unwrap());
        works(
            &connect
                .clone()
                .cookie_file(file(&tor, "empty", b""))
                .password(PASSWORD)
                .connect()
                .unwrap(),
        );

        // Neither secret is available.
        let error = refused(&without_cookie);
        let AuthError::PasswordMissing { cookie: Some(cookie) } = auth(&error) else {
            panic!("{error:?}")
        };
        assert!(
            matches!(&**cookie, AuthError::CookieUnreadable { path, .. } if *path == missing),
            "{error:?}"
        );
        assert!(error.to_string().contains(missing.to_str().unwrap()), "{error}");

        let error = refused(&without_cookie.password("wrong 3391"));
        let AuthError::All(all) = auth(&error) else { panic!("{error:?}") };
        assert!(
            matches!(&all[..], [AuthError::CookieUnreadable { .. }, AuthError::PasswordWrong(_)]),
            "{error:?}"
        );
        assert_hidden(b"wrong 3391", &shown(&error));

        // A peer that doesn't know the cookie's content doesn't get the
        // password.
        let error = refused(&connect.cookie_file(&wrong).password(PASSWORD));
        assert!(matches!(auth(&error), AuthError::ServerHashWrong { .. }), "{error:?}");
        assert_hidden(PASSWORD.as_bytes(), &shown(&error));
    }
}

#[test]
fn refused_cookie_is_followed_by_the_password_on_a_new_connection() {
    capture_logs();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookie");
    fs::write(&path, b"the cookie of another tor, 5517!").unwrap();
    let info = protocolinfo("COOKIE,HASHEDPASSWORD", Some(&path));
    let right = format!("AUTHENTICATE {}", hex::encode(PASSWORD));
    let peer = Impostor::control_port(move |line| match line {
        "PROTOCOLINFO 1" => Some(info.clone()),
        "GETINFO version" => Some("250-version=0.4.9.11\r\n250 OK\r\n".into()),
        line if line == right => Some("250 OK\r\n".into()),
        _ => None,
    });
    let connect = Connect::to(peer.address()).unwrap().cookie_file(&path);
    works(&connect.clone().password(PASSWORD).connect().unwrap());
    let error = refused(&connect.password("wrong 2093"));
    let AuthError::All(all) = auth(&error) else { panic!("{error:?}") };
    assert!(matches!(&all[..], [AuthError::Closed(_), AuthError::Closed(_)]), "{error:?}");
    assert_hidden(b"the cookie of another tor, 5517!", &shown(&error));
    assert_hidden(b"wrong 2093", &shown(&error));
    let received = peer.finish();
    let cookie = hex::encode("the cookie of another tor, 5517!");
    assert_eq!(received[0], format!("PROTOCOLINFO 1\r\nAUTHENTICATE {cookie}\r\n"));
    assert!(
        received[1].starts_with(&format!("AUTHENTICATE {}\r\n", hex::encode(PASSWORD))),
        "{received:?}"
    );
}

#[test]
fn peer_that_does_not_know_the_cookie_gets_no_secret() {
    capture_logs();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookie");
    fs::write(&path, b"a cookie that is none of its own").unwrap();
    let info = protocolinfo("COOKIE,SAFECOOKIE,HASHEDPASSWORD,NULL", Some(&path));
    let peer = Impostor::control_port(move |line| match line.split(' ').next() {
        Some("PROTOCOLINFO") => Some(info.clone()),
        Some("AUTHCHALLENGE") => {
            Some(format!("250 AUTHCHALLENGE SERVERHASH={0} SERVERNONCE={0}\r\n", "5A".repeat(32)))
        }
        _ => Some("250 OK\r\n".into()),
    });
    let error = refused(&Connect::to(peer.address()).unwrap().password(PASSWORD));
    assert!(
        matches!(auth(&error), AuthError::ServerHashWrong { path: named } if *named == path),
        "{error:?}"
    );
    assert_hidden(b"a cookie that is none of its own", &shown(&error));
    let received = peer.finish();
    let lines: Vec<&str> = received[0].lines().collect();
    assert_eq!(lines.len(), 2, "{received:?}");
    assert_eq!(lines[0], "PROTOCOLINFO 1");
    let nonce = lines[1].strip_prefix("AUTHCHALLENGE SAFECOOKIE ").unwrap();
    assert_eq!(hex::decode(nonce).unwrap().len(), 32);
    assert!(received[1..].iter().all(String::is_empty), "{received:?}");
}

#[test]
fn malformed_answers_to_authchallenge_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookie");
    fs::write(&path, [b'c'; 32]).unwrap();
    for answer in [
        "250 OK",
        "250 AUTHCHALLENGE",
        "250 AUTHCHALLENGE SERVERHASH=00 SERVERNONCE=00",
        "250 AUTHCHALLENGE SERVERHASH=zz SERVERNONCE=zz",
        "551 no",
    ] {
        let info = protocolinfo("COOKIE,SAFECOOKIE,HASHEDPASSWORD,NULL", Some(&path));
        let peer = Impostor::control_port(move |line| match line.split(' ').next() {
            Some("PROTOCOLINFO") => Some(info.clone()),
            Some("AUTHCHALLENGE") => Some(format!("{answer}\r\n")),
            _ => Some("250 OK\r\n".into()),
        });
        let error = refused(&Connect::to(peer.address()).unwrap().password(PASSWORD));
        let AuthError::NoChallenge { path: named, answer: told } = auth(&error) else {
            panic!("{error:?}")
        };
        assert_eq!(named, &path);
        assert_eq!(told.get(..12), answer.get(..12), "{answer}");
        assert!(!error.to_string().contains("Is tor running"), "{error}");
        let received = peer.finish();
        assert!(
            received.iter().all(|sent| !sent.contains("AUTHENTICATE")),
            "{answer}: {received:?}"
        );
    }
}

#[test]
fn peer_that_names_another_file_as_cookie_gets_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&fifo, &link).unwrap();
    let places = [
        Path::new("/etc/passwd"),
        &fifo,
        &link,
        folder.path(),
        Path::new("/dev/zero"),
        Path::new("/dev/tty"),
        Path::new("/proc/self/environ"),
        Path::new("/proc/kmsg"),
        Path::new("relative"),
        Path::new(""),
    ];
    for is_given in [false, true] {
        for path in places {
            // Without SAFECOOKIE, a peer only gets the content of files that
            // the user named.
            let methods = if is_given { "COOKIE" } else { "COOKIE,SAFECOOKIE" };
            let info = protocolinfo(methods, Some(path));
            let peer = Impostor::control_port(move |line| match line.split(' ').next() {
                Some("PROTOCOLINFO") => Some(info.clone()),
                _ => Some("250 OK\r\n".into()),
            });
            let start = Instant::now();
            let mut connect = Connect::to(peer.address()).unwrap();
            if is_given {
                connect = connect.cookie_file(path);
            }
            let error = refused(&connect);
            assert!(start.elapsed() < Duration::from_secs(10), "{path:?}");
            assert!(
                matches!(
                    auth(&error),
                    AuthError::CookieUnreadable { .. } | AuthError::CookieSize { .. }
                ),
                "{path:?}: {error:?}"
            );
            assert_eq!(peer.finish()[0], "PROTOCOLINFO 1\r\n", "{path:?}");
        }
    }
}

#[test]
fn plain_cookie_is_only_sent_from_a_file_that_the_user_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed.dat");
    fs::write(&path, b"thirty-two bytes of a wallet....").unwrap();
    let info = protocolinfo("COOKIE", Some(&path));
    let peer = Impostor::control_port(move |line| match line {
        "PROTOCOLINFO 1" => Some(info.clone()),
        "GETINFO version" => Some("250-version=0.4.9.11\r\n250 OK\r\n".into()),
        _ => Some("250 OK\r\n".into()),
    });
    let connect = Connect::to(peer.address()).unwrap();
    let error = refused(&connect);
    assert!(
        matches!(auth(&error), AuthError::CookieFromPeer { path: named } if *named == path),
        "{error:?}"
    );
    assert!(error.to_string().contains("TOR_CONTROL_COOKIE_AUTH_FILE"), "{error}");
    works(&connect.cookie_file(&path).connect().unwrap());
    let received = peer.finish();
    assert_eq!(received[0], "PROTOCOLINFO 1\r\n");
    let digits = hex::encode("thirty-two bytes of a wallet....");
    assert!(received[1].contains(&format!("AUTHENTICATE {digits}\r\n")), "{received:?}");
}

#[test]
fn second_auth_method_is_not_tried_over_a_single_transport() {
    let tor = ScriptedTor::builder()
        .on("PROTOCOLINFO 1", protocolinfo("HASHEDPASSWORD,NULL", None))
        .on_prefix("AUTHENTICATE", "515 Authentication failed\r\n")
        .start()
        .unwrap();
    let transport = tor.transport().unwrap();
    let error = Connect::new().password(PASSWORD).authenticate_over(transport).unwrap_err();
    let AuthError::All(all) = auth(&error) else { panic!("{error:?}") };
    assert!(matches!(&all[..], [AuthError::PasswordWrong(_), AuthError::NotTried]), "{error:?}");
    assert!(error.to_string().contains("Connect::through"), "{error}");
}

#[test]
fn peer_that_hangs_up_on_the_challenge_gets_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookie");
    fs::write(&path, [b'c'; 32]).unwrap();
    let info = protocolinfo("COOKIE,SAFECOOKIE,HASHEDPASSWORD", Some(&path));
    let peer =
        Impostor::control_port(move |line| line.starts_with("PROTOCOLINFO").then(|| info.clone()));
    let error = refused(&Connect::to(peer.address()).unwrap().password(PASSWORD));
    assert!(matches!(auth(&error), AuthError::Closed(_)), "{error:?}");
    assert!(peer.finish().iter().all(|sent| !sent.contains("AUTHENTICATE")));
}

#[test]
fn echo_of_a_password_is_hidden() {
    capture_logs();
    let password = format!("a long password {}", "7331 ".repeat(40));
    let digits = hex::encode(&password);
    let half = digits.split_at(80).0;
    let answers = [
        format!("515 AUTHENTICATE {digits}\r\n"),
        format!("515 AUTHENTICATE {}\r\n", digits.to_ascii_uppercase()),
        format!("515 you said {password}\r\n"),
        format!("515-{digits}\r\n515 {password}\r\n"),
        // This is not a reply, and the error contains its beginning.
        format!("AUTHENTICATE {digits}\r\n"),
        format!("{password}\r\n"),
        // The peer sends one more reply than expected, and an event.
        format!("250 OK\r\n650 NOTICE {digits}\r\n515 {digits}\r\n515 {password}\r\n"),
    ];
    for answer in answers {
        let said = answer.clone();
        let peer = Impostor::control_port(move |line| match line.split(' ').next() {
            Some("PROTOCOLINFO") => Some(protocolinfo("HASHEDPASSWORD", None)),
            Some("AUTHENTICATE") => Some(said.clone()),
            _ => None,
        });
        let connect = Connect::to(peer.address()).unwrap().password(password.as_str());
        let error = match connect.connect() {
            Ok(controller) => controller.wait_closed(Duration::from_secs(20)).unwrap().into(),
            Err(error) => error,
        };
        assert_hidden(password.as_bytes(), &shown(&error));
        // Half of the password is hidden too.
        for part in ["long password 7331 7331", half, &half.to_ascii_uppercase()] {
            let logged = CAPTURED.0.lock().clone();
            assert!(!shown(&error).contains(part) && !logged.contains(part), "{answer}: {error:?}");
        }
    }
}

#[test]
fn password_error_does_not_mention_quoting() {
    let tor = RealTor::start(&password_line(PASSWORD));
    let error = refused(&tor.over_unix().password("wrong 6641"));
    assert!(!error.to_string().contains("quotes"), "{error}");
    assert!(
        error.to_string().ends_with("HashedControlPassword value from configuration"),
        "{error}"
    );
}

#[test]
fn advice_about_a_cookie_file_fits_the_reason() {
    let tor = RealTor::start(COOKIE);
    let error = refused(&tor.over_unix().cookie_file("/nonexistent/cookie"));
    assert!(
        !error.to_string().contains("group") && error.to_string().contains("container"),
        "{error}"
    );
}

#[test]
fn unknown_auth_methods_are_reported() {
    for methods in ["MAGIC", "MAGIC,ORACLE", ""] {
        let info = protocolinfo(methods, None);
        let peer = Impostor::control_port(move |_| Some(info.clone()));
        let error = refused(&Connect::to(peer.address()).unwrap().password(PASSWORD));
        assert!(matches!(auth(&error), AuthError::NoKnownMethod { .. }), "{error:?}");
        assert_eq!(peer.finish()[0], "PROTOCOLINFO 1\r\n");
    }
    // The peer names no file for its cookie.
    let peer = Impostor::control_port(|_| Some(protocolinfo("COOKIE,SAFECOOKIE", None)));
    let error = refused(&Connect::to(peer.address()).unwrap());
    assert!(matches!(auth(&error), AuthError::CookieUnnamed), "{error:?}");
}

#[test]
fn peer_that_is_no_control_port_is_reported() {
    // Each case has a name, the bytes that the peer sends, and a part of the
    // error.
    let cases: [(&str, &[u8], &str); 7] = [
        (
            "tor's SOCKS port",
            b"HTTP/1.0 501 Tor is not an HTTP Proxy\r\nContent-Type: text/html\r\n\r\n",
            "SOCKS",
        ),
        ("a web server", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "HTTP"),
        ("a SOCKS port", b"\x00\x5b\x00\x00\x00\x00\x00\x00", "not a control reply"),
        ("a SOCKS5 port", b"\x05\xff", "not a control reply"),
        ("a mail server", b"220 mail.example ESMTP\r\n", "PROTOCOLINFO"),
        ("an SSH server", b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
        ("garbage", &[b'x'; 4096], "xxx"),
    ];
    for (name, says, tells) in cases {
        let peer = Impostor::start(move |conversation| {
            conversation.line();
            conversation.say(says);
            conversation.listen();
        });
        let error = refused(&Connect::to(peer.address()).unwrap().password(PASSWORD));
        assert!(matches!(auth(&error), AuthError::NotAControlPort { .. }), "{name}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(tells) && text.len() < 600, "{name}: {text}");
        assert_eq!(peer.finish()[0], "PROTOCOLINFO 1\r\n", "{name}");
    }
}

#[test]
fn silent_peer_runs_into_the_deadline() {
    let timeout = Duration::from_millis(300);
    let start = Instant::now();
    let peer = Impostor::start(|conversation| conversation.listen());
    let error = refused(&Connect::to(peer.address()).unwrap().timeout(timeout));
    assert!(error.is_timeout(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&peer.address().to_string()) && text.contains("300ms"), "{text}");
    assert!(text.contains("tor hangs, or"), "{text}");

    // The peer falls silent later, also in the middle of a line, or sends
    // events without end.
    let info = protocolinfo("NULL", None);
    let endings: [&'static [u8]; 3] = [b"", b"250 ", b"650 BW 1 2\r\n"];
    for ending in endings {
        let info = info.clone();
        let peer = Impostor::start(move |conversation| {
            conversation.line();
            conversation.say(info.as_bytes());
            conversation.line();
            conversation.say(ending);
            conversation.listen();
        });
        let error = refused(&Connect::to(peer.address()).unwrap().timeout(timeout));
        assert!(error.is_timeout(), "{error:?}");
        let Some(connect) = error.get::<ConnectError>() else { panic!("{error:?}") };
        let passed: &Timeout = connect.attempts()[0].error.get().unwrap();
        assert_eq!((passed.phase(), passed.after()), (Phase::Authenticate, timeout));
    }
    assert!(
        start.elapsed() >= 4 * timeout && start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn peer_that_hangs_up_is_reported() {
    let peer = Impostor::start(|_| {});
    let error = refused(&Connect::to(peer.address()).unwrap());
    assert!(matches!(auth(&error), AuthError::NotAControlPort { .. }), "{error:?}");

    let peer = Impostor::start(|conversation| {
        conversation.line();
        conversation.say(b"250-PROTOCOLINFO 1\r\n250-AUTH");
    });
    let error = refused(&Connect::to(peer.address()).unwrap());
    assert!(
        matches!(auth(&error), AuthError::NotAControlPort { what } if what.contains("middle")),
        "{error:?}"
    );

    // After the first answer, the peer is known to be a control port.
    let peer = Impostor::control_port(|line| {
        line.starts_with("PROTOCOLINFO").then(|| protocolinfo("NULL", None))
    });
    let error = refused(&Connect::to(peer.address()).unwrap());
    let AuthError::Closed(closed) = auth(&error) else { panic!("{error:?}") };
    assert!(matches!(closed.cause(), CloseCause::Remote { .. }), "{error:?}");
}

#[test]
fn refused_protocolinfo_is_reported() {
    // A filter that allows little gives this answer.
    let peer = Impostor::control_port(|_| Some("510 Command filtered\r\n".into()));
    let error = refused(&Connect::to(peer.address()).unwrap());
    assert!(
        matches!(auth(&error), AuthError::Refused(refusal) if refusal.code() == 510),
        "{error:?}"
    );
    assert!(error.to_string().contains("Command filtered"), "{error}");
}

#[test]
fn password_prompt_is_called() {
    capture_logs();
    let tor = RealTor::start(&password_line(PASSWORD));
    let mut asked = Vec::new();
    let mut answers = vec!["wrong 1", "wrong 2", PASSWORD].into_iter();
    let controller = tor.over_unix().connect_with_prompt(|request| {
        asked.push((request.address.clone(), request.refused.clone()));
        Ok(answers.next().map(Secret::from))
    });
    works(&controller.unwrap());
    let address = format!("unix:{}", tor.socket().display());
    assert!(asked.iter().all(|(at, _)| *at == address), "{asked:?}");
    let refused: Vec<bool> = asked.iter().map(|(_, refused)| refused.is_some()).collect();
    assert_eq!(refused, [false, true, true]);
    assert!(matches!(auth(asked[1].1.as_ref().unwrap()), AuthError::PasswordWrong(_)), "{asked:?}");

    // The prompt gives up, at once or later.
    for answers in [&[][..], &["wrong 3"]] {
        let mut answers = answers.iter().copied();
        let error = tor
            .over_tcp()
            .connect_with_prompt(|_| Ok(answers.next().map(Secret::from)))
            .unwrap_err();
        assert!(
            matches!(auth(&error), AuthError::PasswordMissing { .. } | AuthError::PasswordWrong(_)),
            "{error:?}"
        );
    }
    // The prompt is called three times at most.
    let mut count = 0;
    let error = tor.over_tcp().connect_with_prompt(|_| {
        count += 1;
        Ok(Some(Secret::from("wrong 4")))
    });
    let error = error.unwrap_err();
    assert_eq!(count, 3);
    assert!(matches!(auth(&error), AuthError::PasswordWrong(_)), "{error:?}");
    assert_hidden(b"wrong 4", &shown(&error));
    // An error of the prompt is returned.
    let error = tor
        .over_tcp()
        .connect_with_prompt(|_| Err(IoError::new("ask", std::io::Error::other("nobody")).into()))
        .unwrap_err();
    assert_eq!(error.get().map(IoError::what), Some("ask"), "{error:?}");
}

#[test]
fn password_prompt_is_not_called_without_need() {
    let tor = RealTor::start("");
    works(&tor.over_unix().connect_with_prompt(|_| panic!("asked")).unwrap());
    let error =
        Connect::to("127.0.0.1:1").unwrap().connect_with_prompt(|_| panic!("asked")).unwrap_err();
    assert!(error.get::<ConnectError>().is_some(), "{error:?}");
}

#[test]
fn connect_error_lists_the_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let error = refused(&Connect::to(path.as_path()).unwrap());
    let Some(connect) = error.get::<ConnectError>() else { panic!("{error:?}") };
    assert_eq!(connect.attempts().len(), 1);
    assert_eq!(connect.attempts()[0].address, format!("unix:{}", path.display()));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    let text = error.to_string();
    // The variable doesn't change an address that the program gives.
    assert!(text.contains("No such file") && text.contains("ControlSocket"), "{text}");
    assert!(!text.contains("SCAPE_CONTROL"), "{text}");

    // Without an address, the default addresses are tried. A tor there may
    // accept the connection. Otherwise, the error names every address.
    if let Err(error) = Connect::new().timeout(Duration::from_secs(5)).connect() {
        let Some(connect) = error.get::<ConnectError>() else { panic!("{error:?}") };
        assert!(connect.attempts().len() >= 3, "{error}");
        for place in ["unix:/run/tor/control", "127.0.0.1:9051", "127.0.0.1:9151"] {
            assert!(connect.attempts().iter().any(|attempt| attempt.address == place), "{error}");
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}

/// The environment variable that marks the child process of the next test. The
/// test needs a child process because it changes the environment.
const CHILD: &str = "SCAPE_TEST_CHILD";

#[test]
fn environment_names_the_port() {
    if std::env::var_os(CHILD).is_some() {
        match scape::connect() {
            Ok(controller) => println!("connected to {}", controller.version().unwrap()),
            Err(error) => println!("failed: {error}"),
        }
        return;
    }
    let tor = RealTor::start(&password_line(PASSWORD));
    let run = |variables: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "environment_names_the_port", "--nocapture"]).env(CHILD, "1");
        for variable in
            ["SCAPE_CONTROL", "TOR_CONTROL_IPC_PATH", "TOR_CONTROL_HOST", "TOR_CONTROL_PORT"]
        {
            command.env_remove(variable);
        }
        command.env_remove("TOR_CONTROL_PASSWD").env_remove("TOR_CONTROL_COOKIE_AUTH_FILE");
        command.envs(variables.iter().copied());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let port = tor.port().to_string();
    let said = run(&[("SCAPE_CONTROL", &port), ("TOR_CONTROL_PASSWD", PASSWORD)]);
    assert!(said.contains("connected to 0."), "{said}");
    let socket = format!("unix:{}", tor.socket().display());
    let said = run(&[("SCAPE_CONTROL", &socket), ("TOR_CONTROL_PASSWD", "wrong")]);
    assert!(said.contains("tor refused the password"), "{said}");
    assert!(!said.contains("wrong"), "{said}");
    let said = run(&[("SCAPE_CONTROL", "no:such:address")]);
    assert!(said.contains("no:such:address"), "{said}");

    // The password may have one of the forms that Tor Browser and Whonix use.
    let quoted = format!("\"{PASSWORD}\"");
    let digits = hex::encode(PASSWORD);
    let number = tor.port().port().to_string();
    for password in [PASSWORD, &quoted, &digits] {
        for place in [("TOR_CONTROL_PORT", number.as_str()), ("SCAPE_CONTROL", &socket)] {
            let said =
                run(&[("TOR_CONTROL_HOST", "localhost"), place, ("TOR_CONTROL_PASSWD", password)]);
            assert!(said.contains("connected to 0."), "{said}");
        }
        let path = tor.socket();
        let place = ("TOR_CONTROL_IPC_PATH", path.to_str().unwrap());
        let said = run(&[place, ("TOR_CONTROL_PORT", "1"), ("TOR_CONTROL_PASSWD", password)]);
        assert!(said.contains("connected to 0."), "{said}");
    }
    let said = run(&[("TOR_CONTROL_PORT", "many"), ("TOR_CONTROL_PASSWD", PASSWORD)]);
    assert!(said.contains("TOR_CONTROL_PORT") && said.contains("many"), "{said}");

    let hexadecimal = RealTor::start(&password_line("abcdef12"));
    let port = hexadecimal.port().port().to_string();
    let said = run(&[("TOR_CONTROL_PORT", &port), ("TOR_CONTROL_PASSWD", "abcdef12")]);
    assert!(said.contains("connected to 0."), "{said}");

    let cookie = RealTor::start(COOKIE);
    let (port, file) = (cookie.port().port().to_string(), cookie.cookie_file());
    let file = file.to_str().unwrap();
    let said = run(&[("TOR_CONTROL_PORT", &port), ("TOR_CONTROL_COOKIE_AUTH_FILE", file)]);
    assert!(said.contains("connected to 0."), "{said}");
    let said =
        run(&[("TOR_CONTROL_PORT", &port), ("TOR_CONTROL_COOKIE_AUTH_FILE", "/nonexistent")]);
    assert!(said.contains("/nonexistent"), "{said}");
}
