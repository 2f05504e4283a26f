//! Checks the rules for English text that a machine can check.
//!
//! No line of a documentation comment may begin with one of [`OPENINGS`].
//! Comments and Markdown documents may not contain [`PHRASES`], and may be at
//! most 80 columns wide. Code, also in examples, may be at most 100 columns
//! wide.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Words with which no line of a documentation comment may begin.
const OPENINGS: &[&str] = &["What", "Who", "Whoever", "How", "Whether", "Its", "As"];

/// Phrases that readers have to translate.
const PHRASES: &[&str] = &[
    "is none",
    "are none",
    "has not its form",
    "none of that type",
    "to be had",
    "of one's own",
    "of one's choice",
    "by and by",
    "where there is none",
    "where there is one",
    "at nobody's expense",
];

/// The names of the rules, and how often each may be broken.
const LIMITS: [(&str, usize); 4] =
    [("forbidden openings", 0), ("forbidden phrases", 0), ("wide comments", 0), ("wide code", 0)];

/// The places where a file breaks each of the rules in [`LIMITS`].
type Found = [Vec<String>; 4];

#[test]
fn prose_keeps_to_the_rules() {
    let mut found = Found::default();
    for file in rust_files() {
        check(&file, &fs::read_to_string(&file).unwrap(), &mut found);
    }
    for file in documents() {
        check_document(&file, &fs::read_to_string(&file).unwrap(), &mut found);
    }
    let mut broken = Vec::new();
    for ((rule, limit), places) in LIMITS.iter().zip(&found) {
        println!("{rule}: {} ({limit} allowed)", places.len());
        if places.len() > *limit {
            let last: Vec<&str> = places.iter().rev().take(200).map(String::as_str).collect();
            broken.push(format!(
                "{rule}: {}, and {limit} are allowed:\n{}",
                places.len(),
                last.join("\n")
            ));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn rust_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["src", "crates", "tests", "examples", "benches"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 100, "{} files", files.len());
    files.sort();
    files
}

/// Searches text line by line for [`PHRASES`], also for those that continue in
/// the next line.
#[derive(Default)]
struct Phrases {
    /// The end of the previous lines, in which a phrase may have begun.
    before: String,
}

impl Phrases {
    fn line(&mut self, line: &str, place: impl Fn() -> String, found: &mut Vec<String>) {
        let begin = self.before.len();
        let text = format!("{}{} ", self.before, line.trim().to_lowercase());
        for phrase in PHRASES {
            // A phrase that ends within `self.before` was already found with
            // the line before.
            let ends = text.match_indices(phrase).map(|(at, found)| at + found.len());
            found.extend(ends.filter(|end| *end > begin).map(|_| place()));
        }
        let longest = PHRASES.iter().map(|phrase| phrase.len()).max().unwrap_or_default();
        let mut from = text.len().saturating_sub(longest);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        self.before = text.get(from..).unwrap_or_default().to_owned();
    }
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in [
        "",
        ".github",
        "crates/scape-cli",
        "crates/scape-manual",
        "crates/scape-proto",
        "docs",
        "docs/design",
        "docs/guide/src",
        "examples",
        "fuzz",
        "tests/support",
    ] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            files.push(entry.unwrap().path());
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    assert!(files.len() > 4, "{} files", files.len());
    files.sort();
    files
}

/// Checks a document in Markdown. Tables and code examples may be wider than 80
/// columns.
fn check_document(file: &Path, text: &str, found: &mut Found) {
    let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display();
    let mut phrases = Phrases::default();
    let mut in_example = false;
    for (number, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}: {line}", number + 1);
        let is_fence = line.trim_start().starts_with("```");
        let is_prose = !in_example && !is_fence && !line.starts_with('|');
        in_example ^= is_fence;
        if !is_prose {
            continue;
        }
        if OPENINGS.contains(&first_word(line)) {
            found[0].push(place());
        }
        phrases.line(line, place, &mut found[1]);
        let is_unbreakable = line.contains("http") || line.split_whitespace().count() <= 2;
        if line.chars().count() > 80 && !is_unbreakable {
            found[2].push(place());
        }
    }
}

/// Returns the first word of a line. Skips the mark of a list item.
fn first_word(line: &str) -> &str {
    let item = line.trim_start_matches(['*', '-', ' ']);
    item.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

fn check(file: &Path, text: &str, found: &mut Found) {
    let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display();
    let (mut in_example, mut last_kind) = (false, None);
    let mut phrases = Phrases::default();
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let place = || format!("{name}:{}: {trimmed}", number + 1);
        let doc = ["/// ", "//! "].iter().find_map(|start| trimmed.strip_prefix(start));
        if let Some(doc) = doc
            && !in_example
            && OPENINGS.contains(&first_word(doc))
        {
            found[0].push(place());
        }
        let kind = ["///", "//!", "//"].into_iter().find(|start| trimmed.starts_with(start));
        let is_comment = kind.is_some();
        // An example ends with its comment, unless an attribute has begun it.
        in_example &= kind == last_kind || last_kind == Some("#");
        let begins_example = trimmed.starts_with('#') && trimmed.contains("doc = \"```");
        last_kind = if begins_example { Some("#") } else { kind };
        if is_comment {
            phrases.line(trimmed.trim_start_matches(['/', '!']), place, &mut found[1]);
        } else {
            phrases = Phrases::default();
        }
        let width = line.chars().count();
        // A link, a path or a table can't be broken.
        let is_unbreakable = trimmed.contains("http")
            || trimmed.contains("//! |")
            || trimmed.contains("/// |")
            || trimmed.split_whitespace().count() <= 2;
        let is_code = !is_comment || in_example;
        if !is_code && width > 80 && !is_unbreakable {
            found[2].push(place());
        }
        // String literals, above all tor's own lines, are left as they are.
        let is_text = trimmed.contains('"') || trimmed.ends_with('\\');
        if is_code && width > 100 && !is_text {
            found[3].push(place());
        }
        in_example = begins_example || (is_comment && (in_example != trimmed.contains("```")));
    }
}

#[test]
fn prose_rules_find_what_breaks_them_in_documents() {
    let wide = "a ".repeat(41);
    let text = format!(
        "There is none to be had.\n\n{wide}\n\n| {wide}|\n\n```text\n{wide}\n```\n{wide}\n"
    );
    let mut found = Found::default();
    check_document(Path::new("x.md"), &text, &mut found);
    assert_eq!(found.map(|places| places.len()), [0, 2, 2, 0]);
}

#[test]
fn prose_rules_find_what_breaks_them() {
    let text =
        "/// What it is.\nfn a() {}\n/// Returns 1. There is none to be had.\n/// As it is.\n";
    let mut found = Found::default();
    check(Path::new("x.rs"), text, &mut found);
    assert_eq!(found.map(|places| places.len()), [2, 2, 0, 0]);
    let mut found = Found::default();
    check(Path::new("x.rs"), "/// A key is to\n/// be had, and is\nfn none() {}\n", &mut found);
    assert_eq!(found.map(|places| places.len()), [0, 1, 0, 0]);
    let mut found = Found::default();
    check(Path::new("x.rs"), &format!("// {}\n{}\n", "a ".repeat(40), "b ".repeat(51)), &mut found);
    assert_eq!(found.map(|places| places.len()), [0, 0, 1, 1]);
    // The content of an example is code, and the text after the example is not.
    let (example, wide) = ("//! ```\n", "a ".repeat(45));
    for begin in [example, "#![cfg_attr(x, doc = \"```\")]\n#![cfg_attr(y, doc = \"```text\")]\n"] {
        let mut found = Found::default();
        let text = format!("//! a\n{begin}//! {wide}\n//! ```\n//! {wide}\n");
        check(Path::new("x.rs"), &text, &mut found);
        assert_eq!(found.map(|places| places.len()), [0, 0, 1, 0]);
    }
    // No example outlives its comment.
    let mut found = Found::default();
    check(Path::new("x.rs"), &format!("{example}// {wide}\n/// {wide}\n"), &mut found);
    assert_eq!(found.map(|places| places.len()), [0, 0, 2, 0]);
}
