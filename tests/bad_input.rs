//! No argument can end a command or begin another one. Bad arguments are
//! refused before anything is sent, and the errors name them. Later replies
//! still belong to the right commands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;
use proptest::prelude::*;
use scape::control::{
    AddOnion, ArgumentError, ArgumentProblem, AuthError, Command, ExtendCircuit, Signal,
};
use scape::event::{CircuitPurpose, EventKind};
use scape::transport::{Address, Transport};
use scape::word::{CircuitId, OnionAddress};
use scape::{Connect, Controller};
use scape_proto::control::unquote;

/// Returns a controller, and a receiver for the lines that it sends. The peer
/// answers GETINFO with values that contain the keys, and everything else with
/// OK.
fn fake() -> (Controller, Receiver<String>) {
    let (ours, theirs) = Transport::pair();
    let (sender, lines) = crossbeam_channel::unbounded();
    thread::spawn(move || {
        let mut in_data = false;
        for line in BufReader::new(&theirs).split(b'\n') {
            let line = String::from_utf8(line.unwrap()).unwrap();
            let line = line.strip_suffix('\r').expect("every line ends with CRLF");
            // This command is sent before and with every change of the
            // configuration, and has no argument.
            if line != "ONION_CLIENT_AUTH_VIEW" {
                // The test may have ended.
                let _ = sender.send(line.to_owned());
            }
            in_data = if in_data { line != "." } else { line.starts_with('+') };
            let answer = match line.split_once(' ') {
                _ if in_data => continue,
                Some(("GETINFO", "signal/names")) => {
                    "250-signal/names=NEWNYM\r\n250 OK\r\n".to_owned()
                }
                Some(("GETINFO", keys)) => {
                    let values =
                        keys.split(' ').map(|key| format!("250-{key}=the value of {key}\r\n"));
                    values.collect::<String>() + "250 OK\r\n"
                }
                _ => "250 OK\r\n".to_owned(),
            };
            if (&theirs).write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    });
    (Controller::from_authenticated(ours).unwrap().with_timeout(Duration::from_secs(20)), lines)
}

/// Checks that the next answer belongs to the next command.
fn in_step(controller: &Controller) {
    let reply = controller.msg("GETINFO version").unwrap();
    let version = reply.first().text.strip_prefix(b"version=").unwrap();
    assert!(version == b"the value of version" || version.starts_with(b"0."), "{reply}");
}

type Call = fn(&Controller, &str) -> scape::Result<()>;

/// Every method that takes a text: the name of the method, the name of the
/// argument, and a call with a given text.
const TEXTS: &[(&str, &str, Call)] = &[
    ("get_info", "key", |c, bad| c.get_info(bad).map(drop)),
    ("info().get_bytes", "key", |c, bad| c.info().get_bytes(bad).map(drop)),
    ("info().get_many", "key", |c, bad| c.info().get_many(["version", bad]).map(drop)),
    ("info().get_each", "key", |c, bad| c.info().get_each(["version", bad, "version"]).map(drop)),
    ("get_conf", "option", |c, bad| c.get_conf(bad).map(drop)),
    ("get_conf_list", "option", |c, bad| c.get_conf_list(bad).map(drop)),
    ("get_conf_lines", "option", |c, bad| c.get_conf_lines(["Log", bad]).map(drop)),
    ("set_conf, name", "option", |c, bad| c.set_conf([("Log", "x"), (bad, "x")])),
    ("reset_conf", "option", |c, bad| c.reset_conf(["Log", bad])),
    ("signal", "signal", |c, bad| c.signal(Signal::from(bad))),
    ("subscribe", "event", |c, bad| c.subscribe([EventKind::Bw, EventKind::from(bad)]).map(drop)),
    ("on", "event", |c, bad| c.on_event([EventKind::from(bad)], |_| {}).map(drop)),
    ("launch_circuit, purpose", "purpose", |c, bad| {
        c.launch_circuit(&ExtendCircuit::new().purpose(CircuitPurpose::from(bad))).map(drop)
    }),
    ("send", "argument", |c, bad| {
        c.send(Command::build("X").word("argument", bad).finish()?)?.wait().map(drop)
    }),
];

/// Like [`TEXTS`], but for arguments that may contain spaces, and for arguments
/// with an error that doesn't contain the position in the text.
const LINES: &[(&str, &str, Call)] = &[
    ("set_conf, value", "ContactInfo", |c, bad| c.set_conf([("Log", "x"), ("ContactInfo", bad)])),
    ("set_conf, secret value", "HashedControlPassword", |c, bad| {
        c.set_conf([("HashedControlPassword", bad)])
    }),
    ("launch_circuit, path", "path", |c, bad| {
        c.launch_circuit(&ExtendCircuit::new().path(["moria1", bad])).map(drop)
    }),
    ("build_circuit", "path", |c, bad| {
        c.build_circuit(&ExtendCircuit::new().path([bad]), Duration::from_secs(60)).map(drop)
    }),
    ("extend_circuit", "path", |c, bad| {
        c.extend_circuit(CircuitId::new(1), ["moria1", bad]).map(drop)
    }),
    ("msg", "line", |c, bad| c.msg(&format!("GETINFO version{bad}")).map(drop)),
    ("msg_with_data, line", "line", |c, bad| {
        c.msg_with_data(&format!("+LOADCONF {bad}"), b"x").map(drop)
    }),
    #[cfg(unix)]
    ("add_onion, target", "Port", |c, bad| {
        let target = std::path::PathBuf::from(format!("/run/{bad}"));
        c.add_onion(&AddOnion::new().port(80, target)).map(drop)
    }),
];

fn is_argument<T>(result: &scape::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.get::<ArgumentError>().is_some())
}

/// Returns the character that the library refused, and its position in the
/// argument.
fn character(result: scape::Result<()>, method: &str, argument: &str) -> (char, usize) {
    let error = result.expect_err(method);
    let Some(refused) = error.get::<ArgumentError>() else { panic!("{method}: {error:?}") };
    assert_eq!(refused.argument(), argument, "{method}: {error}");
    let ArgumentProblem::Character { character, position } = *refused.problem() else {
        panic!("{method}: {error:?}")
    };
    let text = error.to_string();
    assert!(
        text.contains(argument) && text.contains(&format!("{character:?}")),
        "{method}: {text}"
    );
    assert!(
        text.contains("nothing was sent") && !text.contains(char::is_control),
        "{method}: {text:?}"
    );
    (character, position)
}

#[test]
fn line_ends_and_nuls_in_arguments_are_refused() {
    let (c, lines) = fake();
    for bad in ['\r', '\n', '\0'] {
        for (method, argument, call) in TEXTS {
            for (text, position) in
                [(format!("{bad}"), 0), (format!("a{bad}b"), 1), (format!("abc{bad}"), 3)]
            {
                assert_eq!(
                    character(call(&c, &text), method, argument),
                    (bad, position),
                    "{method}"
                );
            }
            let injection = format!("x{bad}\nSIGNAL HALT\r\n");
            assert_eq!(character(call(&c, &injection), method, argument), (bad, 1), "{method}");
        }
        for (method, argument, call) in LINES {
            for text in [format!("{bad}"), format!("a{bad}b"), format!("x{bad}\nSIGNAL HALT\r\n")] {
                assert_eq!(character(call(&c, &text), method, argument).0, bad, "{method}");
            }
        }
    }
    in_step(&c);
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["GETINFO version"]);
}

#[test]
fn characters_not_allowed_in_bare_words_are_refused() {
    let (c, lines) = fake();
    for bad in
        [' ', '\t', '\u{1b}', '\u{7f}', '\u{80}', 'é', '\u{202e}', '\u{2028}', '\u{feff}', '𐍈']
    {
        for (method, argument, call) in TEXTS {
            let result = call(&c, &format!("ab{bad}c"));
            assert_eq!(character(result, method, argument), (bad, 2), "{method}");
        }
    }
    for quote in ['"', '\'', '='] {
        let result =
            c.launch_circuit(&ExtendCircuit::new().purpose(CircuitPurpose::from("a\"b"))).map(drop);
        assert_eq!(character(result, "purpose", "purpose"), ('"', 1));
        assert!(is_argument(&c.get_conf(&format!("Log{quote}x"))), "{quote}");
        assert!(is_argument(&c.set_conf([(format!("Log{quote}x"), "y")])), "{quote}");
    }
    in_step(&c);
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["GETINFO version"]);
}

#[test]
fn empty_arguments_are_refused() {
    let (c, lines) = fake();
    for (method, argument, call) in TEXTS {
        let error = call(&c, "").expect_err(method);
        let Some(refused) = error.get::<ArgumentError>() else { panic!("{method}: {error:?}") };
        assert_eq!(
            (refused.argument(), refused.problem()),
            (*argument, &ArgumentProblem::Empty),
            "{method}"
        );
    }
    assert!(is_argument(&c.msg("")));
    assert!(is_argument(&c.msg_with_data("", b"")));
    assert!(is_argument(&c.msg_with_data("+", b"")));
    assert!(is_argument(&c.launch_circuit(&ExtendCircuit::new().path([""]))));
    assert!(is_argument(&c.subscribe([])));
    assert!(is_argument(&c.add_onion(&AddOnion::new())));
    in_step(&c);
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["GETINFO version"]);
}

#[test]
fn data_with_a_nul_or_a_lone_carriage_return_is_refused() {
    let (c, lines) = fake();
    assert_eq!(character(c.load_conf("a\n\0"), "load_conf", "torrc"), ('\0', 2));
    assert_eq!(
        character(c.msg_with_data("+LOADCONF", b"a\0").map(drop), "msg_with_data", "data"),
        ('\0', 1)
    );
    assert!(is_argument(&c.load_conf("a\rNickname b")));
    // A line that looks like the end of the data doesn't end it.
    c.load_conf("a\r\n.\r\nSIGNAL HALT\n..\n").unwrap();
    in_step(&c);
    let sent: Vec<_> = lines.try_iter().collect();
    assert_eq!(sent, ["+LOADCONF", "a", "..", "SIGNAL HALT", "...", ".", "GETINFO version"]);
}

#[test]
fn arguments_that_are_too_long_are_refused() {
    let (c, lines) = fake();
    let much = "x".repeat(1 << 20);
    let too_long = |result: scape::Result<()>| {
        let error = result.unwrap_err();
        let problem = error.get().map(ArgumentError::problem);
        matches!(problem, Some(ArgumentProblem::TooLong { .. }))
    };
    for (method, _, call) in TEXTS {
        assert!(too_long(call(&c, &much)), "{method}");
    }
    for (method, _, call) in LINES {
        assert!(too_long(call(&c, &much)), "{method}");
    }
    assert!(too_long(c.load_conf(&much)));
    assert!(too_long(c.info().get_many(vec!["key"; 300_000]).map(drop)));
    in_step(&c);
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["GETINFO version"]);
}

#[test]
fn refused_secret_is_not_repeated_in_the_error() {
    let (c, _) = fake();
    let secret = "16:DEADBEEF";
    for error in [
        c.set_conf([("HashedControlPassword", format!("{secret}\n"))]).unwrap_err(),
        c.set_conf([("ContactInfo", format!("{secret}\n"))]).unwrap_err(),
        c.msg(&format!("AUTHENTICATE \"{secret}\"\n")).unwrap_err(),
        c.msg(&format!("AUTHENTICATE\"{secret}\"")).unwrap_err(),
        c.msg_with_data("+LOADCONF", format!("{secret}\0").as_bytes()).unwrap_err(),
        c.add_onion(&AddOnion::new().local_port(80).client(secret)).unwrap_err(),
    ] {
        assert!(!format!("{error}{error:?}").contains("DEADBEEF"), "{error:?}");
    }
}

#[test]
fn timeouts_of_zero_and_maximum_are_accepted() {
    let (c, _) = fake();
    in_step(&c.with_timeout(Duration::MAX));
    let hasty = c.with_timeout(Duration::ZERO).get_info("version");
    assert!(hasty.is_ok() || hasty.is_err_and(|error| error.is_timeout()));
    in_step(&c);
    let patient = c.with_timeout(Duration::MAX);
    let events = patient.subscribe([EventKind::Bw]).unwrap();
    patient.sync().unwrap();
    let reply = c.send(Command::build("X").finish().unwrap()).unwrap();
    assert!(reply.wait_timeout(Duration::MAX).unwrap().is_ok());
    events.close(Duration::MAX).unwrap();
    let (other, _) = fake();
    other.with_timeout(Duration::MAX).close().unwrap();
    assert!(other.wait_closed(Duration::MAX).unwrap().is_local());
    let events = other.subscribe([EventKind::Bw]);
    assert!(events.is_err());
    c.clone().with_timeout(Duration::MAX).quit().unwrap();
}

#[test]
fn malformed_addresses_and_credentials_are_refused() {
    for bad in [
        "",
        "no port",
        "host:0",
        "host:65536",
        "a\r\nb:9051",
        "host\0:9051",
        "unix:",
        ":9051",
        "[::1",
    ] {
        let error = Connect::to(bad).unwrap_err();
        let Some(error) = error.get::<ArgumentError>() else { panic!("{bad:?}") };
        assert_eq!((error.command(), error.argument()), ("connect", "address"), "{bad:?}");
        assert!(bad.parse::<Address>().is_err());
    }
    // The server names a cookie path that no file can have. The password only
    // looks like a command.
    let (ours, theirs) = Transport::pair();
    let server = thread::spawn(move || {
        let mut lines = Vec::new();
        let mut writer = theirs.try_clone().unwrap();
        for line in BufReader::new(theirs).lines() {
            let Ok(line) = line else { break };
            let answer = match line.as_str() {
                "PROTOCOLINFO 1" => {
                    "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=SAFECOOKIE,HASHEDPASSWORD COOKIEFILE=\"x\"\r\n250 OK\r\n"
                }
                _ => "515 no\r\n",
            };
            lines.push(line);
            if writer.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        lines
    });
    let connect = Connect::new().cookie_file("a\0b").password("x\"\r\nSIGNAL HALT");
    let error = connect.authenticate_over(ours).unwrap_err();
    let Some(AuthError::All(all)) = error.get::<AuthError>() else { panic!("{error:?}") };
    assert!(
        matches!(all[..], [AuthError::CookieUnreadable { .. }, AuthError::PasswordWrong(_)]),
        "{error:?}"
    );
    let password = hex::encode("x\"\r\nSIGNAL HALT");
    assert_eq!(server.join().unwrap(), ["PROTOCOLINFO 1", &format!("AUTHENTICATE {password}")]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn random_argument_is_refused_or_sent_unchanged(text in "\\PC{0,12}|[ -~]{0,12}|(?s).{0,12}", option in "[A-Za-z]{1,8}|(?s).{0,4}") {
        let (c, lines) = fake();
        let sent = || lines.try_iter().collect::<Vec<_>>();

        match c.get_info(&text) {
            Ok(value) => {
                prop_assert_eq!(value, format!("the value of {text}"));
                prop_assert_eq!(sent(), [format!("GETINFO {text}")]);
            }
            Err(error) => {
                prop_assert!(error.get::<ArgumentError>().is_some(), "{:?}", error);
                prop_assert!(sent().is_empty());
            }
        }
        match c.set_conf([(&option, &text)]) {
            Ok(()) => {
                let sent = sent();
                prop_assert_eq!(sent.len(), 1);
                let value = sent[0].strip_prefix(&format!("SETCONF {option}=")).unwrap();
                prop_assert_eq!(String::from_utf8(unquote(value.as_bytes())).unwrap(), &*text);
            }
            Err(error) => {
                prop_assert!(error.get::<ArgumentError>().is_some(), "{:?}", error);
                prop_assert!(sent().is_empty());
            }
        }
        for (method, _, call) in TEXTS.iter().chain(LINES) {
            let result = call(&c, &text);
            // Commands that are sent without waiting, at the end of a
            // subscription, have been sent by then.
            in_step(&c);
            let mut lines = sent();
            prop_assert_eq!(lines.pop(), Some("GETINFO version".to_owned()));
            match result {
                Err(error) if error.get::<ArgumentError>().is_some() => {
                    // Only `signal` sends a command before it refuses its
                    // argument.
                    let question = *method == "signal" && lines.iter().all(|line| line == "GETINFO signal/names");
                    prop_assert!(lines.is_empty() || question, "{}: {:?}", method, lines);
                }
                _ => {
                    for line in &lines {
                        let keyword = line.split(' ').next().unwrap();
                        let known = ["GETINFO", "GETCONF", "SETCONF", "RESETCONF", "SIGNAL", "SETEVENTS",
                            "EXTENDCIRCUIT", "X", "+LOADCONF", "ADD_ONION", "x", "."];
                        prop_assert!(known.contains(&keyword), "{}: {:?}", method, lines);
                    }
                }
            }
        }
        in_step(&c);
    }

    #[test]
    fn random_raw_line_is_refused_or_sent_unchanged(line in "[A-Z+ ]{0,6}\\PC{0,12}|(?s).{0,12}") {
        let (c, lines) = fake();
        match c.msg(&line) {
            Ok(_) => prop_assert_eq!(lines.try_iter().collect::<Vec<_>>(), [line]),
            Err(error) => {
                prop_assert!(error.get::<ArgumentError>().is_some(), "{:?}", error);
                prop_assert!(lines.try_iter().next().is_none());
            }
        }
        in_step(&c);
    }

    #[test]
    fn random_data_arrives_unchanged(data in "(?s)[a.\r\n]{0,12}|(?s).{0,40}") {
        let (c, lines) = fake();
        match c.load_conf(&data) {
            Ok(()) => {
                in_step(&c);
                let sent: Vec<_> = lines.try_iter().collect();
                prop_assert_eq!(&sent[0], "+LOADCONF");
                prop_assert_eq!(&sent[sent.len() - 2..], [".", "GETINFO version"]);
                let body = &sent[1..sent.len() - 2];
                prop_assert!(!body.iter().any(|line| line == "."));
                let back: Vec<&str> =
                    body.iter().map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
                let text = data.replace("\r\n", "\n");
                prop_assert_eq!(back.join("\n"), text.strip_suffix('\n').unwrap_or(&text));
            }
            Err(error) => {
                prop_assert!(error.get::<ArgumentError>().is_some(), "{:?}", error);
                in_step(&c);
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn bad_arguments_never_reach_a_real_tor() {
    let tor = support::real_tor::RealTor::start("");
    let c = tor.controller();
    for bad in ["\r", "\n", "\0", "a\r\nSIGNAL HALT\r\nGETINFO version"] {
        for (method, argument, call) in TEXTS.iter().chain(LINES) {
            character(call(&c, bad), method, argument);
        }
    }
    in_step(&c);

    // Only tor can detect unknown names and wrong types.
    let code = |result: scape::Result<()>| result.unwrap_err().code();
    assert_eq!(code(c.set_conf([("MaxCircuitDirtiness", "soon")])), Some(513));
    assert_eq!(code(c.set_conf([("UseBridges", "maybe")])), Some(513));
    assert_eq!(code(c.set_conf([("SocksPolicy", "perhaps *")])), Some(513));
    assert_eq!(code(c.set_conf([("NoSuchOption", "1")])), Some(552));
    assert_eq!(code(c.reset_conf(["NoSuchOption"])), Some(552));
    assert_eq!(code(c.get_info("no/such/key").map(drop)), Some(552));
    assert_eq!(code(c.subscribe([EventKind::from("NO_SUCH_EVENT")]).map(drop)), Some(552));
    let nobody: OnionAddress =
        "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion".parse().unwrap();
    assert_eq!(code(c.del_onion(&nobody)), Some(552));
    in_step(&c);
}
