//! A terminal's screen as SVG.
//!
//! Text stays text, so that it can be searched and copied. Neighboring words of
//! the same style are one text element with the exact width of their cells, so
//! that columns are aligned in any font. The bars of graphs are rectangles,
//! because fonts leave gaps between them.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// The width of a cell, in pixels. `HEIGHT` is the height.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
/// The distance from the top of a row to the baseline of its text, in pixels.
const BASELINE: f64 = 13.5;
/// The space around the cells, in pixels.
const MARGIN: f64 = 12.0;
const BAR: f64 = 30.0;

const BACKGROUND: &str = "#14171c";
const FOREGROUND: &str = "#d5d9e0";
/// The 16 colors of the terminal. All are readable on the background.
const PALETTE: [&str; 16] = [
    "#3b414d", "#f0717a", "#8fce6a", "#e9c46a", "#6fb1f5", "#d08ee8", "#5fcbd8", "#d5d9e0",
    "#939cab", "#ff8f97", "#a8e184", "#f5d787", "#8fc5ff", "#dfa8f2", "#82dde8", "#ffffff",
];

/// The colors and the font style of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Style {
    color: String,
    /// The background color. `None` stands for the background of the window.
    background: Option<String>,
    is_bold: bool,
    is_dim: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let (color, background) = (color(cell.fgcolor()), color(cell.bgcolor()));
        let (color, background) = match cell.inverse() {
            false => (color.unwrap_or_else(|| FOREGROUND.into()), background),
            true => (
                background.unwrap_or_else(|| BACKGROUND.into()),
                Some(color.unwrap_or_else(|| FOREGROUND.into())),
            ),
        };
        Style { color, background, is_bold: cell.bold(), is_dim: cell.dim() }
    }
}

/// Converts a color of the terminal to SVG notation. Returns `None` for the
/// default color.
fn color(color: Color) -> Option<String> {
    match color {
        Color::Default => None,
        Color::Idx(index) => {
            Some(PALETTE.get(usize::from(index)).copied().unwrap_or(FOREGROUND).to_owned())
        }
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// Neighboring cells of one row that have the same style.
struct Run {
    style: Style,
    column: u16,
    text: String,
    cells: u16,
    /// True if the text is a bar of a graph or part of a frame, which is drawn
    /// as a shape.
    is_shape: bool,
}

/// Returns an SVG picture of a window with the title `title`, which shows the
/// screen. `description` says what the picture shows, for readers who can't see
/// it. Empty rows at the end are left out.
pub(crate) fn picture(screen: &Screen, title: &str, description: &str) -> String {
    let (rows, columns) = screen.size();
    let text = screen.contents();
    let rows = rows.min(u16::try_from(text.trim_end().lines().count()).unwrap_or(rows));
    let width = f64::from(columns) * WIDTH + 2.0 * MARGIN;
    let height = f64::from(rows) * HEIGHT + BAR + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\">\n\
         <title>{}</title>\n\
         <rect x=\".5\" y=\".5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{BACKGROUND}\" \
         stroke=\"#5a6270\"/>\n",
        escaped(description),
        width - 1.0,
        height - 1.0,
    );
    for x in [18, 36, 54] {
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"16\" r=\"5\" fill=\"#5a6270\"/>");
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"20\" text-anchor=\"middle\" fill=\"{}\" \
         font-family=\"sans-serif\" font-size=\"13\">{}</text>",
        width / 2.0,
        PALETTE[8],
        escaped(title)
    );
    svg.push_str(
        "<g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" \
         xml:space=\"preserve\" shape-rendering=\"crispEdges\">\n",
    );
    for row in 0..rows {
        for run in runs(screen, row, columns) {
            draw(&run, f64::from(row) * HEIGHT + BAR + MARGIN, &mut svg);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let cells = if cell.is_wide() { 2 } else { 1 };
        let style = Style::of(cell);
        let is_shape = bar_height(text).is_some() || lines(text).is_some();
        match runs.last_mut().filter(|run| run.style == style && run.is_shape == is_shape) {
            // Equal bars and lines side by side are one shape.
            Some(run) if is_shape && run.text == text => run.cells += cells,
            Some(run) if !is_shape => {
                run.text.push_str(text);
                run.cells += cells;
            }
            _ => runs.push(Run { style, column, text: text.to_owned(), cells, is_shape }),
        }
    }
    runs
}

/// Returns the height of a block character such as `▄`, in eighths of a cell.
/// Returns `None` for other characters.
fn bar_height(text: &str) -> Option<u32> {
    let mut letters = text.chars();
    let (letter, None) = (letters.next()?, letters.next()) else { return None };
    let eighths = u32::from(letter).checked_sub(0x2580)?;
    (1..=8).contains(&eighths).then_some(eighths)
}

/// Returns the directions in which a character of a frame, such as `┌`, has
/// lines from the middle of its cell: left, right, up, down. Returns `None` for
/// other characters.
fn lines(text: &str) -> Option<[bool; 4]> {
    let directions = match text {
        "─" => "lr",
        "│" => "ud",
        "┌" => "rd",
        "┐" => "ld",
        "└" => "ru",
        "┘" => "lu",
        _ => return None,
    };
    Some(["l", "r", "u", "d"].map(|direction| directions.contains(direction)))
}

fn draw(run: &Run, top: f64, svg: &mut String) {
    let x = f64::from(run.column) * WIDTH + MARGIN;
    let width = f64::from(run.cells) * WIDTH;
    if let Some(background) = &run.style.background {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" \
             fill=\"{background}\"/>"
        );
    }
    if let Some(eighths) = bar_height(&run.text) {
        let height = HEIGHT * f64::from(eighths) / 8.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"{}\"/>",
            top + HEIGHT - height,
            run.style.color
        );
        return;
    }
    if let Some([left, right, up, down]) = lines(&run.text) {
        let mut line = |x: f64, y: f64, width: f64, height: f64| {
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                 fill=\"{}\"/>",
                run.style.color
            );
        };
        let (center, middle) = (x + WIDTH / 2.0, top + HEIGHT / 2.0);
        if left || right {
            let begin = if left { x } else { center };
            let end = if right { x + width } else { center };
            line(begin, middle, end - begin, 1.0);
        }
        if up || down {
            let begin = if up { top } else { middle };
            let end = if down { top + HEIGHT } else { middle };
            line(center, begin, 1.0, end - begin);
        }
        return;
    }
    let mut before = 0.0;
    // Two spaces or more separate columns.
    for (index, words) in run.text.split("  ").enumerate() {
        if index > 0 {
            before += 2.0;
        }
        let cells = words.chars().count() as f64;
        let indent = if words.starts_with(' ') { 1.0 } else { 0.0 };
        draw_words(&run.style, words.trim(), x + (before + indent) * WIDTH, top, svg);
        before += cells;
    }
}

fn draw_words(style: &Style, words: &str, x: f64, top: f64, svg: &mut String) {
    if words.is_empty() {
        return;
    }
    let _ = write!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" fill=\"{}\"",
        top + BASELINE,
        words.chars().count() as f64 * WIDTH,
        style.color
    );
    if style.is_bold {
        svg.push_str(" font-weight=\"bold\"");
    }
    if style.is_dim {
        svg.push_str(" opacity=\".75\"");
    }
    let _ = writeln!(svg, ">{}</text>", escaped(words));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
