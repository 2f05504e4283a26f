//! Which file of a crate names which: a reader of Rust that knows just enough
//! of it.

mod source;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use source::{Named, Source};

/// A crate's files, and the floors they are on.
pub(crate) struct House {
    floors: &'static [(&'static str, u8)],
    sans_io: u8,
    /// By path from `src`.
    files: BTreeMap<String, File>,
}

struct File {
    /// Where it stands in the crate: `["socks", "client"]`.
    module: Vec<String>,
    lines: usize,
    source: Source,
}

impl House {
    pub(crate) fn read(folder: &str, floors: &'static [(&'static str, u8)], sans_io: u8) -> House {
        let mut files = Vec::new();
        collect(Path::new(folder), "", &mut files);
        assert!(!files.is_empty(), "no file in {folder}");
        House::of(files.into_iter(), floors, sans_io)
    }

    pub(crate) fn of(
        files: impl Iterator<Item = (String, String)>,
        floors: &'static [(&'static str, u8)],
        sans_io: u8,
    ) -> House {
        let files = files
            .map(|(path, text)| {
                let module = module_of(&path);
                let source = Source::read(&text);
                (path, File { module, lines: text.lines().count(), source })
            })
            .collect();
        House { floors, sans_io, files }
    }

    /// How many lines each file has.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file.lines))
    }

    /// What is not as it should be, a line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (path, file) in &self.files {
            if file.module.is_empty() || self.is_test(&file.module) {
                continue;
            }
            let Some((room, floor)) = self.floor(&file.module) else {
                problems.push(format!(
                    "src/{path}: no floor: the table in tests/floors.rs has no room for it"
                ));
                continue;
            };
            if floor <= self.sans_io {
                for (line, what) in &file.source.io {
                    problems.push(format!(
                        "src/{path}:{line}: {what}, but floor {floor} ({room}) is sans-IO"
                    ));
                }
            }
            for named in &file.source.named {
                let Some(target) = self.target(file, named) else { continue };
                if named.passed_on && target.starts_with(&file.module) {
                    continue;
                }
                let shown = named.path.join("::");
                match self.floor(&target) {
                    Some((_, above)) if above <= floor => {}
                    Some((other, above)) => problems.push(format!(
                        "src/{path}:{}: {shown} goes from floor {floor} ({room}) up to floor {above} ({other})",
                        named.line
                    )),
                    None => problems.push(format!("src/{path}:{}: {shown} leads to no room of the table", named.line)),
                }
            }
        }
        problems
    }

    fn floor(&self, module: &[String]) -> Option<(&'static str, u8)> {
        let mut found: Option<(&'static str, u8)> = None;
        for &(room, floor) in self.floors {
            let fits = room.split('/').count() <= module.len()
                && room.split('/').zip(module).all(|(a, b)| a == b);
            if fits && found.is_none_or(|(longest, _)| longest.len() < room.len()) {
                found = Some((room, floor));
            }
        }
        found
    }

    fn is_module(&self, module: &[String]) -> bool {
        module.is_empty() || self.files.values().any(|file| file.module.starts_with(module))
    }

    /// Whether the file is one that a `#[cfg(test)] mod name;` declares, or
    /// lies below one.
    fn is_test(&self, module: &[String]) -> bool {
        (1..=module.len()).any(|length| {
            let (parent, name) = (&module[..length - 1], &module[length - 1]);
            self.files
                .values()
                .any(|file| file.module == parent && file.source.test_modules.contains(name))
        })
    }

    /// The module of this crate that `named` is in; none where it is of another
    /// crate, or is the crate's root's own.
    fn target(&self, file: &File, named: &Named) -> Option<Vec<String>> {
        let here: Vec<String> = file.module.iter().chain(&named.inside).cloned().collect();
        self.resolve(&here, &named.path, 0)
    }

    /// Follows `path`, as written in the module `here`.
    fn resolve(&self, here: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let mut module = here.to_vec();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => {
                module.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
            }
            // A part of this module; anything else is another crate's, or was
            // imported by a `use` that is looked at itself.
            Some(first) => {
                let part: Vec<String> = here.iter().cloned().chain([first.to_owned()]).collect();
                if !self.files.values().any(|file| file.module.starts_with(&part)) {
                    return None;
                }
            }
            None => return None,
        }
        while let Some((segment, after)) = rest.split_first() {
            let deeper: Vec<String> = module.iter().cloned().chain([segment.clone()]).collect();
            if self.is_module(&deeper) {
                module = deeper;
                rest = after;
                continue;
            }
            // A name, not a module: where does it come from?
            let door = self.files.values().find(|file| file.module == module);
            let passed_on = door.and_then(|door| {
                door.source.named.iter().find(|named| {
                    named.inside.is_empty() && named.passed_on && named.name == *segment
                })
            });
            if let Some(named) = passed_on.filter(|_| depth < 8) {
                return self
                    .resolve(&module, &named.path, depth + 1)
                    .or(Some(module))
                    .filter(|m| !m.is_empty());
            }
            if module.is_empty() {
                // An item of the crate's root, or a room that has no file (the
                // table says whether it may be).
                return segment
                    .starts_with(char::is_lowercase)
                    .then(|| vec![segment.clone()])
                    .filter(|room| self.floor(room).is_some());
            }
            break;
        }
        (!module.is_empty()).then_some(module)
    }
}

fn collect(folder: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a UTF-8 name");
        if entry.file_type().expect("a file type").is_dir() {
            collect(&entry.path(), &format!("{below}{name}/"), files);
        } else if name.ends_with(".rs") {
            files.push((
                format!("{below}{name}"),
                fs::read_to_string(entry.path()).expect("a UTF-8 file"),
            ));
        }
    }
}

/// `socks/client.rs` and `socks/client/mod.rs` are both `["socks", "client"]`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}
