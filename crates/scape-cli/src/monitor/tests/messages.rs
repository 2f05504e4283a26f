//! Tests of the changes and effects of messages.

use std::path::PathBuf;

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind,
};
use scape::event::EventKind;
use scape::word::CircuitId;

use super::{Effect, Message, Page, Request, Screen, full, time};
use crate::monitor::data::Link;
use crate::monitor::message::Note;

#[test]
fn keys_open_pages() {
    let mut screen = Screen::new(Page::Overview);
    for page in Page::ALL {
        screen.press(&(page.index() + 1).to_string());
        assert_eq!(screen.model.page, page);
    }
    // On the prompt page, digits are text.
    screen.press("1");
    assert_eq!(screen.model.page, Page::Prompt);
    screen.key(KeyCode::Tab);
    assert_eq!(screen.model.page, Page::Overview);
    screen.key(KeyCode::BackTab);
    assert_eq!(screen.model.page, Page::Prompt);
    assert_eq!(screen.effects, []);
}

#[test]
fn quitting_and_new_identities_are_asked_for() {
    let mut screen = Screen::new(Page::Overview);
    screen.press("nq");
    assert_eq!(screen.effects, [Effect::Ask(Request::NewIdentity), Effect::Quit]);
    // Ctrl-C quits everywhere.
    let mut screen = Screen::new(Page::Prompt);
    screen.press("qn");
    assert_eq!(screen.effects, []);
    let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    screen.message(Message::Input(TerminalEvent::Key(key)));
    assert_eq!(screen.effects, [Effect::Quit]);
}

#[test]
fn events_redraw_only_the_pages_that_show_them() {
    let is_redrawn = |page, event: &str| {
        let mut screen = Screen::new(page);
        screen.model.changed = false;
        screen.events(&[event]);
        screen.model.changed
    };
    assert!(is_redrawn(Page::Overview, "BW 1 2"));
    assert!(!is_redrawn(Page::Log, "BW 1 2"));
    assert!(is_redrawn(Page::Connections, "STREAM_BW 1 2 3"));
    assert!(!is_redrawn(Page::Network, "CIRC 1 LAUNCHED"));
    assert!(is_redrawn(Page::Log, "NOTICE Something"));
    assert!(!is_redrawn(Page::Log, "CIRC 1 LAUNCHED"));
}

#[test]
fn paused_screen_stays_while_data_goes_on() {
    let mut screen = full(Page::Log);
    screen.press("p");
    screen.model.changed = false;
    screen.events(&["NOTICE Something new"]);
    assert!(!screen.model.changed);
    screen.has(&["PAUSED", "Bootstrapped 100%"]);
    screen.has_not(&["Something new"]);
    screen.press("p");
    screen.has(&["Something new"]);
    screen.has_not(&["PAUSED"]);
}

#[test]
fn lost_connection_is_shown_until_it_is_back() {
    let mut screen = full(Page::Connections);
    screen.message(Message::Link(Link::Lost("connection refused".into())));
    screen.has(&["connection lost, reconnecting: connection refused", "0 circuits"]);
    screen.asked();
    screen.message(Message::Link(Link::Up));
    screen.has_not(&["reconnecting"]);
    assert_eq!(screen.asked(), [Request::LoadOptions, Request::LoadRelays]);
    screen.press("3");
    screen.has(&["the connection to tor is lost", "connected to tor again"]);
}

#[test]
fn changed_options_and_a_new_consensus_are_read_again() {
    let mut screen = Screen::new(Page::Overview);
    screen.events(&["STATUS_CLIENT NOTICE CONSENSUS_ARRIVED"]);
    assert_eq!(screen.asked(), [Request::LoadRelays]);
    screen.events(&["650-CONF_CHANGED\r\n650-Nickname=x\r\n650 OK\r\n"]);
    assert_eq!(screen.asked(), [Request::LoadOptions]);
}

#[test]
fn notes_disappear_after_a_while() {
    let mut screen = Screen::new(Page::Overview);
    screen.message(Message::Tick(time(100)));
    screen.message(Message::Note(Note::error("cannot close circuit 7")));
    screen.message(Message::Tick(time(101)));
    screen.has(&["cannot close circuit 7"]);
    screen.message(Message::Tick(time(200)));
    screen.has_not(&["cannot close circuit 7"]);
}

#[test]
fn closing_is_confirmed() {
    let mut screen = full(Page::Connections);
    screen.press("x");
    screen.has(&["Close circuit 5 and its streams?", "y or n"]);
    screen.press("n");
    assert_eq!(screen.asked(), []);
    screen.press("xy");
    let id: CircuitId = "5".parse().unwrap();
    assert_eq!(screen.asked(), [Request::CloseCircuit(id)]);
    screen.press("jx");
    screen.has(&["Close stream 9?"]);
    screen.key(KeyCode::Esc);
    screen.press("Gx");
    screen.has(&["tor closes OR connections itself"]);
    assert_eq!(screen.asked(), []);
}

#[test]
fn rows_are_copied_and_pages_are_written() {
    let mut screen = full(Page::Network);
    screen.press("y");
    let fingerprint = "0000000000000000000000000000000000000002".to_owned();
    assert_eq!(screen.effects, [Effect::Copy(fingerprint)]);
    screen.effects.clear();
    screen.press("w");
    screen.has(&["write to: scape-network.txt"]);
    screen.key(KeyCode::Enter);
    let asked = screen.asked();
    let [Request::WriteFile(path, text)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(path, &PathBuf::from("scape-network.txt"));
    assert!(text.starts_with("NICKNAME") && text.lines().count() == 5, "{text}");
}

#[test]
fn mouse_opens_tabs_and_moves_the_selection() {
    let mut screen = full(Page::Network);
    let mut mouse = |kind, column| {
        let event = MouseEvent { kind, column, row: 0, modifiers: KeyModifiers::NONE };
        screen.message(Message::Input(TerminalEvent::Mouse(event)));
    };
    mouse(MouseEventKind::ScrollDown, 0);
    screen.press("y");
    let last = "0000000000000000000000000000000000000001".to_owned();
    assert_eq!(screen.effects, [Effect::Copy(last)]);
    let mut mouse = |kind, column| {
        let event = MouseEvent { kind, column, row: 0, modifiers: KeyModifiers::NONE };
        screen.message(Message::Input(TerminalEvent::Mouse(event)));
    };
    mouse(MouseEventKind::Down(crossterm::event::MouseButton::Left), 12);
    assert_eq!(screen.model.page, Page::Connections);
}

#[test]
fn chosen_events_are_subscribed_to() {
    let mut screen = full(Page::Log);
    screen.press("f");
    screen.has(&["[ ] CIRC ", "space, Enter"]);
    screen.press(" ");
    screen.has(&["[x] CIRC "]);
    screen.key(KeyCode::Enter);
    let asked = screen.asked();
    let [Request::Events(kinds)] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(kinds.contains(&EventKind::Circ) && kinds.contains(&EventKind::Warn));
    screen.events(&["CIRC 77 LAUNCHED"]);
    screen.has(&["[CIRC] CIRC 77 LAUNCHED"]);
}

#[test]
fn prompt_sends_lines_and_keeps_a_history() {
    let mut screen = Screen::new(Page::Prompt);
    screen.press("GETINFO version");
    screen.key(KeyCode::Enter);
    assert_eq!(screen.asked(), [Request::Command("GETINFO version".into())]);
    screen.message(Message::Reply(vec!["250-version=0.4.9.8".into(), "250 OK".into()]));
    screen.has(&["> GETINFO version\n250-version=0.4.9.8\n250 OK\n"]);
    screen.key(KeyCode::Up);
    screen.press("x");
    screen.message(Message::Input(TerminalEvent::Paste(" y\nz".into())));
    screen.key(KeyCode::Enter);
    assert_eq!(screen.asked(), [Request::Command("GETINFO versionx y".into())]);
}

#[test]
fn secrets_stay_out_of_the_log() {
    let mut screen = Screen::new(Page::Log);
    screen.events(&["WARN HashedControlPassword=16:ABCDEF is wrong"]);
    screen.has(&["HashedControlPassword"]);
    screen.has_not(&["ABCDEF"]);
}
