use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::real_tor::{RealTor, password_line};
use crate::run::{Done, Scape, send_signal, wait_for_handler};

/// Returns a `scape conf edit` command. The shell command `editor` takes the
/// place of the user's editor.
fn edit(tor: &RealTor, editor: &str) -> Scape {
    let scape = Scape::new(["conf", "edit"]).control(tor.port());
    scape.env("VISUAL", editor).env("TMPDIR", tor.folder())
}

/// Returns the paths of the edited texts that the command left in this folder.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "torrc")).collect()
}

#[test]
fn edited_options_are_shown_and_changed() {
    let password = password_line("open sesame");
    let tor = RealTor::start(&format!(
        "Nickname somebody\nContactInfo \"a # b\"\n{password}\nCookieAuthentication 1\n"
    ));
    let copy = tor.folder().join("copy");
    let editor = format!(
        "f() {{ cp \"$1\" {}; sed -i -e s/somebody/other/ -e /^ContactInfo/d \"$1\"; \
         echo 'ExitNodes {{de}}' >> \"$1\"; }}; f",
        copy.display()
    );
    let done = edit(&tor, &editor).arg("--yes").run().expect(0);
    let expected = "-ContactInfo a # b\n+ExitNodes {de}\n-Nickname somebody\n+Nickname other\n";
    assert_eq!(done.out, expected);
    let text = fs::read_to_string(copy).unwrap();
    for line in ["Nickname somebody", "ContactInfo \"a # b\"", "DisableNetwork 1"] {
        assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
    }
    assert!(text.contains("# HashedControlPassword isn't shown."), "{text}");
    assert!(!text.contains("16:"), "{text}");
    let now = tor.over_unix().connect().unwrap();
    assert_eq!(now.get_conf("Nickname").unwrap().as_deref(), Some("other"));
    assert_eq!(now.get_conf("ContactInfo").unwrap(), None);
    assert!(now.get_conf("HashedControlPassword").unwrap().is_some());
    assert!(kept(tor.folder()).is_empty());
    let done = edit(&tor, "true").run().expect(0);
    assert_eq!((done.out.as_str(), done.error.as_str()), ("", "nothing was changed\n"));
    let values = edit(&tor, "sed -i /Nickname/s/other/third/").arg("--yes").json();
    let expected = json!({"name": "Nickname", "before": ["Nickname other"],
        "after": ["Nickname third"]});
    assert_eq!(values, [expected]);
}

#[test]
fn onion_services_are_edited_in_order() {
    let tor = RealTor::start("");
    let folder = tor.folder().display();
    let lines = format!(
        "HiddenServiceDir {folder}/one\nHiddenServicePort 80\n\
         HiddenServiceDir {folder}/two\nHiddenServicePort 81\n"
    );
    let editor = format!("f() {{ echo '{lines}' >> \"$1\"; }}; f");
    edit(&tor, &editor).arg("--yes").ok();
    let get = || Scape::new(["conf", "get", "HiddenServiceOptions"]).control(tor.port()).ok();
    // tor adds the target to a port that was set without one.
    let now = get();
    assert_eq!(now.lines().count(), 4, "{now}");
    assert!(now.starts_with(&format!("HiddenServiceDir {folder}/one\n")), "{now}");
    let done = edit(&tor, "sed -i '/one$/,/Port 80/d'").arg("--yes").run().expect(0);
    assert!(done.out.starts_with(&format!("-HiddenServiceDir {folder}/one\n")), "{done:?}");
    assert!(get().starts_with(&format!("HiddenServiceDir {folder}/two\n")));
}

#[test]
fn refused_text_is_kept_and_can_be_used_again() {
    let tor = RealTor::start("Nickname somebody\n");
    for (editor, reason) in [
        ("f() { echo UseBridges 1 >> \"$1\"; }; f", "tor refused the change of UseBridges"),
        ("sed -i s/somebody/not-a-name/", "Nickname (String) cannot be"),
        ("sed -i s/Nickname/Niknam/", ": this tor has no option Niknam"),
        ("sed -i 's/Nickname/%include /'", ": other files can't be included here"),
        ("f() { echo 'ContactInfo \"x' >> \"$1\"; }; f", "ContactInfo"),
    ] {
        let done = edit(&tor, editor).arg("--yes").run().expect(1);
        assert!(done.error.contains(reason), "{done:?}");
        let [file] = kept(tor.folder()).try_into().unwrap();
        assert!(done.error.contains(&format!("kept in {}", file.display())), "{done:?}");
        assert_ne!(fs::read_to_string(&file).unwrap(), "");
        fs::remove_file(file).unwrap();
    }
    // Without a terminal, nothing is changed without --yes.
    let done = edit(&tor, "sed -i s/somebody/other/").run().expect(1);
    assert_eq!(done.out, "-Nickname somebody\n+Nickname other\n");
    assert!(done.error.contains("use --yes"), "{done:?}");
    let [file] = kept(tor.folder()).try_into().unwrap();
    edit(&tor, "true").arg("--yes").arg("--file").arg(&file).ok();
    assert_eq!(tor.controller().get_conf("Nickname").unwrap().as_deref(), Some("other"));
}

#[test]
fn change_by_another_program_and_failing_editor_change_nothing() {
    let tor = RealTor::start("Nickname somebody\n");
    let editor = format!(
        "f() {{ {} conf set --control {} Nickname=third; sed -i s/somebody/other/ \"$1\"; }}; f",
        env!("CARGO_BIN_EXE_scape"),
        tor.port()
    );
    let done = edit(&tor, &editor).arg("--yes").run().expect(1);
    assert!(done.error.contains("another program has changed Nickname"), "{done:?}");
    assert_eq!(tor.controller().get_conf("Nickname").unwrap().as_deref(), Some("third"));
    // The other program may also change an option that had its default, or add
    // services when there were none.
    let folder = tor.folder().display().to_string();
    for (theirs, ours, lost) in [
        ("ExitNodes={de}".to_owned(), "ExitNodes {fr}".to_owned(), "ExitNodes"),
        (
            format!("HiddenServiceDir={folder}/theirs' 'HiddenServicePort=80"),
            format!("HiddenServiceDir {folder}/ours\nHiddenServicePort 81"),
            "HiddenServiceOptions",
        ),
    ] {
        let scape = format!("{} conf --control {}", env!("CARGO_BIN_EXE_scape"), tor.port());
        let editor = format!("f() {{ {scape} set '{theirs}'; echo '{ours}' >> \"$1\"; }}; f");
        let done = edit(&tor, &editor).arg("--yes").run().expect(1);
        assert!(done.error.contains(&format!("has changed {lost} in the meantime")), "{done:?}");
    }
    assert_eq!(tor.controller().get_conf("ExitNodes").unwrap().as_deref(), Some("{de}"));
    let services = Scape::new(["conf", "get", "HiddenServiceOptions"]).control(tor.port()).ok();
    assert!(services.starts_with(&format!("HiddenServiceDir {folder}/theirs\n")), "{services}");
    let done = edit(&tor, "false").run().expect(1);
    assert!(done.error.contains("the editor false ended with exit code 1"), "{done:?}");
}

/// Runs `scape conf edit` with a terminal as its standard input. The text
/// `typed` stands for what a user types.
fn edit_at_terminal(edit: Scape, typed: &str) -> Done {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap();
    let mut ours = File::from(terminal);
    let theirs = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
    ours.write_all(typed.as_bytes()).unwrap();
    let done = Done::of(edit.start_on(theirs.into(), Stdio::piped()), &"scape conf edit");
    // The terminal must live as long as the program.
    let _ = ours.read(&mut [0; 1]);
    done
}

#[test]
fn edit_asks_at_a_terminal() {
    let tor = RealTor::start("Nickname somebody\n");
    let nickname = || tor.controller().get_conf("Nickname").unwrap().unwrap();
    let done = edit_at_terminal(edit(&tor, "sed -i s/somebody/other/"), "n\n").expect(1);
    assert!(done.error.contains("Make these changes? [y/N]"), "{done:?}");
    assert!(done.error.contains("nothing was changed\nthe edited text is kept in "), "{done:?}");
    assert_eq!(nickname(), "somebody");
    // The first text is refused. The second time, the editor corrects it.
    let editor = "sed -i -e s/not-a-name/other/ -e s/somebody/not-a-name/";
    let done = edit_at_terminal(edit(&tor, editor), "y\ny\ny\n").expect(0);
    assert!(done.error.contains("Nickname (String) cannot be"), "{done:?}");
    assert!(done.error.contains("Edit the text again? [y/N]"), "{done:?}");
    assert_eq!(nickname(), "other");
    // With --json, standard error has the changes in question.
    let json = edit(&tor, "sed -i /Nickname/s/other/third/").arg("--json");
    let done = edit_at_terminal(json, "y\n").expect(0);
    assert!(done.error.contains("-Nickname other\n+Nickname third\nMake these"), "{done:?}");
    let value: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(value["after"], json!(["Nickname third"]));
}

#[test]
fn signal_ends_the_wait_for_a_file_that_is_a_pipe() {
    let tor = RealTor::start("");
    let pipe = tor.folder().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    let mut child = edit(&tor, "true").arg("--file").arg(&pipe).start();
    wait_for_handler(&mut child);
    // The test can't see when the command opens the pipe, so it waits for a
    // while.
    thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"edit").expect(130);
    // After 20 seconds, scape would end in any case.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
