//! The live configuration with a scripted tor: saving when tor's answer comes
//! too late, and reading very many options.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use scape::Connect;
use scape::testing::ScriptedTor;

/// tor answers the first SETCONF only after the handle's timeout, and with a
/// refusal. The change must stay pending, and the next `save` must send it
/// again.
#[test]
fn change_without_an_answer_is_sent_again_by_the_next_save() {
    const SET: &str = "SETCONF ContactInfo=";
    let (go_on, refused) = unbounded::<()>();
    let mut changes = 0;
    let tor = ScriptedTor::builder()
        .info("config/names", "ContactInfo String\n")
        .info("config/defaults", "")
        .on("SETEVENTS CONF_CHANGED", "250 OK\r\n")
        .on("GETCONF ContactInfo", "250 ContactInfo=me\r\n")
        .on_any(move |command| {
            if !command.starts_with(SET) {
                return None;
            }
            changes += 1;
            if changes == 1 {
                let _ = refused.recv();
                return Some(b"553 not now\r\n".to_vec());
            }
            Some(b"250 OK\r\n".to_vec())
        })
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let mut config = controller.with_timeout(Duration::from_secs(2)).config().unwrap();
    assert_eq!(config.lines("ContactInfo").unwrap(), ["me"]);
    config.set("ContactInfo", "us").unwrap();
    assert!(config.save().unwrap_err().is_timeout());
    assert!(config.has_changes());
    go_on.send(()).unwrap();
    controller.sync().unwrap();
    config.save().unwrap();
    assert!(!config.has_changes());
    let sent = tor.sent();
    assert_eq!(sent.iter().filter(|line| line.starts_with(SET)).count(), 2, "{sent:?}");
}

/// Reads a tor with far more options than any real tor has. This must take only
/// a moment, because each line is read only once.
#[test]
fn loading_time_is_proportional_to_the_number_of_options() {
    const OPTIONS: usize = 10_000;
    let names: Vec<String> = (0..OPTIONS).map(|number| format!("Option{number:05}")).collect();
    let lines = |each: fn(&String) -> String| names.iter().map(each).collect::<String>();
    let values = lines(|name| format!("250-{name}=1\r\n")) + "250 OK\r\n";
    let changed =
        format!("650-CONF_CHANGED\r\n{}650 OK\r\n", lines(|name| format!("650-{name}=2\r\n")));
    let tor = ScriptedTor::builder()
        .info("config/names", lines(|name| format!("{name} String\n")))
        .info("config/defaults", lines(|name| format!("{name} \"1\"\n")))
        .on_prefix("GETCONF", values)
        .on("GETINFO version", format!("{changed}250-version=0.4.9.8\r\n250 OK\r\n"))
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let controller = controller.with_timeout(Duration::from_secs(60));
    let config = controller.config().unwrap();
    let begun = Instant::now();
    config.load().unwrap();
    assert_eq!(config.lines("Option00007").unwrap(), ["1"]);
    // All options change at once.
    controller.sync().unwrap();
    assert_eq!(config.lines("Option00007").unwrap(), ["2"]);
    assert_eq!(tor.sent().iter().filter(|line| line.starts_with("GETCONF")).count(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
