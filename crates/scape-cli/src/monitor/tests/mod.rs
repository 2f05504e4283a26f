//! Tests of whole pages: a model is filled by hand, gets messages, and is drawn
//! on a screen in memory. The helpers are used by the unit tests too.

mod messages;
mod pages;
mod sizes;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossterm::event::{Event as TerminalEvent, KeyCode};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use scape::event::{Bootstrap, Event};
use scape::netdoc::RouterFlags;
use scape::word::Fingerprint;
use scape_proto::control::Decoder;

use super::data::facts::{Accounting, Facts, Usage};
use super::data::onions::{Origin, Service};
use super::data::relays::{RelayRow, Relays};
use super::draw::draw;
use super::message::{Effect, Message, Request};
use super::model::Model;
use super::pages::Page;
use super::ui::theme::Theme;
use super::update::update;

/// Parses an event of tor. `line` is one line without the leading `650 `, or
/// several lines as tor sends them.
pub(crate) fn event(line: &str) -> Event {
    let mut decoder = Decoder::default();
    let wire = if line.starts_with("650") { line.to_owned() } else { format!("650 {line}\r\n") };
    decoder.feed(wire.as_bytes());
    let reply = decoder.next_reply().unwrap().unwrap();
    Event::parse(reply, SystemTime::UNIX_EPOCH)
}

/// Returns a relay whose fingerprint and address end with `number`.
pub(crate) fn relay(
    number: u8,
    nickname: &str,
    flags: RouterFlags,
    weight: u32,
    country: &str,
) -> RelayRow {
    let mut fingerprint = [0; 20];
    fingerprint[19] = number;
    RelayRow {
        fingerprint: Fingerprint::from_bytes(fingerprint),
        nickname: nickname.into(),
        address: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, number), 9001),
        flags,
        weight,
        version: Some([0, 4, 9, 8]),
        country: country.parse().ok(),
        asn: None,
    }
}

/// A model of the monitor for tests, without a tor and without a terminal.
pub(crate) struct Screen {
    pub(crate) model: Model,
    /// The effects of the messages since the last call of [`Screen::asked`].
    pub(crate) effects: Vec<Effect>,
}

impl Screen {
    /// Creates a model that shows this page on 80 columns and 24 rows.
    pub(crate) fn new(page: Page) -> Self {
        let theme = Theme { colors: true };
        let model = Model::new(time(0), theme, page, (80, 24));
        Screen { model, effects: Vec::new() }
    }

    /// Updates the model with a message, and stores the effects.
    pub(crate) fn message(&mut self, message: Message) {
        self.effects.extend(update(&mut self.model, message));
    }

    /// Updates the model with events. Each text is parsed by [`event`].
    pub(crate) fn events(&mut self, lines: &[&str]) {
        for line in lines {
            self.message(Message::Event(Arc::new(event(line))));
        }
    }

    /// Presses the keys for the letters of a text, one after the other.
    pub(crate) fn press(&mut self, text: &str) {
        for letter in text.chars() {
            self.key(KeyCode::Char(letter));
        }
    }

    pub(crate) fn key(&mut self, code: KeyCode) {
        self.message(Message::Input(TerminalEvent::Key(code.into())));
    }

    /// Returns the requests among the stored effects, and forgets all effects.
    pub(crate) fn asked(&mut self) -> Vec<Request> {
        let effects = std::mem::take(&mut self.effects).into_iter();
        effects
            .filter_map(|effect| match effect {
                Effect::Ask(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    /// Draws the model on 80 columns and 24 rows, and returns the screen as
    /// text.
    pub(crate) fn text(&mut self) -> String {
        self.text_of_size(80, 24)
    }

    pub(crate) fn text_of_size(&mut self, width: u16, height: u16) -> String {
        self.message(Message::Input(TerminalEvent::Resize(width, height)));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(&self.model, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(usize::from(width).max(1));
        let lines = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// Asserts that the screen contains each of these texts.
    #[track_caller]
    pub(crate) fn has(&mut self, texts: &[&str]) {
        let screen = self.text();
        for text in texts {
            assert!(screen.contains(text), "no {text:?} on\n{screen}");
        }
    }

    #[track_caller]
    pub(crate) fn has_not(&mut self, texts: &[&str]) {
        let screen = self.text();
        for text in texts {
            assert!(!screen.contains(text), "{text:?} on\n{screen}");
        }
    }
}

/// Returns a time: `seconds` seconds after a fixed start, so that results of
/// tests don't depend on the clock.
pub(crate) fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

/// Returns the facts of a tor that is a relay.
pub(crate) fn facts() -> Facts {
    Facts {
        version: "0.4.9.8".into(),
        version_status: Some("recommended".into()),
        pid: Some(123),
        user: Some("debian-tor".into()),
        started: Some(time(0) - Duration::from_secs(90_000)),
        bootstrap: Bootstrap::parse(b"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\""),
        network_alive: Some(true),
        circuit_established: Some(true),
        read: Some(12_300_000),
        written: Some(4_500_000),
        is_relay: Some(true),
        fingerprint: Some("000000000000000000000000000000000000002A".into()),
        address: Some("192.0.2.1".into()),
        nickname: Some("somebody".into()),
        flags: Some("Fast Guard Running".into()),
        ports: vec![
            ("or".into(), "0.0.0.0:9001".into()),
            ("control".into(), "127.0.0.1:9051".into()),
        ],
        accounting: Some(Accounting {
            hibernating: "awake".into(),
            read_left: 1_000_000,
            written_left: 2_000_000,
            end: time(86_400),
        }),
        descriptor_limit: Some(1024),
        ..Facts::default()
    }
}

/// Returns a table of four relays, one with the flag Guard and one with the
/// flag Exit.
pub(crate) fn relays() -> Relays {
    let fast = RouterFlags::FAST | RouterFlags::RUNNING;
    let rows = vec![
        relay(1, "one", fast | RouterFlags::GUARD, 1_000, "de"),
        relay(2, "two", fast, 4_000, "fr"),
        relay(3, "three", fast | RouterFlags::EXIT, 3_000, "us"),
        relay(4, "four", RouterFlags::RUNNING, 2_000, "de"),
    ];
    Relays::of(rows, Some(time(3_600)))
}

/// Returns a model that has data for every page, and shows this page.
pub(crate) fn full(page: Page) -> Screen {
    let mut screen = Screen::new(page);
    screen.message(Message::Facts(facts().into()));
    screen.message(Message::Relays(relays().into()));
    let usage = Usage { cpu: Some(25), memory: Some(40_000_000), descriptors: Some(50) };
    screen.message(Message::Usage(usage));
    screen.message(Message::Tick(time(60)));
    screen.events(&[
        "CIRC 5 BUILT $0000000000000000000000000000000000000001~one,\
         $0000000000000000000000000000000000000002~two,\
         $0000000000000000000000000000000000000003~three PURPOSE=GENERAL",
        "CIRC 6 BUILT $0000000000000000000000000000000000000001~one PURPOSE=HS_SERVICE_INTRO \
         HS_STATE=HSSI_ESTABLISHED REND_QUERY=\
         duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad",
        "STREAM 9 NEW 0 example.com:80 SOURCE_ADDR=127.0.0.1:5000 PURPOSE=USER",
        "STREAM 9 SUCCEEDED 5 example.com:80",
        "STREAM_BW 9 100 2000 2024-01-01T00:00:00",
        "CIRC_BW ID=5 READ=7000 WRITTEN=800",
        "ORCONN $0000000000000000000000000000000000000001~one LAUNCHED ID=1",
        "ORCONN 203.0.113.9:4567 NEW ID=2",
        "BW 1000 2000",
        "BW 3000 500",
        "NOTICE Bootstrapped 100% (done): Done",
        "WARN Something is \"odd\"",
        "WARN Something is \"odd\"",
        "HS_DESC UPLOAD duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad NO_AUTH \
         $0000000000000000000000000000000000000004~four desc",
        "HS_DESC UPLOADED duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad NO_AUTH \
         $0000000000000000000000000000000000000004~four",
    ]);
    let address = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad";
    screen.message(Message::Services(vec![
        Service {
            address: address.parse().ok(),
            origin: Origin::Disk,
            ports: vec!["80 127.0.0.1:8080".into()],
            directory: Some("/var/lib/tor/site".into()),
        },
        Service {
            address: None,
            origin: Origin::Disk,
            ports: Vec::new(),
            directory: Some("/var/lib/tor/other".into()),
        },
    ]));
    screen.effects.clear();
    screen
}
