//! Formats commands with arbitrary arguments and data. The arguments must stay
//! on a single line, and no line of the data may end the data early.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::control::Command;
use scape_proto::control::unquote;

fn one_line(wire: &[u8]) {
    let line = wire.strip_suffix(b"\r\n").expect("a command ends its line");
    assert!(!line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
    assert!(!line.starts_with(b"+") && !line.starts_with(b" "));
}

fuzz_target!(|data: &[u8]| {
    // The first line is one argument, and the other lines are another.
    let text = String::from_utf8_lossy(data);
    let (key, value) = text.split_once('\n').unwrap_or((&text, &text));
    for command in [
        Command::build(key).word("argument", value).finish(),
        Command::build("X").word("argument", key).secret_word("argument", value).finish(),
        Command::build("X").pair(key, value).finish(),
        Command::build("X").option(key).finish(),
        Command::raw(value, None),
    ]
    .into_iter()
    .flatten()
    {
        one_line(command.wire());
        let _ = (command.to_string(), format!("{command:?}"), command.keyword());
        if let Ok(longer) = command.with_pair(key, value) {
            one_line(longer.wire());
            assert!(longer.line().starts_with(command.line()));
        }
    }
    if let Ok(command) = Command::build("SETCONF").quoted(key, value).finish() {
        one_line(command.wire());
        let before = format!("SETCONF {key}=");
        let quoted = command.wire().strip_prefix(before.as_bytes()).expect("the option first");
        assert_eq!(unquote(&quoted[..quoted.len() - 2]), value.as_bytes());
    }
    for command in
        [Command::build("X").data("data", data).finish(), Command::raw("+X y", Some(data))]
    {
        let Ok(command) = command else { continue };
        let wire = command.wire();
        assert!(wire.starts_with(b"+X"));
        let mut ends = wire.windows(5).enumerate().filter(|(_, window)| window == b"\r\n.\r\n");
        assert_eq!(ends.next().map(|(at, _)| at), Some(wire.len() - 5));
        assert!(ends.next().is_none());
    }
});
