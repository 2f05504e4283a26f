//! Checks the pages of the documentation. Their links must lead somewhere, the
//! guide must have all its chapters, each chapter must end with a link to the
//! next page, and the page about the coverage of other libraries may only name
//! existing things.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Adds the paths of all pages below a folder to `pages`.
fn pages_in(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            let is_ours = name != "target" && (name == ".github" || !is_hidden(&path));
            if is_ours {
                pages_in(&path, pages);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    pages_in(&root(), &mut pages);
    pages
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES)
}

/// Returns the targets of the links and images of a page.
fn links(text: &str) -> Vec<String> {
    let links = parser(text).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.to_string())
        }
        _ => None,
    });
    links.collect()
}

/// Returns the anchors of a page, which GitHub and mdBook derive from its
/// headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take()),
            Event::Text(text) | Event::Code(text) => {
                let letters = text.chars().filter_map(|letter| match letter {
                    ' ' => Some('-'),
                    '-' | '_' => Some(letter),
                    _ if letter.is_alphanumeric() => Some(letter),
                    _ => None,
                });
                if let Some(heading) = &mut heading {
                    heading.extend(letters.flat_map(char::to_lowercase));
                }
            }
            _ => {}
        }
    }
    anchors
}

/// Returns the reason why a link is wrong. Returns `None` if the link is right
/// or leads to another site.
fn problem(page: &Path, text: &str, link: &str) -> Option<String> {
    // Addresses of other sites can't be checked without a network. Links in
    // documentation that rustdoc reads are checked by rustdoc.
    if link.contains("://") || link.starts_with("mailto:") || link.contains("::") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap().join(file),
    };
    if !target.exists() {
        return Some(format!("there is no {file}"));
    }
    if anchor.is_empty() || target.extension().is_none_or(|extension| extension != "md") {
        return None;
    }
    let there = match file {
        "" => text.to_owned(),
        _ => fs::read_to_string(&target).unwrap(),
    };
    (!anchors(&there).contains(anchor)).then(|| format!("there is no heading #{anchor}"))
}

#[test]
fn links_of_pages_lead_somewhere() {
    let mut problems = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            if let Some(problem) = problem(&page, &text, &link) {
                let page = page.strip_prefix(root()).unwrap().display();
                problems.push(format!("{page}: {link}: {problem}"));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Returns the file names of the guide's chapters.
fn chapters() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("docs/guide/src")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "SUMMARY.md").collect()
}

#[test]
fn guide_has_all_chapters() {
    let summary = fs::read_to_string(root().join("docs/guide/src/SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    assert_eq!(listed, chapters());
    // The code of the chapters is compiled.
    let compiled = fs::read_to_string(root().join("crates/scape-guide/src/lib.rs")).unwrap();
    for chapter in chapters() {
        let path = format!("\"../../../docs/guide/src/{chapter}\"");
        assert!(compiled.contains(&path), "the code of {chapter} isn't compiled");
    }
}

#[test]
fn chapters_end_with_a_link_to_go_on() {
    for chapter in chapters() {
        let text = fs::read_to_string(root().join("docs/guide/src").join(&chapter)).unwrap();
        let last = text.trim_end().rsplit("\n\n").next().unwrap();
        assert!(!links(last).is_empty(), "{chapter} ends without a link:\n{last}");
    }
}

#[test]
fn broken_links_are_found() {
    let page = root().join("docs/testing.md");
    let text = "# One `two` three\n";
    for (link, is_broken) in [
        ("https://example.com", false),
        ("testing.md", false),
        ("../README.md", false),
        ("#one-two-three", false),
        ("#one", true),
        ("nowhere.md", true),
        ("../README.md#nowhere", true),
    ] {
        assert_eq!(problem(&page, text, link).is_some(), is_broken, "{link}");
    }
}

/// The page about the coverage of older libraries, which follows their
/// documentation.
const COVERAGE: &str = "docs/coverage.md";

/// Returns the rows of a page's tables, each as a list of cells.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix('|'));
    let cells = |line: &str| -> Vec<String> {
        line.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    lines.map(cells).filter(|cells| !cells[0].starts_with("--")).collect()
}

/// Returns the texts in backquotes.
fn code_in(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the reason why a file, or a name in it (`FILE: NAME`), is missing.
/// Returns `None` if both exist.
fn missing_file(reference: &str) -> Option<String> {
    let (file, name) = reference.split_once(": ").unwrap_or((reference, ""));
    let Ok(text) = fs::read_to_string(root().join(file)) else {
        return Some(format!("there is no file {file}"));
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let has_name = name.is_empty() || text.split(|c| !is_word(c)).any(|word| word == name);
    (!has_name).then(|| format!("there is no {name} in {file}"))
}

/// The public API, as `docs/api.txt` lists it.
struct Api {
    /// The text of each module, by its path.
    modules: BTreeMap<String, String>,
}

impl Api {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("docs/api.txt")).unwrap();
        let mut modules: BTreeMap<String, String> = BTreeMap::new();
        for part in text.split("\n# ") {
            let (head, body) = part.trim_start_matches("# ").split_once('\n').unwrap();
            let path = head.split(' ').next().unwrap();
            modules.entry(path.to_owned()).or_default().push_str(body);
        }
        Self { modules }
    }

    /// Returns true if `docs/api.txt` has the module, item or member with this
    /// path.
    fn has(&self, path: &str) -> bool {
        if self.modules.contains_key(path) {
            return true;
        }
        let parts: Vec<&str> = path.split("::").collect();
        let prefixes = (1..parts.len()).rev().map(|count| (parts[..count].join("::"), count));
        for (module, count) in prefixes {
            let Some(text) = self.modules.get(&module) else { continue };
            let (name, members) = (parts[count], &parts[count + 1..]);
            // The name may be a module, type or function from another crate.
            let exports = text.lines().filter_map(|line| line.strip_prefix("pub use "));
            let exported = exports
                .map(|line| line.trim_end_matches(';'))
                .find(|line| line.rsplit("::").next() == Some(name));
            if let Some(exported) = exported {
                let whole = [&[exported], members].concat().join("::");
                return self.has(&whole);
            }
            return Self::declares(text, name, members);
        }
        false
    }

    /// Returns true if `text`, the text of a module, declares `name` with these
    /// members. A type and its implementations are one paragraph of the text.
    fn declares(text: &str, name: &str, members: &[&str]) -> bool {
        let kinds = ["struct", "enum", "trait", "fn", "type", "macro"];
        let words = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let declares = |paragraph: &Vec<String>| {
            paragraph.windows(2).any(|pair| kinds.contains(&pair[0].as_str()) && pair[1] == name)
        };
        text.split("\n\n").map(words).filter(declares).any(|paragraph| match members {
            [] => true,
            [member] => paragraph.iter().any(|word| word == member),
            _ => false,
        })
    }
}

/// Returns true if the code looks like a path of the public API.
fn is_api_path(code: &str) -> bool {
    ["scape::", "scape_proto::", "scape_manual::"].iter().any(|crate_| code.starts_with(crate_))
}

#[test]
fn coverage_page_has_every_row() {
    let text = fs::read_to_string(root().join(COVERAGE)).unwrap();
    let rows = rows(&text);
    let statements: Vec<&str> = rows
        .iter()
        .map(|cells| cells[0].as_str())
        .filter(|row| row.strip_prefix("S-").is_some_and(|number| number.parse::<u32>().is_ok()))
        .collect();
    let wanted: Vec<String> = (1..=130).map(|number| format!("S-{number}")).collect();
    assert_eq!(statements, wanted);
    let (_, controller) = text.split_once("# stem's controller").unwrap();
    let (controller, _) = controller.split_once("# stem's modules").unwrap();
    let (methods, later): (Vec<_>, Vec<_>) = self::rows(controller)
        .into_iter()
        .filter(|cells| cells[0].starts_with('`'))
        .partition(|cells| !cells[0].ends_with("(2.0)"));
    assert_eq!((methods.len(), later.len()), (73, 3));
}

#[test]
fn coverage_page_names_what_exists() {
    let text = fs::read_to_string(root().join(COVERAGE)).unwrap();
    let api = Api::read();
    let mut problems = Vec::new();
    let (mut paths, mut tests) = (0, 0);
    for cells in rows(&text).iter().filter(|cells| cells.len() > 3) {
        // The first column with a status is followed by the place and the test.
        let (status, place, test) = match cells.as_slice() {
            [_, status, place, test] | [_, _, status, place, test] => (status, place, test),
            _ => panic!("a row of {} cells: {cells:?}", cells.len()),
        };
        if status == "status" {
            continue;
        }
        let mut problem = |text: String| problems.push(format!("{}: {text}", cells[0]));
        let (word, reason) = status.split_once(": ").unwrap_or((status, ""));
        if !["yes", "part", "other", "no"].contains(&word) {
            problem(format!("{status:?} is no status"));
        }
        if ["part", "no"].contains(&word) && reason.is_empty() {
            problem("there is no reason".to_owned());
        }
        if word != "no" && (place == "–" || test == "–") {
            problem("there is no place or no test".to_owned());
        }
        for code in code_in(status).into_iter().chain(code_in(place)) {
            if is_api_path(code) {
                paths += 1;
                if !api.has(code) {
                    problem(format!("there is no {code} in docs/api.txt"));
                }
            } else if code.contains('/') || code.ends_with(".md") || code.ends_with(".toml") {
                missing_file(code).into_iter().for_each(&mut problem);
            }
        }
        for code in code_in(test) {
            tests += 1;
            missing_file(code).into_iter().for_each(&mut problem);
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    assert!(paths > 200 && tests > 200, "{paths} paths, {tests} tests");
}

#[test]
fn missing_names_of_the_coverage_page_are_found() {
    let api = Api::read();
    for (path, is_there) in [
        ("scape::Controller::get_info", true),
        ("scape::event", true),
        ("scape::event::EventKind::Bw", true),
        ("scape::control::Signal::Reload", true),
        ("scape::netdoc::onion::OnionDescriptor", true),
        ("scape::word::CircuitId", true),
        ("scape::Controller::get_inf", false),
        ("scape::Control", false),
        ("scape::event::EventKind::Bandwidth", false),
        ("scape::nothing::Controller", false),
    ] {
        assert_eq!(api.has(path), is_there, "{path}");
    }
    assert!(missing_file("tests/prose.rs: prose_keeps_to_the_rules").is_none());
    assert!(missing_file("tests/prose.rs: prose_keeps_to_the").is_some());
    assert!(missing_file("tests/page.rs").is_some());
}
