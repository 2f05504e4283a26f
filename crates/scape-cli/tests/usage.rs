//! The command line without a tor: help, completions, manual pages, errors.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use run::Scape;

#[test]
fn help_lists_commands_and_exit_codes() {
    let text = Scape::new(["--help"]).ok();
    for expected in ["Usage: scape", "\n  status ", "\n  info ", "130 interrupted"] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    let version = Scape::new(["--version"]).ok();
    assert_eq!(version, format!("scape {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_has_exit_code_2() {
    for wrong in [&[][..], &["nonsense"], &["status", "x"], &["status", "--timeout", "0"]] {
        let command = wrong.iter().fold(Scape::new([]), |scape, word| scape.arg(word));
        let done = command.run().expect(2);
        assert!(done.error.contains("--help") || done.error.contains("Usage"), "{done:?}");
        assert_eq!(done.out, "");
    }
}

#[test]
fn missing_tor_has_exit_code_3_and_advice() {
    let done = Scape::new(["status"]).control("/nowhere/control").run().expect(3);
    assert!(done.error.starts_with("scape: no control connection to tor"), "{done:?}");
    assert!(done.error.contains("Is tor running"), "{done:?}");
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = Scape::new(["completions", shell]).ok();
        assert!(text.contains("status") && text.contains("scape"), "{shell}: {text}");
    }
    Scape::new(["completions", "nonsense"]).run().expect(2);
}

#[test]
fn manual_pages_are_written_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let done = Scape::new(["man"]).arg(&pages).run().expect(0);
    assert!(done.error.contains("man1"), "{done:?}");
    for page in ["scape.1", "scape-status.1", "scape-info.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH scape"), "{text}");
    }
}

#[test]
fn messages_about_targets_do_not_name_calls_of_the_library() {
    let done = Scape::new(["connect", ":80"]).run().expect(2);
    assert!(done.error.contains("<HOST:PORT>': the host name is empty"), "{done:?}");
}
