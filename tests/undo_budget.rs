//! Checks that the time limit of `undo_all` covers all connections together,
//! and that `undo_all` doesn't wait for the thread that has called it. This
//! file has a single test, because `undo_all` ends every connection of the
//! process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scape::attach::{Decision, StreamRequest};
use scape::event::EventKind;
use scape::testing::ScriptedTor;
use scape::{Connect, undo_all};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn parts_of_the_end_share_one_budget_and_a_callback_does_not_wait_for_itself() {
    last_connection_gets_the_time_that_a_hung_connection_leaves();
    undo_all_within_a_callback_ends();
}

fn last_connection_gets_the_time_that_a_hung_connection_leaves() {
    // Commands on the first connection are answered at once, and then not any
    // more. On the second one, they are answered slowly.
    let hangs = Arc::new(AtomicBool::new(false));
    let hung = hangs.clone();
    let mut second = false;
    let tor = ScriptedTor::builder()
        .on_any(move |line| {
            second |= hung.load(Ordering::SeqCst) && line.starts_with("PROTOCOLINFO");
            if second {
                thread::sleep(Duration::from_millis(400));
            } else if hung.load(Ordering::SeqCst) {
                return Some(Vec::new());
            }
            let is_set = u8::from(second);
            Some(match line {
                "GETINFO stream-status" => "250-stream-status=\r\n250 OK\r\n".into(),
                "GETCONF __LeaveStreamsUnattached" => {
                    format!("250 __LeaveStreamsUnattached={is_set}\r\n").into()
                }
                _ if line.starts_with("SETCONF") => "250 OK\r\n".into(),
                _ => return None,
            })
        })
        .listen()
        .unwrap();
    let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
    let attacher = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    hangs.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    undo_all(Duration::from_secs(8)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let sent = tor.sent();
    let hello = sent.iter().rposition(|line| line.starts_with("PROTOCOLINFO")).unwrap();
    let put_back = "SETCONF __LeaveStreamsUnattached=0";
    assert!(sent[hello..].iter().any(|line| line == put_back), "{sent:?}");
    drop(attacher);
}

fn undo_all_within_a_callback_ends() {
    let tor = ScriptedTor::builder().start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let (sender, results) = crossbeam_channel::bounded(1);
    let _listener = controller
        .on_event([EventKind::Bw], move |_| {
            let begun = Instant::now();
            let _ = sender.send((undo_all(Duration::from_secs(10)), begun.elapsed()));
        })
        .unwrap();
    tor.send("650 BW 1 2\r\n");
    let (undone, took) = results.recv_timeout(SOON).unwrap();
    undone.unwrap();
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(!controller.is_open());
}
