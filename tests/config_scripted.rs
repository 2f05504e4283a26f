//! Saving the live configuration when tor's answer doesn't come in time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crossbeam_channel::unbounded;
use scape::Connect;
use scape::testing::ScriptedTor;

/// tor doesn't answer the first change within the handle's timeout, and then
/// refuses it. The change stays pending, and is sent again when it is saved
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
