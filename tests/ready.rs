//! Checks that waiting for tor to be ready ends at its timeout, even if tor
//! sends nothing any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use scape::testing::ScriptedTor;
use scape::tor::NotReadyError;
use scape::{Controller, Tor};

/// Uses a tor behind a filter that hides status events. The tor bootstraps one
/// step further with each request.
#[test]
fn become_ready_reports_steps_behind_a_filter_that_hides_status_events() {
    let mut asked = 0;
    let scripted = ScriptedTor::builder()
        .on_any(move |command| {
            let answer = match command {
                "SETEVENTS STATUS_CLIENT" => "510 Command filtered\r\n".to_owned(),
                "GETINFO status/bootstrap-phase" => {
                    asked += 1;
                    let (percent, tag) = [(10, "conn_done"), (10, "conn_done"), (100, "done")][asked.min(3) - 1];
                    format!(
                        "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS={percent} TAG={tag} SUMMARY=\"x\"\r\n250 OK\r\n"
                    )
                }
                "GETINFO status/enough-dir-info" => {
                    "250-status/enough-dir-info=1\r\n250 OK\r\n".to_owned()
                }
                _ => "510 Command filtered\r\n".to_owned(),
            };
            Some(answer.into_bytes())
        })
        .start()
        .unwrap();
    let controller = Controller::from_authenticated(scripted.transport().unwrap()).unwrap();
    let mut steps = Vec::new();
    let minute = Duration::from_secs(60);
    Tor::from(controller).become_ready_with(minute, |step| steps.push(step.percent)).unwrap();
    assert_eq!(steps, [10, 100]);
}

#[test]
fn not_ready_error_behind_a_filter_has_the_progress_and_the_reason() {
    let scripted = ScriptedTor::builder()
        .on("SETEVENTS STATUS_CLIENT", "510 Command filtered\r\n")
        .info("status/bootstrap-phase", r#"NOTICE BOOTSTRAP PROGRESS=10 TAG=conn_done SUMMARY="x""#)
        .info("status/enough-dir-info", "0")
        .info("status/circuit-established", "0")
        .on("GETCONF DisableNetwork", "250 DisableNetwork=1\r\n")
        .start()
        .unwrap();
    let controller = Controller::from_authenticated(scripted.transport().unwrap()).unwrap();
    let error = Tor::from(controller).become_ready(Duration::from_secs(2)).unwrap_err();
    let Some(error) = error.get::<NotReadyError>() else { panic!("{error}") };
    assert_eq!(error.progress.as_ref().map(|step| step.percent), Some(10), "{error}");
    assert!(error.network_disabled, "{error}");
}

#[test]
fn become_ready_keeps_its_timeout_with_a_silent_tor() {
    let scripted = ScriptedTor::builder().on_any(|_| Some(Vec::new())).start().unwrap();
    // Each command alone may wait for 30 seconds.
    let controller = Controller::from_authenticated(scripted.transport().unwrap()).unwrap();
    let begun = Instant::now();
    let error = Tor::from(controller).become_ready(Duration::from_millis(200)).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let Some(error) = error.get::<NotReadyError>() else { panic!("{error}") };
    assert!(error.progress.is_none() && !error.network_disabled);
}
