//! The page Config, which shows and changes tor's options.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use scape::config::ConfigOption;
use scape::control::is_secret_option;
use scape::info::ConfigType;

use crate::base::output::printable;
use crate::base::units;
use crate::monitor::data::Data;
use crate::monitor::message::{Note, Request};
use crate::monitor::ui::cursor::{Cursor, Step};
use crate::monitor::ui::list::{List, page_rows};
use crate::monitor::ui::text::{self, cell};
use crate::monitor::view::{Action, Edit, PageView, View};

/// The text that replaces a password.
const HIDDEN: &str = "(hidden)";

/// The choice of the options that the page lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shown {
    #[default]
    All,
    Changed,
    Pending,
}

/// The state of the page Config.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    shown: Shown,
    search: String,
    cursor: Cursor<String>,
    /// The name of the option that the user is editing, and the effect of an
    /// empty text on the option.
    edited: Option<(String, IfEmpty)>,
}

/// The effect on an option if the user leaves the editor empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfEmpty {
    /// The option keeps its value. This is for passwords: they aren't shown in
    /// the editor, so an empty editor must not remove them.
    Unchanged,
    /// The option is unset, so it has no value afterwards.
    Unset,
    /// The option gets its default. This is for numbers and the like, because
    /// tor would take an empty value for 0.
    Reset,
}

impl IfEmpty {
    fn explanation(self) -> &'static str {
        match self {
            IfEmpty::Unchanged => {
                "The current value isn't shown. The lines that you type replace it; without lines, \
                 it stays. Press r on the page to reset it."
            }
            IfEmpty::Unset => "If you enter nothing, the option has no value.",
            IfEmpty::Reset => "If you enter nothing, the option gets its default.",
        }
    }
}

impl Configuration {
    fn options<'a>(&self, data: &'a Data) -> Vec<&'a ConfigOption> {
        let is_shown = |option: &&ConfigOption| {
            let passes = match self.shown {
                Shown::All => true,
                Shown::Changed => !option.is_default || option.is_pending,
                Shown::Pending => option.is_pending,
            };
            passes && text::contains(&option.name, &self.search)
        };
        data.options.all.iter().filter(is_shown).collect()
    }

    fn selected<'a>(&self, data: &'a Data) -> Option<&'a ConfigOption> {
        let options = self.options(data);
        let names = names(&options);
        self.cursor.at(&names).and_then(|index| options.get(index).copied())
    }

    fn edit(&mut self, option: &ConfigOption, data: &Data) -> Action {
        self.edited = Some((option.name.clone(), if_empty(option)));
        let lines = match is_secret_option(&option.name) {
            true => Vec::new(),
            false => wanted(option, data),
        };
        let empty = if_empty(option).explanation();
        let meaning = meaning(&option.name, data).unwrap_or_default();
        let summary = meaning.lines().next().unwrap_or_default();
        Action::Edit(Edit {
            title: format!("{} ({})", option.name, option.ty),
            lines,
            is_list: is_list(&option.ty),
            help: format!("{empty} Changes are sent to tor when you press A. {summary}"),
        })
    }
}

impl PageView for Configuration {
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>> {
        match key.code {
            KeyCode::Char('f') => {
                self.shown = match self.shown {
                    Shown::All => Shown::Changed,
                    Shown::Changed => Shown::Pending,
                    Shown::Pending => Shown::All,
                };
            }
            KeyCode::Enter => {
                let option = self.selected(data)?;
                return Some(vec![Action::Details(option.name.clone(), details(option, data))]);
            }
            KeyCode::Char('e') => {
                let option = self.selected(data)?;
                return Some(vec![self.edit(option, data)]);
            }
            KeyCode::Char('r') => {
                let name = self.selected(data)?.name.clone();
                return Some(vec![Action::Ask(Request::ResetOption(name))]);
            }
            KeyCode::Char('u') => {
                let name = self.selected(data)?.name.clone();
                return Some(vec![Action::Ask(Request::DiscardOption(name))]);
            }
            KeyCode::Char('t') => return Some(vec![Action::Ask(Request::CheckTorrc)]),
            KeyCode::Char('d') => return Some(vec![diff(data)]),
            KeyCode::Char('A') => {
                return Some(vec![match data.options.changes.len() {
                    0 => Action::Note(Note::error("no option is changed; press e to edit one")),
                    count => {
                        let noun = if count == 1 { "change" } else { "changes" };
                        Action::Confirm(format!("Apply {count} {noun}?"), Request::ApplyOptions)
                    }
                }]);
            }
            KeyCode::Char('W') => {
                let file = data.facts.config_file.as_deref().unwrap_or("its torrc");
                let question = format!("Should tor overwrite {file} with its current options?");
                return Some(vec![Action::Confirm(question, Request::SaveTorrc)]);
            }
            _ => {
                let step = Step::of(key)?;
                let names = names(&self.options(data));
                self.cursor.step(&names, step, page_rows(view.height));
            }
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Enter", "details"),
            ("e", "edit"),
            ("r", "reset: to the default"),
            ("u", "undo: discard the change of this option"),
            ("d", "diff: changes that aren't applied yet"),
            ("A", "apply: send the changes to tor, after a question"),
            ("t", "torrc: the file, with its mistakes marked"),
            ("W", "write torrc: make tor save its options, after a question"),
            ("f", "filter: changed options, pending changes, or all"),
            ("/", "search"),
        ]
    }

    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let options = self.options(data);
        let names = names(&options);
        let selected = self.cursor.at(&names);
        let help = if area.height >= 12 { 4 } else { 0 };
        let [top, bottom] =
            Layout::vertical([Constraint::Min(1), Constraint::Length(help)]).areas(area);
        let mut title =
            vec![Span::styled(units::plural(options.len(), "option"), view.theme.heading())];
        let shown = match self.shown {
            Shown::All => "all",
            Shown::Changed => "changed only",
            Shown::Pending => "pending changes only",
        };
        title.push(Span::styled(format!("  {shown}"), view.theme.dim()));
        let pending = data.options.changes.len();
        if pending > 0 {
            let noun = if pending == 1 { "change isn't" } else { "changes aren't" };
            let text = format!("  {pending} {noun} applied: press A, or d for the diff");
            title.push(Span::styled(text, view.theme.warning()));
        }
        if !self.search.is_empty() {
            title.push(Span::raw(format!("  search: {}", self.search)));
        }
        let list = List {
            title: Line::from(title),
            heading: format!("  {} {} {}", cell("OPTION", 32), cell("TYPE", 16), "VALUE"),
            len: options.len(),
            selected,
            shift: view.shift,
            empty: "no options",
        };
        list.draw(frame, top, view.theme, |index| match options.get(index) {
            Some(option) => {
                let style = match (option.is_pending, option.is_default) {
                    (true, _) => view.theme.warning(),
                    (false, false) => view.theme.good(),
                    (false, true) => ratatui::style::Style::new(),
                };
                Line::styled(line(option, data), style)
            }
            None => Line::default(),
        });
        if help > 0
            && let Some(option) = selected.and_then(|index| options.get(index))
        {
            draw_help(option, data, view, frame, bottom);
        }
    }

    fn search(&mut self, text: &str) -> Result<(), String> {
        self.search = text.to_lowercase();
        Ok(())
    }

    fn searched(&self) -> &str {
        &self.search
    }

    fn selected_text(&self, data: &Data, _: &View) -> Option<String> {
        let option = self.selected(data)?;
        Some(match is_secret_option(&option.name) {
            true => option.name.clone(),
            false => option.to_string(),
        })
    }

    fn all_text(&self, data: &Data, _: &View) -> String {
        self.options(data)
            .iter()
            .map(|option| format!("{}\n", line(option, data).trim_end()))
            .collect()
    }

    fn edited(&mut self, lines: Vec<String>) -> Vec<Action> {
        let Some((name, if_empty)) = self.edited.take() else { return Vec::new() };
        let action = match if_empty {
            _ if !lines.is_empty() => Action::Ask(Request::SetOption(name, lines)),
            IfEmpty::Unchanged => {
                Action::Note(Note::good(format!("{name} is unchanged; press r to reset it")))
            }
            IfEmpty::Unset => Action::Ask(Request::SetOption(name, lines)),
            IfEmpty::Reset => Action::Ask(Request::ResetOption(name)),
        };
        vec![action]
    }
}

fn names(options: &[&ConfigOption]) -> Vec<String> {
    options.iter().map(|option| option.name.clone()).collect()
}

/// Returns true if an option may have several values, each with its own line.
fn is_list(ty: &ConfigType) -> bool {
    matches!(ty, ConfigType::LineList | ConfigType::Dependent | ConfigType::Virtual)
}

/// Returns the effect on an option if the user leaves the editor empty.
fn if_empty(option: &ConfigOption) -> IfEmpty {
    if is_secret_option(&option.name) {
        return IfEmpty::Unchanged;
    }
    match option.ty {
        ConfigType::String
        | ConfigType::Filename
        | ConfigType::CommaList
        | ConfigType::RouterList
        | ConfigType::LineList
        | ConfigType::Dependent
        | ConfigType::Virtual => IfEmpty::Unset,
        _ => IfEmpty::Reset,
    }
}

/// Returns the values that the option will have when the pending changes are
/// applied. Without a pending change, these are the present values.
fn wanted(option: &ConfigOption, data: &Data) -> Vec<String> {
    let names = [Some(&option.name), option.group.as_ref()];
    let change = data.options.changes.iter().find(|change| names.contains(&Some(&change.name)));
    match change {
        Some(change) if change.is_reset => option.default.clone(),
        Some(change) => {
            let own = change.after.iter().filter(|line| line.name == option.name);
            own.filter_map(|line| line.value.clone()).collect()
        }
        None => option.values.clone(),
    }
}

/// Joins the values of an option to one line. Passwords are replaced by
/// [`HIDDEN`]. `name` is the name of the option.
fn value(name: &str, values: &[String]) -> String {
    match (values.is_empty(), is_secret_option(name)) {
        (true, _) => String::new(),
        (false, true) => HIDDEN.into(),
        (false, false) => values.join(" | "),
    }
}

fn line(option: &ConfigOption, data: &Data) -> String {
    let mark = match (option.is_pending, option.is_default) {
        (true, _) => '*',
        (false, false) => '+',
        (false, true) => ' ',
    };
    let name = cell(&option.name, 32);
    let value = value(&option.name, &wanted(option, data));
    printable(&format!("{mark} {name} {} {value}", cell(option.ty.as_str(), 16)))
}

/// Returns the description of an option in tor's manual page. Returns `None` if
/// the page isn't installed or doesn't describe the option.
fn meaning(name: &str, data: &Data) -> Option<String> {
    data.manual.as_ref()?.get(name).map(|entry| entry.help().to_owned())
}

fn details(option: &ConfigOption, data: &Data) -> Vec<String> {
    let state = match (option.is_pending, option.is_default) {
        (true, _) => "changed here, not applied yet",
        (false, true) => "the default",
        (false, false) => "changed",
    };
    let mut lines = vec![format!("Type     {}", option.ty), format!("State    {state}")];
    lines.push(format!("Value    {}", value(&option.name, &option.values)));
    if option.is_pending {
        lines.push(format!("Change   {}", value(&option.name, &wanted(option, data))));
    }
    lines.push(format!("Default  {}", option.default.join(" | ")));
    lines.extend(option.group.as_ref().map(|group| format!("Group    {group}")));
    lines.push(String::new());
    let meaning = meaning(&option.name, data);
    let meaning = meaning.as_deref().unwrap_or("tor's manual page isn't installed here.");
    lines.extend(meaning.lines().map(str::to_owned));
    lines
}

fn draw_help(option: &ConfigOption, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = vec![Line::styled(option.name.clone(), view.theme.heading())];
    let meaning = meaning(&option.name, data);
    let meaning = meaning.as_deref().unwrap_or("tor's manual page isn't installed here.");
    let words = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrapped = text::wrap(&printable(&words), usize::from(area.width));
    lines.extend(wrapped.into_iter().map(|line| Line::styled(line, view.theme.dim())));
    frame.render_widget(Paragraph::new(lines), area);
}

/// Returns the action that opens a box with the pending changes.
fn diff(data: &Data) -> Action {
    let mut lines = Vec::new();
    for change in &data.options.changes {
        let text = |line: &scape::control::ConfLine| match is_secret_option(&line.name) {
            true => format!("{} {HIDDEN}", line.name),
            false => line.to_string(),
        };
        lines.extend(change.before.iter().map(|line| format!("- {}", text(line))));
        match change.is_reset {
            true => lines.push(format!("+ {} (reset to the default)", change.name)),
            false => lines.extend(change.after.iter().map(|line| format!("+ {}", text(line)))),
        }
    }
    if lines.is_empty() {
        lines.push("no changes".into());
    }
    Action::Details("Changes that aren't applied yet".into(), lines)
}
