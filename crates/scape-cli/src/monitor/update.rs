//! Changes the model when a message arrives. The functions here don't wait,
//! read or write. Instead, they return effects, which other parts of the
//! monitor carry out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent,
    MouseEventKind,
};
use scape::control::Signal;
use scape::event::{Event, EventBody, Severity, StatusAction};
use scape::word::StreamId;

use super::data::Link;
use super::keys;
use super::message::{Effect, Message, Note, Request};
use super::model::Model;
use super::pages::Page;
use super::tabs;
use super::ui::text::NOTE_SHOWN;

/// The interval at which the graphs are saved.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// Returns the requests for the data that is loaded when the monitor starts.
pub(crate) fn begin() -> Vec<Effect> {
    let requests =
        [Request::LoadLogFile, Request::LoadOptions, Request::LoadManual, Request::LoadRelays];
    requests.map(Effect::Ask).into()
}

/// Changes the model because of a message. Returns the effects that the caller
/// must carry out.
pub(crate) fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let now = model.data.now;
    match message {
        Message::Input(TerminalEvent::Key(key)) if key.kind != KeyEventKind::Release => {
            model.changed = true;
            return keys::press(model, key);
        }
        Message::Input(TerminalEvent::Mouse(mouse)) => return click(model, mouse),
        Message::Input(TerminalEvent::Paste(text)) => keys::paste(model, &text),
        Message::Input(TerminalEvent::Resize(width, height)) => {
            (model.width, model.height) = (width, height);
        }
        Message::Input(_) => return Vec::new(),
        Message::Tick(now) => return tick(model, now),
        Message::Event(event) => return handle_event(model, &event),
        Message::Link(link) => return change_link(model, link),
        Message::Stale => return reload(),
        Message::Facts(facts) => {
            model.data.facts = facts;
            if model.data.link != Link::Up {
                forget_role(model);
            }
        }
        Message::Usage(usage) => {
            // While the connection is lost, ticks add values without a
            // measurement.
            if model.data.link == Link::Up {
                let histories = &mut model.data.histories;
                histories.memory.push(usage.memory);
                histories.cpu.push(usage.cpu);
                let count = u64::try_from(model.data.connections.or_connections.len());
                histories.connections.push(count.ok());
            }
            // Nothing is drawn here, because the tick of the same second draws
            // the screen.
            model.data.usage = usage;
            return Vec::new();
        }
        Message::Bandwidth(seconds) => {
            let histories = &mut model.data.histories;
            histories.read.fill(seconds.iter().map(|second| second.read));
            histories.written.fill(seconds.iter().map(|second| second.written));
        }
        Message::Circuits(list) => model.data.connections.replace_circuits(list, now),
        Message::Streams(list) => model.data.connections.replace_streams(list, now),
        Message::OrConnections(list) => model.data.connections.replace_or_connections(list, now),
        Message::Services(services) => {
            let data = &mut model.data;
            data.onions.services = services;
            data.onions.forget_ended(&data.connections.serving(), now);
        }
        Message::Relays(relays) => model.data.relays = relays,
        Message::Options(options) => {
            // The user may change options while the screen is paused, so a
            // paused page shows them, too.
            if let Some(frozen) = &mut model.frozen {
                frozen.options = Arc::clone(&options);
            }
            model.data.options = options;
        }
        Message::Manual(manual) => model.data.manual = Some(manual),
        Message::OldLog(lines) => model.data.log.older(lines),
        Message::Details(title, lines) if !model.takes_text() => model.show(title, &lines),
        Message::Details(title, _) => {
            let note = format!("{title}: not shown while you type or answer a question");
            model.note = Some((Note::error(note), now));
        }
        Message::Program(id, program) => model.data.connections.found_program(id, program),
        Message::Reply(lines) => model.pages.prompt.reply(lines),
        Message::Note(note) => model.note = Some((note, now)),
    }
    model.changed = true;
    Vec::new()
}

fn tick(model: &mut Model, now: SystemTime) -> Vec<Effect> {
    model.data.now = now;
    if model.data.link != Link::Up {
        model.data.histories.push_nothing();
    }
    let is_old = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age >= NOTE_SHOWN);
    if model.note.as_ref().is_some_and(|(_, at)| is_old(*at)) {
        model.note = None;
        model.changed = true;
    }
    // These pages show ages and uptimes, so each tick changes them.
    let has_clock = matches!(model.page, Page::Overview | Page::Connections | Page::Onions);
    model.changed |= has_clock && model.frozen.is_none();
    model.data.connections.programs.begin_second();
    let wanted = model.data.connections.programs.take_wanted();
    let mut effects: Vec<Effect> = wanted.into_iter().map(find_program).collect();
    let is_due = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age >= KEEP_EVERY);
    if model.keeps_graphs && is_due(model.kept_at) {
        model.kept_at = now;
        let histories = Box::new(model.data.histories.clone());
        effects.push(Effect::Ask(Request::KeepGraphs(histories)));
    }
    effects
}

fn find_program((id, source): (StreamId, SocketAddr)) -> Effect {
    Effect::Ask(Request::FindProgram(id, source))
}

fn change_link(model: &mut Model, link: Link) -> Vec<Effect> {
    model.changed = true;
    if let Some(frozen) = &mut model.frozen {
        frozen.link = link.clone();
    }
    let data = &mut model.data;
    let was_up = data.link == Link::Up;
    let is_up = link == Link::Up;
    data.link = link;
    match (was_up, is_up) {
        (true, false) => {
            data.log.note(Severity::Warn, "the connection to tor is lost", data.now);
            data.connections.clear();
            data.onions.clear();
            forget_role(model);
            Vec::new()
        }
        (false, true) => {
            data.log.note(Severity::Notice, "connected to tor again", data.now);
            reload()
        }
        _ => Vec::new(),
    }
}

/// Sets the role of tor to unknown, because the next connection may lead to
/// another tor. Addresses are hidden until that tor reports that it isn't a
/// relay.
fn forget_role(model: &mut Model) {
    Arc::make_mut(&mut model.data.facts).is_relay = None;
}

/// Returns the requests for data that the feed doesn't regularly read. Needed
/// after events may have been lost.
fn reload() -> Vec<Effect> {
    [Request::LoadOptions, Request::LoadRelays].map(Effect::Ask).into()
}

fn handle_event(model: &mut Model, event: &Event) -> Vec<Effect> {
    let at = event.arrived();
    let body = event.body();
    let data = &mut model.data;
    let is_connection = data.connections.event(body, at);
    let mut effects = Vec::new();
    match body {
        EventBody::Bw(bandwidth) => {
            data.histories.read.push(Some(bandwidth.read));
            data.histories.written.push(Some(bandwidth.written));
        }
        EventBody::HsDesc(upload) => data.onions.event(upload, at),
        EventBody::ConfChanged(_) => effects.push(Effect::Ask(Request::LoadOptions)),
        EventBody::StatusClient(status) if status.action == StatusAction::ConsensusArrived => {
            effects.push(Effect::Ask(Request::LoadRelays));
        }
        EventBody::Signal(Signal::NewNym) => {
            let note = Note::good("new connections use new circuits from now on");
            model.note = Some((note, data.now));
            model.changed = true;
        }
        _ => {}
    }
    if matches!(body, EventBody::Stream(_)) {
        let wanted = data.connections.programs.take_wanted();
        effects.extend(wanted.into_iter().map(find_program));
    }
    // The log contains only the kinds of events that the user has chosen.
    let is_logged = model.pages.log.wants(event.kind());
    if is_logged {
        // Secrets must not get into the log.
        let redacted = event.redacted();
        let event = redacted.as_ref().unwrap_or(event);
        data.log.event(event.kind(), event.body(), &event.text(), at);
    }
    let is_visible = match model.page {
        Page::Overview => matches!(body, EventBody::Bw(_) | EventBody::Log(_)),
        Page::Connections => is_connection,
        Page::Log => is_logged,
        Page::Onions => matches!(body, EventBody::HsDesc(_)),
        Page::Configuration | Page::Network | Page::Prompt => false,
    };
    model.changed |= is_visible && model.frozen.is_none();
    effects
}

/// Handles a mouse event: the wheel moves the selection, and a click on a tab
/// opens the page.
fn click(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    let code = match mouse.kind {
        MouseEventKind::ScrollUp => KeyCode::Up,
        MouseEventKind::ScrollDown => KeyCode::Down,
        MouseEventKind::Down(MouseButton::Left) if mouse.row == 0 && model.popup.is_none() => {
            if let Some(page) = tabs::at(mouse.column) {
                keys::open(model, page);
                model.changed = true;
            }
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    model.changed = true;
    // One step of the wheel moves the selection by three rows.
    (0..3).flat_map(|_| keys::press(model, KeyEvent::from(code))).collect()
}
