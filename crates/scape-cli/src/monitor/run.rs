//! The loop of the monitor, which handles messages and draws the screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, TrySendError};
use crossterm::event::Event as TerminalEvent;
use scape::CancelToken;

use crate::base::failure::{Exit, Failure};

use super::message::{Effect, Message, Note, Request};
use super::model::Model;
use super::queue::Requests;
use super::terminal::Screen;
use super::update::{begin, update};

/// The minimum time between two drawings if messages other than input caused
/// the change.
const FRAME: Duration = Duration::from_millis(200);
/// The minimum time between two drawings if input, such as a key press, caused
/// the change.
const KEY_FRAME: Duration = Duration::from_millis(30);
/// The maximum time that the loop waits for a message. It is short, so that
/// signals are noticed soon.
const WAIT: Duration = Duration::from_millis(250);
/// The interval between two ticks, which update the times on the screen.
const TICK: Duration = Duration::from_secs(1);
/// The maximum number of messages that are handled at once. Then the loop draws
/// the screen if it is due.
const AT_ONCE: usize = 2_000;

/// The channels and threads that the loop uses, and the flags that it checks.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) messages: Receiver<Message>,
    pub(crate) requests: Requests,
    /// The threads that the monitor needs, each with the error message for the
    /// user if the thread ends.
    pub(crate) threads: Vec<(JoinHandle<()>, &'static str)>,
    pub(crate) token: CancelToken,
    /// True if the program was stopped and then continued, and the loop hasn't
    /// handled that yet.
    pub(crate) continued: Arc<AtomicBool>,
}

/// Handles messages until the user quits. Returns a failure if a signal has
/// come or one of the threads has ended.
pub(crate) fn run(
    model: &mut Model,
    screen: &mut Screen,
    around: &Surroundings,
) -> Result<(), Failure> {
    let mut drawn: Option<Instant> = None;
    let mut ticked = Instant::now();
    let mut is_key = false;
    if perform(begin(), model, screen, around)? {
        return Ok(());
    }
    loop {
        if around.token.is_cancelled() {
            return Err(Failure::silent(Exit::Interrupted));
        }
        let ended = around.threads.iter().find(|(thread, _)| thread.is_finished());
        if let Some((_, meaning)) = ended {
            return Err(Failure::failed(meaning));
        }
        if around.continued.swap(false, Ordering::SeqCst) {
            screen.resume()?;
            read_size(model, screen)?;
        }
        let frame = if is_key { KEY_FRAME } else { FRAME };
        let since = drawn.map_or(frame, |drawn| drawn.elapsed());
        if model.changed && since >= frame {
            model.changed = false;
            is_key = false;
            screen.draw(model)?;
            drawn = Some(Instant::now());
        }
        let wait = match model.changed {
            true => frame.saturating_sub(since),
            false => TICK.saturating_sub(ticked.elapsed()),
        };
        let first = match around.messages.recv_timeout(wait.min(WAIT)) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let waiting = around.messages.try_iter().take(AT_ONCE);
        for message in first.into_iter().chain(waiting) {
            is_key |= matches!(message, Message::Input(_));
            let effects = update(model, message);
            if perform(effects, model, screen, around)? {
                return Ok(());
            }
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            let effects = update(model, Message::Tick(SystemTime::now()));
            if perform(effects, model, screen, around)? {
                return Ok(());
            }
        }
    }
}

/// Carries out effects that [`update`] has returned. Returns true if the
/// monitor must end.
fn perform(
    effects: Vec<Effect>,
    model: &mut Model,
    screen: &mut Screen,
    around: &Surroundings,
) -> Result<bool, Failure> {
    for effect in effects {
        match effect {
            Effect::Quit => return Ok(true),
            Effect::Copy(text) => screen.copy(&text)?,
            Effect::Clear => screen.clear()?,
            Effect::Suspend => {
                screen.suspend()?;
                read_size(model, screen)?;
                around.continued.store(false, Ordering::SeqCst);
            }
            Effect::Ask(request) => match around.requests.try_send(request) {
                Ok(()) => {}
                // The user didn't ask for these requests, and needs no message.
                Err(TrySendError::Full(Request::FindProgram(..) | Request::KeepGraphs(_))) => {}
                Err(TrySendError::Full(_)) => {
                    let note = Note::error("tor hasn't answered yet; try again later");
                    update(model, Message::Note(note));
                }
                Err(TrySendError::Disconnected(_)) => return Ok(true),
            },
        }
    }
    Ok(false)
}

/// Reads the size of the terminal, and marks the screen to be drawn. Called
/// after the program was stopped, because the size may have changed meanwhile:
/// only programs in the foreground are told about a new size.
fn read_size(model: &mut Model, screen: &Screen) -> Result<(), Failure> {
    let (width, height) = screen.size()?;
    update(model, Message::Input(TerminalEvent::Resize(width, height)));
    model.changed = true;
    Ok(())
}

/// Starts a thread with this name, which calls `work`.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))
}
