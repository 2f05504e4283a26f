//! The page Overview, with facts about tor, graphs, and the newest warnings.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, RenderDirection, Sparkline};

use crate::base::clock;
use crate::base::output::printable;
use crate::base::units;
use crate::commands::shared::log::severity::rank;
use crate::monitor::data::Data;
use crate::monitor::data::facts::Facts;
use crate::monitor::data::history::{History, Interval};
use crate::monitor::data::log::Entry;
use crate::monitor::view::{Action, PageView, View};

/// The state of the page Overview.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    interval: Interval,
}

impl PageView for Overview {
    fn key(&mut self, key: KeyEvent, _: &Data, _: &View) -> Option<Vec<Action>> {
        match key.code {
            KeyCode::Char('t') => self.interval = self.interval.next(),
            _ => return None,
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("t", "time scale: graphs by seconds, minutes or hours"),
            ("Tab", "next page"),
            ("n", "new identity"),
            ("p", "pause"),
        ]
    }

    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let facts = described(data, view);
        let height = u16::try_from(facts.len()).unwrap_or(u16::MAX);
        let rest = area.height.saturating_sub(height);
        // Only a large screen has room for the second row of graphs.
        let warnings = (rest / 4).clamp(2, 8);
        let small = if rest >= 14 { rest / 4 } else { 0 };
        let [top, large, second, bottom] = Layout::vertical([
            Constraint::Length(height),
            Constraint::Min(3),
            Constraint::Length(small),
            Constraint::Length(warnings),
        ])
        .areas(area);
        draw_facts(&facts, view, frame, top);
        self.draw_bandwidth(data, view, frame, large);
        if small > 0 {
            self.draw_resources(data, view, frame, second);
        }
        draw_warnings(data, self.interval, view, frame, bottom);
    }

    fn selected_text(&self, data: &Data, _: &View) -> Option<String> {
        let facts = &data.facts;
        facts.fingerprint.clone().or_else(|| Some(format!("Tor {}", facts.version)))
    }

    fn all_text(&self, data: &Data, view: &View) -> String {
        let lines = described(data, view);
        let lines = lines.iter().map(|(name, value)| format!("{name:<9} {value}\n"));
        lines.chain(warnings(data).map(|entry| format!("{}\n", warning(entry)))).collect()
    }
}

impl Overview {
    fn draw_bandwidth(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let [left, right] = halves(area);
        let histories = &data.histories;
        let theme = view.theme;
        let style = theme.read();
        self.draw_graph(("read", "/s"), &histories.read, units::bytes, style, view, frame, left);
        self.draw_graph(
            ("written", "/s"),
            &histories.written,
            units::bytes,
            theme.written(),
            view,
            frame,
            right,
        );
    }

    fn draw_resources(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        // Only a wide screen has room for three titles.
        let [left, right, last] = match area.width >= 117 {
            true => thirds(area),
            false => {
                let [left, right] = halves(area);
                [left, right, Rect::ZERO]
            }
        };
        let histories = &data.histories;
        let count = |value: u64| value.to_string();
        let style = view.theme.good();
        self.draw_graph(
            ("connections", ""),
            &histories.connections,
            count,
            style,
            view,
            frame,
            left,
        );
        self.draw_graph(("memory", ""), &histories.memory, units::bytes, style, view, frame, right);
        if !last.is_empty() {
            self.draw_graph(("CPU", ""), &histories.cpu, percent, style, view, frame, last);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a graph has this many properties")]
    fn draw_graph(
        &self,
        (name, unit): (&str, &str),
        history: &History,
        format: fn(u64) -> String,
        style: Style,
        view: &View,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let values: Vec<Option<u64>> =
            history.newest(self.interval).take(usize::from(area.width)).collect();
        let measured = || values.iter().copied().flatten();
        let highest = measured().max().unwrap_or_default();
        let count = u64::try_from(measured().count()).unwrap_or(u64::MAX).max(1);
        let average = measured().fold(0, u64::saturating_add) / count;
        let title = Line::from(vec![
            Span::styled(format!("{name} {}{unit}", format(history.last())), view.theme.heading()),
            Span::styled(
                format!(" avg {} max {}", format(average), format(highest)),
                view.theme.dim(),
            ),
        ]);
        let [top, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        frame.render_widget(Paragraph::new(title), top);
        let graph = Sparkline::default()
            .data(values)
            .max(highest.max(1))
            .direction(RenderDirection::RightToLeft)
            .style(style);
        frame.render_widget(graph, rest);
    }
}

/// Divides an area into a left and a right half, with an empty column between
/// them.
fn halves(area: Rect) -> [Rect; 2] {
    let layout = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(1);
    layout.areas(area)
}

/// Divides an area into three parts side by side, with empty columns between
/// them.
fn thirds(area: Rect) -> [Rect; 3] {
    let layout = Layout::horizontal([Constraint::Fill(1); 3]).spacing(1);
    layout.areas(area)
}

/// Formats tenths of a percent as a percentage, such as `2.5 %` for 25.
fn percent(tenths: u64) -> String {
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Returns the facts at the top of the page, each as a name and a text.
fn described(data: &Data, view: &View) -> Vec<(&'static str, String)> {
    let facts = &data.facts;
    let mut lines = Vec::new();
    let verdict = facts.version_status.as_ref().map(|verdict| format!(" ({verdict})"));
    let mut process = vec![format!("{}{}", facts.version, verdict.unwrap_or_default())];
    process.extend(facts.uptime(view.now).map(|up| format!("up {}", units::duration(up))));
    process.extend(facts.pid.map(|pid| format!("process {pid}")));
    process.extend(facts.user.as_ref().map(|user| format!("user {user}")));
    lines.push(("Tor", process.join(", ")));
    lines.push(("Network", network(facts)));
    if let Some(fingerprint) = &facts.fingerprint {
        let nickname = facts.nickname.as_deref().unwrap_or("Unnamed");
        lines.push(("Relay", format!("{nickname} {fingerprint}")));
        let flags = facts.flags.as_deref().unwrap_or("none: the relay isn't in the consensus");
        lines.push(("Flags", flags.to_owned()));
    }
    lines.extend(facts.address.clone().map(|address| ("Address", address)));
    // Paths of sockets come last, because they can be long and would hide the
    // ports after them.
    let mut ports: Vec<&(String, String)> = facts.ports.iter().collect();
    ports.sort_by_key(|(_, address)| address.starts_with("unix:"));
    let ports = ports.iter().map(|(kind, address)| format!("{kind} {address}"));
    lines.push(("Ports", ports.collect::<Vec<_>>().join(", ")));
    if let (Some(read), Some(written)) = (facts.read, facts.written) {
        let text = format!("{} read, {} written", units::bytes(read), units::bytes(written));
        lines.push(("Traffic", text));
    }
    if let Some(accounting) = &facts.accounting {
        let text = format!(
            "{}, {} to read and {} to write until {}",
            accounting.hibernating,
            units::bytes(accounting.read_left),
            units::bytes(accounting.written_left),
            units::time(accounting.end)
        );
        lines.push(("Account", text));
    }
    lines.extend(usage(data).map(|usage| ("Usage", usage)));
    lines.iter().map(|(name, value)| (*name, printable(value))).collect()
}

/// Formats the resources that tor's process uses. Returns `None` if no resource
/// is known.
fn usage(data: &Data) -> Option<String> {
    let usage = &data.usage;
    let mut words = Vec::new();
    words.extend(usage.cpu.map(|cpu| format!("CPU {}", percent(cpu))));
    words.extend(usage.memory.map(|memory| format!("memory {}", units::bytes(memory))));
    let limit = data.facts.descriptor_limit;
    match (usage.descriptors, limit) {
        (Some(used), Some(limit)) => words.push(format!("descriptors {used} of {limit}")),
        (None, Some(limit)) => words.push(format!("descriptors at most {limit}")),
        _ => {}
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn network(facts: &Facts) -> String {
    let mut words = Vec::new();
    if let Some(bootstrap) = &facts.bootstrap {
        words.push(match bootstrap.is_done() {
            true => "ready".to_owned(),
            false => format!("{} %: {}", bootstrap.progress, bootstrap.summary),
        });
        words.extend(bootstrap.problem.as_ref().map(|problem| problem.warning.clone()));
    }
    if facts.network_alive == Some(false) {
        words.push("the network seems to be down".into());
    }
    if facts.circuit_established == Some(false) {
        words.push("no circuit yet".into());
    }
    if facts.dormant == Some(true) {
        words.push("dormant".into());
    }
    words.join(", ")
}

fn draw_facts(facts: &[(&str, String)], view: &View, frame: &mut Frame<'_>, area: Rect) {
    let lines = facts.iter().map(|(name, value)| {
        Line::from(vec![Span::styled(format!("{name:<9}"), view.theme.dim()), Span::raw(value)])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

/// Returns the warnings and errors in the log, newest first.
fn warnings(data: &Data) -> impl Iterator<Item = &Entry> {
    data.log.entries().rev().filter(|entry| rank(&entry.severity) >= 3)
}

fn warning(entry: &Entry) -> String {
    let time = entry.at.map(|at| format!("{} ", clock::time_of_day(at))).unwrap_or_default();
    let count = if entry.count > 1 { format!(" (x{})", entry.count) } else { String::new() };
    format!("{time}{}{count}", printable(&entry.text))
}

fn draw_warnings(data: &Data, interval: Interval, view: &View, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = vec![Line::from(vec![
        Span::styled("Warnings, newest first", view.theme.heading()),
        Span::styled(format!("    graphs by {}", interval.name()), view.theme.dim()),
    ])];
    let before = lines.len();
    let visible = usize::from(area.height.saturating_sub(1));
    lines.extend(warnings(data).take(visible).map(|entry| {
        let style = match rank(&entry.severity) {
            3 => view.theme.warning(),
            _ => view.theme.error(),
        };
        Line::styled(warning(entry), style)
    }));
    if lines.len() == before {
        lines.push(Line::styled("none", view.theme.dim()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}
