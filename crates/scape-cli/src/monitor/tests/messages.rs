//! Tests of how messages change the model, and which effects they cause.

use std::path::PathBuf;

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind,
};
use scape::event::EventKind;
use scape::word::CircuitId;

use super::{Effect, Facts, Message, Page, Request, Screen, Usage, facts, full, time};
use crate::monitor::data::Link;
use crate::monitor::data::history::Interval;
use crate::monitor::message::Note;
use crate::monitor::view::PageView as _;

#[test]
fn keys_open_pages() {
    let mut screen = Screen::new(Page::Overview);
    for page in Page::ALL {
        screen.press(&(page.index() + 1).to_string());
        assert_eq!(screen.model.page, page);
    }
    // On the prompt page, digits are text, so the page doesn't change.
    screen.press("1");
    assert_eq!(screen.model.page, Page::Prompt);
    screen.key(KeyCode::Tab);
    assert_eq!(screen.model.page, Page::Overview);
    screen.key(KeyCode::BackTab);
    assert_eq!(screen.model.page, Page::Prompt);
    assert_eq!(screen.effects, []);
}

#[test]
fn keys_quit_and_ask_for_a_new_identity() {
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

#[cfg(unix)]
#[test]
fn ctrl_z_stops_the_program_on_every_page_and_in_boxes() {
    for keys in ["", "/", "?"] {
        let mut screen = Screen::new(Page::Network);
        screen.press(keys);
        let key = KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL);
        screen.message(Message::Input(TerminalEvent::Key(key)));
        assert_eq!(screen.effects.last(), Some(&Effect::Suspend), "{keys}");
    }
    let mut screen = Screen::new(Page::Network);
    screen.press("?");
    assert!(screen.text_of_size(80, 40).contains("Ctrl-Z"));
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
fn new_identity_is_reported_when_tor_has_done_it() {
    let mut screen = Screen::new(Page::Overview);
    screen.events(&["SIGNAL RELOAD"]);
    screen.has_not(&["new connections use new circuits from now on"]);
    screen.events(&["SIGNAL NEWNYM"]);
    screen.has(&["new connections use new circuits from now on"]);
}

#[test]
fn late_details_replace_nothing_that_the_user_writes() {
    let details = || Message::Details("Relay one".into(), vec!["Contact      somebody".into()]);
    // A question stays, and a key still answers it.
    let mut screen = full(Page::Connections);
    screen.press("x");
    screen.message(details());
    screen.has(&["Close circuit 5", "Relay one: not shown while you type"]);
    screen.press("y");
    let id: CircuitId = "5".parse().unwrap();
    assert_eq!(screen.asked(), [Request::CloseCircuit(id)]);
    // So does a line at the bottom, and the line of the page Prompt.
    screen.press("/qq");
    screen.message(details());
    screen.has(&["search: qq"]);
    let mut screen = full(Page::Prompt);
    screen.press("GET");
    screen.message(details());
    screen.press("INFO");
    screen.has(&["GETINFO"]);
    screen.has_not(&["Contact"]);
    // A box that is only read makes room.
    let mut screen = full(Page::Network);
    screen.press("?");
    screen.message(details());
    screen.has(&["Contact      somebody"]);
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
    screen.has(&["[ ] CIRC ", "space selects, Enter accepts"]);
    screen.press(" ");
    screen.has(&["[x] CIRC "]);
    screen.key(KeyCode::Enter);
    let asked = screen.asked();
    let [Request::Events(kinds)] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(kinds.contains(&EventKind::Circ) && kinds.contains(&EventKind::Warn));
    screen.events(&["CIRC 77 LAUNCHED"]);
    screen.has(&["[CIRC] 77 LAUNCHED"]);
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
    // Each line of a paste is sent with Enter.
    screen.message(Message::Input(TerminalEvent::Paste(" y\n\nz\r\nw\ru".into())));
    for expected in ["GETINFO versionx y", "z", "w"] {
        screen.key(KeyCode::Enter);
        assert_eq!(screen.asked(), [Request::Command(expected.into())]);
    }
    screen.has(&["> u"]);
    screen.message(Message::Input(TerminalEvent::Paste("\rv".into())));
    screen.key(KeyCode::Esc);
    screen.key(KeyCode::Enter);
    assert!(screen.asked().is_empty());
    screen.has_not(&["> uv"]);
}

#[test]
fn secrets_stay_out_of_the_log() {
    let mut screen = Screen::new(Page::Log);
    screen.events(&["WARN HashedControlPassword=16:ABCDEF is wrong"]);
    screen.has(&["HashedControlPassword"]);
    screen.has_not(&["ABCDEF"]);
}

#[test]
fn secrets_are_not_kept_on_the_prompt_page() {
    let mut screen = Screen::new(Page::Prompt);
    for line in ["AUTHENTICATE \"sesame\"", "SETCONF Socks5ProxyPassword=sesame", "ä sesame"] {
        screen.press(line);
        screen.key(KeyCode::Enter);
        assert_eq!(screen.asked(), [Request::Command(line.into())]);
    }
    screen.has(&["> AUTHENTICATE [redacted]", "> SETCONF Socks5ProxyPassword=[redacted]"]);
    // The history doesn't contain the secrets, either.
    screen.key(KeyCode::Up);
    screen.has_not(&["sesame"]);
    screen.message(Message::Reply(vec!["250 Socks5ProxyPassword=open sesame".into()]));
    screen.has(&["250 Socks5ProxyPassword=open sesame"]);
    let text = screen.model.pages.prompt.all_text(&screen.model.data, &screen.model.view());
    assert!(text.contains("250 Socks5ProxyPassword [redacted]"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
    screen.key(KeyCode::F(1));
    screen.has(&["Keys of the page Prompt", "Ctrl-C             quit"]);
    screen.has_not(&["q or Ctrl-C"]);
}

#[test]
fn addresses_of_others_are_hidden_unless_tor_reports_that_it_is_not_a_relay() {
    let address = "203.0.113.9:4567";
    let unknown = "$FF00000000000000000";
    let mut screen = full(Page::Connections);
    screen.events(&[&format!("ORCONN {unknown:0<41} NEW ID=3")]);
    let written = |screen: &mut Screen| {
        screen.press("w");
        screen.key(KeyCode::Enter);
        let asked = screen.asked();
        let [Request::WriteFile(_, text)] = asked.as_slice() else { panic!("{asked:?}") };
        text.clone()
    };
    let copied = |screen: &mut Screen| {
        screen.effects.clear();
        let mut texts = Vec::new();
        screen.press("g");
        for _ in 0..6 {
            screen.press("yj");
        }
        for effect in std::mem::take(&mut screen.effects) {
            if let Effect::Copy(text) = effect {
                texts.push(text);
            }
        }
        texts.join("\n")
    };
    for (is_relay, is_hidden) in [(Some(true), true), (None, true), (Some(false), false)] {
        screen.message(Message::Facts(Facts { is_relay, ..facts() }.into()));
        for text in [written(&mut screen), copied(&mut screen), screen.text()] {
            assert_eq!(!text.contains(address), is_hidden, "{is_relay:?}\n{text}");
            assert_eq!(text.contains("(hidden)"), is_hidden, "{is_relay:?}\n{text}");
            assert_eq!(!text.contains(unknown), is_hidden, "{is_relay:?}\n{text}");
        }
    }
    // Enter on a hidden peer shows nothing about the peer.
    screen.message(Message::Facts(facts().into()));
    screen.press("G");
    for _ in 0..2 {
        screen.key(KeyCode::Enter);
        screen.has(&["OR connection", "Peer         (hidden)"]);
        screen.has_not(&[address, unknown]);
        screen.key(KeyCode::Esc);
        screen.press("k");
    }
    assert_eq!(screen.asked(), []);
    // The tor after a reconnect may be a relay, so its peers are hidden until
    // the facts are known.
    let mut screen = full(Page::Log);
    screen.message(Message::Facts(Facts { is_relay: Some(false), ..facts() }.into()));
    let at = EventKind::KNOWN.iter().position(|kind| *kind == EventKind::OrConn).unwrap();
    screen.press(&format!("f{} f", "j".repeat(at)));
    screen.events(&[&format!("ORCONN {address} CLOSED ID=2")]);
    screen.has(&[address]);
    screen.message(Message::Link(Link::Lost("connection refused".into())));
    // The last facts of the lost tor come late, and must not count for the next
    // one.
    screen.message(Message::Facts(Facts { is_relay: Some(false), ..facts() }.into()));
    screen.has(&["[ORCONN] (hidden) CLOSED ID=2"]);
    screen.has_not(&[address]);
}

#[test]
fn everything_is_read_again_after_lost_events() {
    let mut screen = Screen::new(Page::Overview);
    screen.message(Message::Stale);
    assert_eq!(screen.asked(), [Request::LoadOptions, Request::LoadRelays]);
}

#[test]
fn lost_connection_is_shown_on_a_paused_screen() {
    let mut screen = full(Page::Connections);
    screen.press("p");
    screen.message(Message::Link(Link::Lost("connection refused".into())));
    screen.has(&["PAUSED", "connection lost, reconnecting: connection refused", "circ 5"]);
    screen.message(Message::Link(Link::Up));
    screen.has_not(&["reconnecting"]);
}

#[test]
fn unknown_usage_is_not_zero() {
    let mut screen = Screen::new(Page::Overview);
    let usage = Usage { cpu: Some(25), memory: Some(40_000_000), descriptors: None };
    screen.message(Message::Usage(usage));
    screen.message(Message::Usage(Usage::default()));
    assert_eq!(screen.model.data.histories.memory.last(), 40_000_000);
    assert_eq!(screen.model.data.histories.cpu.last(), 25);
}

#[test]
fn second_without_a_connection_has_one_value_in_each_graph() {
    let mut screen = Screen::new(Page::Overview);
    screen.message(Message::Link(Link::Lost("connection refused".into())));
    screen.message(Message::Usage(Usage { memory: Some(40_000_000), ..Usage::default() }));
    screen.message(Message::Tick(time(1)));
    let histories = &screen.model.data.histories;
    for history in [&histories.memory, &histories.cpu, &histories.connections, &histories.read] {
        assert_eq!(history.newest(Interval::Second).collect::<Vec<_>>(), [None]);
    }
}

#[test]
fn removed_onion_service_disappears() {
    let address = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad";
    let mut screen = full(Page::Onions);
    // Another control connection has made the service, so tor doesn't list it.
    screen.message(Message::Services(Vec::new()));
    screen.has(&["duckduckgo", "other"]);
    screen.events(&["CIRC 6 CLOSED"]);
    screen.message(Message::Tick(time(1_000_000_000)));
    screen.message(Message::Services(Vec::new()));
    screen.has_not(&["duckduckgo"]);
    assert!(screen.model.data.onions.uploads(&address.parse().unwrap()).next().is_none());
}

#[test]
fn stream_keeps_the_name_that_the_client_has_asked_for() {
    let mut screen = full(Page::Connections);
    screen.events(&["STREAM 9 REMAP 5 192.0.2.7:80 SOURCE=EXIT"]);
    screen.has(&["example.com:80"]);
    screen.has_not(&["192.0.2.7"]);
}
