//! Handles keys. A key goes first to an open box or line, then to the page, and
//! finally to the monitor as a whole.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::message::{Effect, Note, Request};
use super::model::{BottomLine, Model, Popup, Purpose};
use super::pages::Page;
use super::ui::cursor::Step;
use super::ui::line_editor::LineEditor;
use super::ui::list::page_rows;
use super::view::{Action, Edit};

/// The keys that work on every page where letters are commands, each with its
/// meaning.
pub(crate) const EVERYWHERE: [(&str, &str); 12] = [
    ("Tab, 1-7", "another page"),
    ("Up, Down, k, j", "move; also PgUp, PgDn, Home, End, g, G, space"),
    ("Left, Right, h, l", "scroll sideways"),
    ("/", "search; Esc ends the search"),
    ("p", "pause the screen"),
    ("y", "copy the selected row to the terminal's clipboard"),
    ("w", "write the page to a file"),
    ("a", "show or hide addresses of other people"),
    ("n", "new identity: new circuits for new connections"),
    ("Ctrl-L", "draw the screen again"),
    ("? or F1", "this help"),
    ("q or Ctrl-C", "quit"),
];

/// The keys that work on every page where letters are text, each with its
/// meaning.
const WHILE_TYPING: [(&str, &str); 4] = [
    ("Tab, Shift-Tab", "another page"),
    ("Ctrl-L", "draw the screen again"),
    ("F1", "this help"),
    ("Ctrl-C", "quit"),
];

/// The key that stops the program, with its meaning. It works on every page,
/// but only on Unix.
const SUSPEND: (&str, &str) = ("Ctrl-Z", "stop; the shell's fg continues");

/// Handles a key press. Returns the effects that the thread of the screen must
/// carry out.
pub(crate) fn press(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if control && key.code == KeyCode::Char('c') {
        return vec![Effect::Quit];
    }
    // In raw mode, the terminal doesn't turn Ctrl-Z into a signal.
    if cfg!(unix) && control && key.code == KeyCode::Char('z') {
        return vec![Effect::Suspend];
    }
    if let Some(popup) = model.popup.take() {
        return press_in_popup(model, popup, key);
    }
    if let Some(line) = model.line.take() {
        return press_in_line(model, line, key);
    }
    let view = model.view();
    let page = model.pages.get_mut(model.page);
    let takes_text = page.takes_text();
    let data = model.frozen.as_deref().unwrap_or(&model.data);
    if let Some(actions) = page.key(key, data, &view) {
        return perform(model, actions);
    }
    match key.code {
        KeyCode::Tab => open(model, model.page.after(1)),
        KeyCode::BackTab => open(model, model.page.after(Page::ALL.len() - 1)),
        KeyCode::F(1) => help(model),
        KeyCode::Char('l') if control => return vec![Effect::Clear],
        _ if takes_text => {}
        KeyCode::Char(_) if control => {}
        KeyCode::Char('?') => help(model),
        KeyCode::Char('q') => return vec![Effect::Quit],
        KeyCode::Char('n') => return vec![Effect::Ask(Request::NewIdentity)],
        KeyCode::Char('p') => {
            model.frozen = match model.frozen {
                Some(_) => None,
                None => Some(Box::new(model.data.clone())),
            };
        }
        KeyCode::Char('a') => model.shows_addresses = Some(!view.shows_addresses),
        KeyCode::Char('y') => return copy(model),
        KeyCode::Char('w') => {
            let name = format!("scape-{}.txt", model.page.title().to_lowercase());
            begin_line(model, Purpose::WriteFile, &name);
        }
        KeyCode::Char('/') => {
            let text = model.pages.get(model.page).searched().to_owned();
            begin_line(model, Purpose::Search, &text);
        }
        KeyCode::Esc => {
            // Searching fails on pages without a search. They ignore the key.
            let _ = model.pages.get_mut(model.page).search("");
        }
        KeyCode::Left | KeyCode::Char('h') => model.shift = model.shift.saturating_sub(8),
        KeyCode::Right | KeyCode::Char('l') => model.shift = (model.shift + 8).min(800),
        KeyCode::Char(digit) => {
            let index = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
            let index = index.and_then(|number| number.checked_sub(1));
            if let Some(page) = index.and_then(|index| Page::ALL.get(index)) {
                open(model, *page);
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Shows a page, and closes the line at the bottom if the user was typing one.
pub(crate) fn open(model: &mut Model, page: Page) {
    model.page = page;
    model.shift = 0;
    model.line = None;
}

/// Handles pasted text. It goes to the editor in a box, to the line at the
/// bottom of the screen, or to the page.
pub(crate) fn paste(model: &mut Model, text: &str) {
    match (&mut model.popup, &mut model.line) {
        (Some(Popup::Edit { editors, current, .. }), _) => {
            if let Some(editor) = editors.get_mut(*current) {
                editor.insert(text);
            }
        }
        (Some(_), _) => {}
        (None, Some(line)) => line.editor.insert(text),
        (None, None) => model.pages.get_mut(model.page).paste(text),
    }
}

fn note(model: &mut Model, note: Note) {
    model.note = Some((note, model.data.now));
}

fn help(model: &mut Model) {
    let row = |(key, meaning): &(&str, &str)| format!("{key:<18} {meaning}");
    let page = model.pages.get(model.page);
    let others: &[_] = if page.takes_text() { &WHILE_TYPING } else { &EVERYWHERE };
    let mut lines: Vec<String> = page.keys().iter().map(row).collect();
    lines.push(String::new());
    lines.extend(others.iter().map(row));
    if cfg!(unix) {
        lines.push(row(&SUSPEND));
    }
    model.show(format!("Keys of the page {}", model.page.title()), &lines);
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let text = model.pages.get(model.page).selected_text(model.shown(), &model.view());
    match text {
        Some(text) => {
            note(model, Note::good("copied to the clipboard of the terminal"));
            vec![Effect::Copy(text)]
        }
        None => Vec::new(),
    }
}

fn begin_line(model: &mut Model, purpose: Purpose, text: &str) {
    model.line = Some(BottomLine { purpose, editor: LineEditor::new(text), error: None });
}

/// Carries out the actions that a page has requested. Returns the effects that
/// the thread of the screen must carry out.
fn perform(model: &mut Model, actions: Vec<Action>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for action in actions {
        match action {
            Action::Redraw => {}
            Action::Ask(request) => effects.push(Effect::Ask(request)),
            Action::Confirm(text, request) => {
                model.popup = Some(Popup::Question { text, request });
            }
            Action::Details(title, lines) => model.show(title, &lines),
            Action::Edit(edit) => {
                let mut editors: Vec<_> =
                    edit.lines.iter().map(|line| LineEditor::new(line)).collect();
                if editors.is_empty() {
                    editors.push(LineEditor::default());
                }
                model.popup = Some(Popup::Edit { edit, editors, current: 0 });
            }
            Action::Note(text) => note(model, text),
        }
    }
    effects
}

fn press_in_popup(model: &mut Model, popup: Popup, key: KeyEvent) -> Vec<Effect> {
    match popup {
        Popup::Question { text, request } => match key.code {
            KeyCode::Char('y' | 'Y') => return vec![Effect::Ask(request)],
            KeyCode::Char('n' | 'N') | KeyCode::Esc => {}
            _ => model.popup = Some(Popup::Question { text, request }),
        },
        Popup::Text { title, lines, first } => {
            let last = lines.len().saturating_sub(page_rows(model.height));
            if let Some(step) = Step::of(key) {
                let first = step.from(first, last + 1, page_rows(model.height));
                model.popup = Some(Popup::Text { title, lines, first });
            } else if key.code == KeyCode::Char('y') {
                let effect = Effect::Copy(lines.join("\n"));
                model.popup = Some(Popup::Text { title, lines, first });
                note(model, Note::good("copied to the clipboard of the terminal"));
                return vec![effect];
            }
        }
        Popup::Edit { edit, editors, current } => {
            return press_in_editor(model, edit, editors, current, key);
        }
    }
    Vec::new()
}

fn press_in_editor(
    model: &mut Model,
    edit: Edit,
    mut editors: Vec<LineEditor>,
    current: usize,
    key: KeyEvent,
) -> Vec<Effect> {
    let mut current = current;
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            let texts = editors.iter().map(LineEditor::text).filter(|text| !text.is_empty());
            let lines = texts.collect();
            let actions = model.pages.get_mut(model.page).edited(lines);
            return perform(model, actions);
        }
        KeyCode::Up => current = current.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => {
            let is_last = current + 1 == editors.len();
            if is_last && edit.is_list && editors.last().is_some_and(|line| !line.is_empty()) {
                editors.push(LineEditor::default());
            }
            current = (current + 1).min(editors.len().saturating_sub(1));
        }
        _ => {
            if let Some(editor) = editors.get_mut(current) {
                editor.key(key);
            }
        }
    }
    model.popup = Some(Popup::Edit { edit, editors, current });
    Vec::new()
}

fn press_in_line(model: &mut Model, mut line: BottomLine, key: KeyEvent) -> Vec<Effect> {
    match (key.code, line.purpose) {
        (KeyCode::Esc, Purpose::WriteFile) => {}
        (KeyCode::Esc, Purpose::Search) => {
            let _ = model.pages.get_mut(model.page).search("");
        }
        (KeyCode::Enter, Purpose::WriteFile) => {
            let text = model.pages.get(model.page).all_text(model.shown(), &model.view());
            let path = PathBuf::from(line.editor.text());
            return vec![Effect::Ask(Request::WriteFile(path, text))];
        }
        (KeyCode::Enter, Purpose::Search) => {
            if let Err(error) = model.pages.get_mut(model.page).search(&line.editor.text()) {
                note(model, Note::error(error));
            }
        }
        (_, purpose) => {
            line.editor.key(key);
            if purpose == Purpose::Search {
                let text = line.editor.text();
                line.error = model.pages.get_mut(model.page).search(&text).err();
            }
            model.line = Some(line);
        }
    }
    Vec::new()
}
