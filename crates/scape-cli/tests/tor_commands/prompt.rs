use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use rustix::process::Signal;
use serde_json::json;

use crate::real_tor::RealTor;
use crate::run::{Done, Lines, Scape, send_signal};
use crate::terminal::Terminal;

fn prompt(tor: &RealTor, input: &str) -> Scape {
    Scape::new(["prompt"]).control(tor.port()).input(input)
}

/// Starts `scape prompt` on a terminal with this number of columns. The history
/// is kept in `state`. Returns the terminal, and the process of the prompt.
fn open(columns: u16, tor: &RealTor, state: &tempfile::TempDir) -> (Terminal, Child) {
    let terminal = Terminal::open(columns, 24);
    let command = Scape::new(["prompt"]).control(tor.port()).env("XDG_STATE_HOME", state.path());
    let command = command.env("TERM", "xterm").error(terminal.output());
    let child = command.start_on(terminal.output(), terminal.output());
    (terminal, child)
}

#[test]
fn prompt_runs_the_lines_of_standard_input() {
    let tor = RealTor::start("Nickname seven\n");
    let version = tor.controller().get_info("version").unwrap();
    let text = prompt(&tor, "GETINFO version\n\n# comment\nGETCONF Nickname\n").ok();
    assert_eq!(text, format!("250-version={version}\n250 OK\n250 Nickname=seven\n"));
    // After a refusal, the remaining lines are run.
    let done = prompt(&tor, "GETINFO nonsense\nGETCONF Nickname").run().expect(1);
    assert_eq!(done.out, "552 Unrecognized key \"nonsense\"\n250 Nickname=seven\n");
    assert_eq!(prompt(&tor, "QUIT\nGETCONF Nickname\n").ok(), "");
}

#[test]
fn prompt_runs_the_lines_of_its_arguments() {
    let tor = RealTor::start("Nickname seven\n");
    let lines = ["--run", "GETCONF Nickname", "--run", "GETCONF Nickname"];
    let run = || lines.iter().fold(prompt(&tor, "nothing\n"), |scape, word| scape.arg(word));
    assert_eq!(run().ok(), "250 Nickname=seven\n250 Nickname=seven\n");
    let reply = json!({
        "command": "GETCONF Nickname",
        "code": 250,
        "lines": [{"code": 250, "text": "Nickname=seven", "data": null}],
    });
    assert_eq!(run().json(), [reply.clone(), reply]);
}

#[test]
fn prompt_sends_commands_with_data() {
    let tor = RealTor::start("Nickname seven\n");
    let torrc = fs::read_to_string(tor.folder().join("torrc")).unwrap();
    let torrc = torrc.replace("Nickname seven", "Nickname eight");
    let text = prompt(&tor, &format!("+LOADCONF\n{torrc}.\nGETCONF Nickname\n")).ok();
    assert_eq!(text, "250 OK\n250 Nickname=eight\n");
    let text = prompt(&tor, "GETINFO config-text\n").ok();
    assert!(text.starts_with("250+config-text=\n") && text.ends_with("\n.\n250 OK\n"), "{text}");
    let done = prompt(&tor, "+LOADCONF\nNickname nine\n").run().expect(2);
    assert!(done.error.contains("doesn't end with a line"), "{done:?}");
}

#[test]
fn prompt_explains_commands_options_and_keys() {
    let tor = RealTor::start("");
    let help = |word: &str| prompt(&tor, &format!("/help {word}\n")).ok();
    let text = help("");
    for expected in ["/events [KIND...]", "\n  GETINFO ", "\n  SETCONF "] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(help("getinfo").contains("\n  circuit-status "));
    assert!(help("SIGNAL").contains("This tor knows RELOAD, "));
    assert!(help("setevents").contains("STREAM_BW"));
    assert!(help("version").starts_with("GETINFO version\n"));
    assert!(help("nickname").starts_with("Nickname (String)\n"));
    let values = prompt(&tor, "/help version\n").json();
    assert_eq!(values, [json!({"help": help("version").trim_end_matches('\n')})]);
    // The exit code is that of the first line that fails.
    prompt(&tor, "/nonsense\n/help nonsense\n+LOADCONF\n").run().expect(2);
    let done = prompt(&tor, "/help nonsense\n/nonsense\n").run().expect(1);
    assert!(done.error.contains("nonsense isn't a command"), "{done:?}");
    assert!(done.error.contains("/nonsense is unknown"), "{done:?}");
}

#[test]
fn closed_output_ends_a_script_with_the_code_of_the_first_failure() {
    let tor = RealTor::start("");
    for (line, code) in [("/nonsense", 2), ("# comment", 0)] {
        let mut child = Scape::new(["prompt"]).control(tor.port()).start();
        drop(child.stdout.take());
        // The input stays open, so its end doesn't end the prompt.
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{line}\nGETINFO version").unwrap();
        Done::of(child, &line).expect(code);
    }
}

#[test]
fn prompt_shows_events() {
    let tor = RealTor::start("");
    for (option, expected) in [
        ("--color=never", "650 SIGNAL RELOAD"),
        ("--json", r#"{"event":"SIGNAL","text":"SIGNAL RELOAD"}"#),
    ] {
        let command = Scape::new(["prompt", option]).control(tor.port());
        let mut child = command.start();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"SETEVENTS SIGNAL\nSIGNAL RELOAD\n").unwrap();
        Lines::of(child.stdout.take().unwrap()).until(expected);
        drop(input);
        Done::of(child, &option).expect(0);
    }
    let text = Scape::new(["prompt", "--events", "BW", "--run", "GETINFO version"]);
    assert!(text.control(tor.port()).ok().contains("250 OK"));
    let done = prompt(&tor, "/events NONSENSE\n").run().expect(1);
    assert!(done.error.contains("NONSENSE"), "{done:?}");
}

#[test]
fn prompt_completes_words_and_keeps_lines_without_secrets() {
    let tor = RealTor::start("Nickname seven\n");
    let state = tempfile::tempdir().unwrap();
    let command = Scape::new(["prompt"]).control(tor.port()).env("XDG_STATE_HOME", state.path());
    let mut terminal = Terminal::open(80, 24);
    let command = command.env("TERM", "xterm");
    let child = command.start_on(terminal.output(), terminal.output());
    terminal.until("tor> ");
    terminal.type_text("GETCONF Nickn\t\r");
    terminal.until("250 Nickname=seven");
    terminal.type_text("/events SIGNAL\r");
    terminal.type_text("SETCONF HashedControlPassword=16:00\r");
    terminal.type_text("SIGNAL RELOAD\r");
    terminal.until("650 SIGNAL RELOAD");
    let path = state.path().join("scape/history");
    let history = || fs::read_to_string(&path).unwrap();
    // Lines are kept at once.
    assert!(history().contains("GETCONF Nickname") && !history().contains("Hashed"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Another prompt adds its lines to the same file.
    let (mut other, command) = open(80, &tor, &state);
    other.until("tor> ");
    other.type_text("GETINFO version\r");
    other.until("250 OK");
    send_signal(command.id(), Signal::TERM);
    Done::of(command, &"prompt").expect(130);
    terminal.type_text("/quit\r");
    Done::of(child, &"prompt").expect(0);
    let history = history();
    let lines = ["GETCONF Nickname", "/events SIGNAL", "SIGNAL RELOAD", "GETINFO version", "/quit"];
    assert_eq!(history.lines().skip(1).collect::<Vec<_>>(), lines, "{history}");
}

#[test]
fn prompt_keeps_no_history_in_a_pipe() {
    let tor = RealTor::start("");
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("scape/history");
    fs::create_dir(state.path().join("scape")).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "644"]).arg(&path).status().unwrap().success());
    let (mut terminal, child) = open(200, &tor, &state);
    terminal.until("history: it isn't a file");
    terminal.until("tor> ");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    terminal.type_text("/quit\r");
    Done::of(child, &"prompt").expect(0);
}

#[test]
fn prompt_prints_no_styles_without_colors() {
    let tor = RealTor::start("");
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(80, 24);
    let command = Scape::new(["prompt", "--color=never", "--events", "SIGNAL"]);
    let command = command.control(tor.port()).env("XDG_STATE_HOME", state.path());
    let command = command.env("TERM", "xterm");
    let child = command.start_on(terminal.output(), terminal.output());
    terminal.until("tor> ");
    terminal.type_text("SIGNAL RELOAD\r");
    let text = terminal.until("650 SIGNAL RELOAD");
    assert!(!text.contains("\x1b[2m"), "{text:?}");
    terminal.type_text("/quit\r");
    Done::of(child, &"prompt").expect(0);
}

#[test]
fn prompt_restores_the_terminal_after_a_signal() {
    let tor = RealTor::start("");
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(80, 24);
    assert!(terminal.echoes());
    let command = Scape::new(["prompt"]).control(tor.port()).env("XDG_STATE_HOME", state.path());
    let child = command.env("TERM", "xterm").start_on(terminal.output(), terminal.output());
    terminal.until("tor> ");
    assert!(!terminal.echoes());
    send_signal(child.id(), Signal::TERM);
    Done::of(child, &"prompt").expect(130);
    assert!(terminal.echoes());
}

#[test]
fn prompt_reports_lines_that_are_not_utf8_and_goes_on() {
    let tor = RealTor::start("Nickname seven\n");
    let run = |bytes: &[u8]| Scape::new(["prompt"]).control(tor.port()).input(bytes).run();
    let done = run(b"GETINFO \xff\nGETCONF Nickname\r\n").expect(2);
    assert_eq!(done.out, "250 Nickname=seven\n");
    assert_eq!(done.error, "scape: line 1: the line is not UTF-8, and was not sent\n");
    // The data of a refused line isn't taken for commands.
    let done = run(b"+LOADCONF \xff\nSETCONF Nickname=eight\n.\nGETCONF Nickname\n").expect(2);
    assert_eq!(done.out, "250 Nickname=seven\n");
    // Data may have any bytes.
    let torrc = fs::read(tor.folder().join("torrc")).unwrap();
    let done = run(&[b"+LOADCONF\n", &torrc[..], b"\n# \xe9\n.\n"].concat()).expect(0);
    assert_eq!(done.out, "250 OK\n");
}

#[test]
fn prompt_shortens_long_lines_in_errors() {
    let tor = RealTor::start("Nickname seven\n");
    for word in ["x", "/x", "GETINFO x"] {
        let long = format!("{word}{}", "x".repeat(20 << 20));
        let done = prompt(&tor, &format!("{long}\nGETCONF Nickname\n")).run().expect(2);
        assert_eq!(done.out, "250 Nickname=seven\n", "{word}");
        assert!(done.error.len() < 9000, "{word}: {} bytes", done.error.len());
    }
}

#[test]
fn prompt_on_a_pipe_ends_with_tor() {
    let mut tor = RealTor::start("");
    let mut child = Scape::new(["prompt"]).control(tor.port()).start();
    // The input stays open, so its end doesn't end the prompt.
    let mut input = child.stdin.take().unwrap();
    let output = Lines::of(child.stdout.take().unwrap());
    input.write_all(b"GETINFO version\n").unwrap();
    output.next();
    tor.kill();
    let done = Done::of(child, &"prompt").expect(3);
    assert!(done.error.contains("the control connection is closed"), "{done:?}");
    drop(input);
    // A tor that ends because it was told to is no failure.
    let tor = RealTor::start("");
    assert_eq!(prompt(&tor, "SIGNAL HALT\n").ok(), "250 OK\n");
}

#[test]
fn prompt_on_a_pipe_ends_at_an_interrupt() {
    let tor = RealTor::start("");
    let mut child = Scape::new(["prompt"]).control(tor.port()).start();
    let mut input = child.stdin.take().unwrap();
    let output = Lines::of(child.stdout.take().unwrap());
    input.write_all(b"GETINFO version\n").unwrap();
    output.next();
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"prompt").expect(130);
}

#[test]
fn prompt_runs_pasted_lines_one_by_one() {
    let tor = RealTor::start("Nickname seven\n");
    let state = tempfile::tempdir().unwrap();
    let (mut terminal, child) = open(80, &tor, &state);
    terminal.until("tor> ");
    // The terminal marks a text that is pasted.
    terminal.type_text("\x1b[200~GETCONF Nickname\r\nGETINFO process/pid\n\x1b[201~\r");
    terminal.until("250 Nickname=seven");
    terminal.until("250-process/pid=");
    terminal.until("tor> ");
    // A command with data may be pasted, too.
    let torrc = tor.torrc().replace("Nickname seven", "Nickname eight");
    terminal.type_text(&format!("\x1b[200~+LOADCONF\n{torrc}.\nGETCONF Nickname\x1b[201~\r"));
    terminal.until("250 Nickname=eight");
    terminal.until("tor> ");
    terminal.type_text("/quit\r");
    Done::of(child, &"prompt").expect(0);
    let history = fs::read_to_string(state.path().join("scape/history")).unwrap();
    let lines =
        ["GETCONF Nickname", "GETINFO process/pid", "+LOADCONF", "GETCONF Nickname", "/quit"];
    assert_eq!(history.lines().skip(1).collect::<Vec<_>>(), lines, "{history}");
}

#[test]
fn prompt_at_a_terminal_tells_what_it_drops() {
    let tor = RealTor::start("Nickname seven\n");
    let state = tempfile::tempdir().unwrap();
    let (mut terminal, child) = open(80, &tor, &state);
    terminal.until("tor> ");
    // In a data block, Ctrl-D and Ctrl-C only drop the block.
    for key in ["\x04", "\x03"] {
        terminal.type_text("+LOADCONF\r");
        terminal.until("type the data, then a line with a single dot");
        terminal.until("...> ");
        terminal.type_text(key);
        terminal.until("its data were dropped, and nothing was sent");
        terminal.until("tor> ");
    }
    terminal.type_bytes(b"GETINFO \xff\r");
    terminal.until("the input is not UTF-8: the line was dropped");
    terminal.type_text("\rGETCONF Nickname\r");
    terminal.until("250 Nickname=seven");
    terminal.type_text("/quit\r");
    Done::of(child, &"prompt").expect(0);
}
