//! An editor for a line of text, and a history of entered lines.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::base::output::printable;

/// The maximum length of a line in characters. Nothing is inserted into a line
/// of this length.
const LONGEST: usize = 4096;

/// A line of text that the user edits, with a cursor.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineEditor {
    letters: Vec<char>,
    cursor: usize,
}

impl LineEditor {
    /// Creates an editor with this text, and the cursor at the end. The text
    /// may be longer than [`LONGEST`], because it may be the present value of
    /// an option.
    pub(crate) fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        LineEditor { cursor: letters.len(), letters }
    }

    /// Returns the text of the line.
    pub(crate) fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// Returns true if the line is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Inserts text at the cursor. Only the first line of the text is used.
    pub(crate) fn insert(&mut self, text: &str) {
        for letter in text.split(['\r', '\n']).next().unwrap_or_default().chars() {
            if self.letters.len() < LONGEST && !letter.is_control() {
                self.letters.insert(self.cursor, letter);
                self.cursor += 1;
            }
        }
    }

    /// Handles a key that edits the line or moves the cursor. Returns false if
    /// the key does neither.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.letters.len(),
            KeyCode::Char('u') if control => {
                self.letters.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('k') if control => self.letters.truncate(self.cursor),
            KeyCode::Char('w') if control => self.delete_word(),
            KeyCode::Char(_) if control => return false,
            KeyCode::Char(letter) => self.insert(letter.encode_utf8(&mut [0; 4])),
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.letters.len(),
            KeyCode::Delete if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            KeyCode::Delete | KeyCode::Backspace => {}
            _ => return false,
        }
        true
    }

    /// Deletes the word in front of the cursor.
    fn delete_word(&mut self) {
        let before = self.letters.get(..self.cursor).unwrap_or_default();
        let kept = before.iter().rposition(|letter| *letter != ' ').map_or(0, |end| {
            let word = before.get(..end).unwrap_or_default();
            word.iter().rposition(|letter| *letter == ' ').map_or(0, |space| space + 1)
        });
        self.letters.drain(kept..self.cursor);
        self.cursor = kept;
    }

    /// Returns the part of the text around the cursor that fits into `width`
    /// columns, and the column of the cursor in this part.
    pub(crate) fn visible(&self, width: usize) -> (String, usize) {
        let first = (self.cursor + 1).saturating_sub(width);
        let text: String = self.letters.iter().skip(first).take(width).collect();
        (printable(&text), self.cursor - first)
    }
}

/// The lines that the user entered before, which the arrow keys bring back.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    lines: Vec<String>,
    /// The number of steps back to the line that is shown. 0 is the line that
    /// the user is typing, 1 the last entered line.
    back: usize,
    /// The line that the user was typing before an older line was shown.
    draft: String,
}

impl History {
    const KEPT: usize = 200;

    /// Adds an entered line, unless it is the same as the last one.
    pub(crate) fn add(&mut self, line: &str) {
        self.back = 0;
        if self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
        }
        let surplus = self.lines.len().saturating_sub(Self::KEPT);
        self.lines.drain(..surplus);
    }

    /// Puts the next older line into the editor if `older` is true, or else the
    /// next newer one. Does nothing at the ends of the history.
    pub(crate) fn step(&mut self, editor: &mut LineEditor, older: bool) {
        let back = match older {
            true => (self.back + 1).min(self.lines.len()),
            false => self.back.saturating_sub(1),
        };
        if back == self.back {
            return;
        }
        if self.back == 0 {
            self.draft = editor.text();
        }
        self.back = back;
        let line = match back {
            0 => Some(&self.draft),
            back => self.lines.len().checked_sub(back).and_then(|index| self.lines.get(index)),
        };
        *editor = LineEditor::new(line.map_or("", String::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(editor: &mut LineEditor, code: KeyCode) {
        assert!(editor.key(KeyEvent::from(code)), "{code:?}");
    }

    #[test]
    fn keys_edit_the_line() {
        let mut editor = LineEditor::new("ab");
        press(&mut editor, KeyCode::Left);
        press(&mut editor, KeyCode::Char('ü'));
        press(&mut editor, KeyCode::Home);
        press(&mut editor, KeyCode::Delete);
        assert_eq!(editor.text(), "üb");
        press(&mut editor, KeyCode::End);
        press(&mut editor, KeyCode::Backspace);
        editor.insert("x y\nz");
        assert_eq!(editor.text(), "üx y");
        assert!(editor.key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL)));
        assert_eq!(editor.text(), "üx ");
        assert!(editor.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
        assert!(editor.is_empty());
        assert!(!editor.key(KeyEvent::from(KeyCode::Enter)));
    }

    #[test]
    fn long_text_is_edited_whole() {
        let long = "x".repeat(10_000);
        let mut editor = LineEditor::new(&long);
        assert_eq!(editor.text(), long);
        press(&mut editor, KeyCode::Char('y'));
        assert_eq!(editor.text(), long);
        press(&mut editor, KeyCode::Backspace);
        assert_eq!(editor.text().len(), 9_999);
    }

    #[test]
    fn cursor_is_in_the_visible_part() {
        let mut editor = LineEditor::new("abcdef");
        assert_eq!(editor.visible(4), ("def".into(), 3));
        press(&mut editor, KeyCode::Home);
        assert_eq!(editor.visible(4), ("abcd".into(), 0));
    }

    #[test]
    fn history_keeps_the_new_line() {
        let (mut history, mut editor) = (History::default(), LineEditor::new("draft"));
        history.add("one");
        history.add("two");
        history.add("two");
        let mut step = |older| {
            history.step(&mut editor, older);
            editor.text()
        };
        assert_eq!([step(true), step(true), step(true)], ["two", "one", "one"]);
        assert_eq!([step(false), step(false), step(false)], ["two", "draft", "draft"]);
    }
}
