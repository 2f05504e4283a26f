//! Tests of commands.

use super::*;
use proptest::prelude::*;

fn wire(builder: &mut CommandBuilder) -> String {
    String::from_utf8(builder.finish().unwrap().wire().to_vec()).unwrap()
}

#[test]
fn arguments_of_every_kind_are_encoded() {
    assert_eq!(wire(&mut Command::build("QUIT")), "QUIT\r\n");
    assert_eq!(
        wire(Command::build("EXTENDCIRCUIT").word("circuit", "0").pair("purpose", "general")),
        "EXTENDCIRCUIT 0 purpose=general\r\n"
    );
    assert_eq!(
        wire(Command::build("RESETCONF").option("ORPort").quoted("Nickname", "x\ty")),
        "RESETCONF ORPort Nickname=\"x\\ty\"\r\n"
    );
}

#[test]
fn data_is_stuffed() {
    let command = Command::build("LOADCONF").data("torrc", b"a\r\n.b\n\nc").finish().unwrap();
    assert_eq!(command.wire(), b"+LOADCONF\r\na\r\n..b\r\n\r\nc\r\n.\r\n");
    assert_eq!(command.to_string(), "+LOADCONF (16 bytes of data)");
    let empty = Command::build("LOADCONF").data("torrc", b"").finish().unwrap();
    assert_eq!(empty.wire(), b"+LOADCONF\r\n\r\n.\r\n");
}

#[test]
fn invalid_character_is_reported() {
    for (bad, character, position) in [("a\rb", '\r', 1), ("\n", '\n', 0), ("ab\0", '\0', 2)] {
        let problem = ArgumentProblem::Character { character, position };
        for mut builder in
            [Command::build("X"), Command::build("X"), Command::build("X"), Command::build("X")]
                .into_iter()
                .enumerate()
                .map(|(i, mut b)| {
                    match i {
                        0 => b.word("a", bad),
                        1 => b.pair("a", bad),
                        2 => b.quoted("a", bad),
                        _ => b.secret_word("a", bad),
                    };
                    b
                })
        {
            let error = builder.finish().unwrap_err();
            assert_eq!((error.command(), error.argument()), ("X", "a"));
            assert_eq!(error.problem(), &problem);
        }
    }
    assert!(Command::build("X").word("a", "").finish().is_err());
    assert!(Command::build("X").word("a", "b c").finish().is_err());
    assert!(Command::build("X").pair("a", "\"").finish().is_err());
    assert!(Command::build("X").quoted("a b", "c").finish().is_err());
    assert!(Command::build("X Y").finish().is_err());
    assert!(Command::build("X").data("body", b"a\0b").finish().is_err());
}

#[test]
fn second_finish_is_an_error() {
    let mut refused = Command::build("GETINFO");
    refused.word("key", "a\r\nSIGNAL HALT");
    let error = refused.finish().unwrap_err();
    assert_eq!(refused.finish().unwrap_err(), error);
    // The error is that of the first call, even after other arguments.
    assert_eq!(refused.word("key", "version").finish().unwrap_err(), error);

    let mut failed = Command::build("GETINFO");
    failed.word("key", "version").fail(ArgumentError::invalid("GETINFO", "key", "is bad"));
    assert_eq!(failed.finish().unwrap_err(), failed.finish().unwrap_err());

    let mut long = Command::build("X");
    long.word("a", &"x".repeat(TOO_LONG));
    assert_eq!(long.finish().unwrap_err(), long.finish().unwrap_err());

    let mut good = Command::build("GETINFO");
    assert!(good.word("key", "version").finish().is_ok());
    assert!(good.finish().is_err());
    let error = good.word("key", "uptime").finish().unwrap_err();
    assert_eq!((error.command(), error.argument()), ("GETINFO", "command"));
    let mut loaded = Command::build("LOADCONF");
    assert!(loaded.data("torrc", b"Nickname x").finish().is_ok());
    assert!(loaded.data("torrc", b"Nickname y").finish().is_err());
}

#[test]
fn lines_are_added_only_to_data() {
    let bare = Command::build("GETINFO").word("key", "version").finish().unwrap();
    for (before, after) in [("SIGNAL HALT\r\n", ""), ("", "SIGNAL HALT\r\n"), ("", "")] {
        assert!(bare.with_data_around(before.as_bytes(), after.as_bytes()).is_err());
    }
    let loaded = Command::raw("+LOADCONF", Some(b"Nickname x")).unwrap();
    for bad in ["A 1", "A 1\n", ".\r\nSIGNAL HALT\r\n", "A 1\r\n.\r\n", ".A 1\r\n"] {
        assert!(loaded.with_data_around(bad.as_bytes(), b"").is_err(), "{bad:?}");
        assert!(loaded.with_data_around(b"", bad.as_bytes()).is_err(), "{bad:?}");
    }
    let longer = loaded.with_data_around(b"A 1\r\n", b"B 2\r\n").unwrap();
    assert_eq!(longer.data(), Some(&b"A 1\r\nNickname x\r\n\r\nB 2\r\n"[..]));
}

#[test]
fn added_lines_are_checked_together_with_the_data() {
    let loaded = Command::raw("+LOADCONF", Some(b"nan")).unwrap();
    for (before, after) in [("MaxMemInQueues \\\r\n", ""), ("", "MaxMemInQueues nan\r\n")] {
        let error = loaded.with_data_around(before.as_bytes(), after.as_bytes()).unwrap_err();
        assert_eq!((error.command(), error.argument()), ("LOADCONF", "size"));
    }
    let longer = loaded.with_data_around(b"HashedControlPassword 16:AB\r\n", b"").unwrap();
    assert!(longer.secrets().any(|secret| secret == b"16:AB"));
}

#[test]
fn added_pair_is_checked_together_with_the_line() {
    // tor answers HSPOST only with HSADDRESS, which the line has already.
    let line = "+HSPOST HSADDRESS=abc";
    let post = Command::raw(line, Some(b"hs-descriptor 3\n")).unwrap();
    let longer = post.with_pair("SERVER", "x").unwrap();
    assert_eq!(longer.wire(), format!("{line} SERVER=x\r\nhs-descriptor 3\r\n.\r\n").as_bytes());
    // The words of the line and the pair are one hazard together.
    let onion = Command::raw("ADD_ONION NEW:BEST Port=80", None).unwrap();
    assert!(onion.with_pair("ClientAuthV3", "x").is_ok());
    let error = onion.with_pair("ClientAuth", "x").unwrap_err();
    assert_eq!((error.command(), error.argument()), ("ADD_ONION", "ClientAuth"));
    let error = onion.with_pair("a b", "x").unwrap_err();
    assert_eq!((error.command(), error.argument()), ("ADD_ONION", "key"));
    let redirect = Command::raw("REDIRECTSTREAM 12", None).unwrap();
    assert!(redirect.with_pair("x", "abc.onion").is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let command = Command::build("AUTHENTICATE").secret_word("password", "0123").finish().unwrap();
    assert_eq!(command.to_string(), "AUTHENTICATE [redacted]");
    assert_eq!(format!("{command:?}"), "Command(\"AUTHENTICATE [redacted]\")");
    let mut builder = Command::build("SETCONF");
    let command =
        builder.quoted("HashedControlPassword", "16:AB").quoted("Nickname", "x").finish().unwrap();
    assert_eq!(command.to_string(), "SETCONF HashedControlPassword=[redacted] Nickname=\"x\"");
    let raw = Command::raw("authenticate \"se same\"", None).unwrap();
    assert_eq!(raw.to_string(), "authenticate [redacted]");
    let raw = Command::raw("ADD_ONION ED25519-V3:abc Port=80", None).unwrap();
    assert_eq!(raw.to_string(), "ADD_ONION ED25519-V3:[redacted] Port=80");
    for name in ["Socks5ProxyPass", "socks5proxypassword", "HTTPProxyAuth", "BridgePasswords"] {
        let command = Command::build("SETCONF").quoted(name, "s3cret").finish().unwrap();
        assert_eq!(command.to_string(), format!("SETCONF {name}=[redacted]"));
        let raw = Command::raw(&format!("setconf {name}=s3cret Nickname=x"), None).unwrap();
        assert_eq!(raw.to_string(), format!("setconf {name}=[redacted] Nickname=x"));
    }
    let mut builder = Command::build("SETCONF");
    builder.quoted("Socks5ProxyPassword", "ABC");
    assert!(!format!("{builder:?}").contains("65"), "{builder:?}");
    let data =
        Command::build("LOADCONF").data("torrc", b"HashedControlPassword x").finish().unwrap();
    assert!(!format!("{data}{data:?}").contains("Hashed"));
}

#[test]
fn raw_line_is_checked() {
    assert_eq!(Command::raw("GETINFO version", None).unwrap().wire(), b"GETINFO version\r\n");
    let loaded = Command::raw("+LOADCONF", Some(b"x")).unwrap();
    assert_eq!((loaded.wire(), loaded.keyword()), (&b"+LOADCONF\r\nx\r\n.\r\n"[..], "LOADCONF"));
    assert_eq!(loaded.to_string(), "+LOADCONF (6 bytes of data)");
    let long = Command::raw(&"x".repeat(20 << 20), None).unwrap_err();
    assert!(matches!(long.problem(), ArgumentProblem::TooLong { .. }));
    assert!(long.to_string().len() < 200);
    for (line, data) in [
        ("", None),
        (" GETINFO version", None),
        ("GETINFO a\nb", None),
        ("+LOADCONF", None),
        ("LOADCONF", Some("")),
    ] {
        assert!(Command::raw(line, data.map(str::as_bytes)).is_err(), "{line:?}");
    }
}

#[test]
fn too_long_command_is_rejected() {
    let fits = "x".repeat(TOO_LONG - 1 - "X \r\n".len());
    assert!(Command::build("X").word("a", &fits).finish().is_ok());
    let error = Command::build("X").word("a", &format!("{fits}x")).finish().unwrap_err();
    assert_eq!(error.problem(), &ArgumentProblem::TooLong { length: TOO_LONG });
}

proptest! {
    #[test]
    fn a_command_is_always_one_line(value in any::<String>(), key in any::<String>()) {
        for command in [
            Command::build("X").word("a", &value).finish(),
            Command::build("X").pair(&key, &value).finish(),
            Command::build("X").quoted(&key, &value).finish(),
            Command::raw(&value, None),
        ].into_iter().flatten() {
            let line = command.wire().strip_suffix(b"\r\n").unwrap();
            prop_assert!(!line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
        }
    }

    #[test]
    fn data_has_exactly_one_end(data in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(command) = Command::build("X").data("d", &data).finish() {
            let wire = command.wire();
            let ends: Vec<_> = wire.windows(5).enumerate().filter(|(_, w)| w == b"\r\n.\r\n").collect();
            prop_assert_eq!(ends.len(), 1);
            prop_assert_eq!(ends[0].0, wire.len() - 5);
        }
    }
}
