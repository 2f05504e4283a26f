//! The pages of the documentation: their links lead somewhere, the guide has
//! all its chapters, and each chapter ends with a link to go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all pages below a folder.
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

/// Returns the anchors of a page: its headings as GitHub and mdBook write them.
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

/// Returns the reason why a link leads nowhere.
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

/// Returns the chapters of the guide by their file names.
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
    // Their code is compiled.
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
