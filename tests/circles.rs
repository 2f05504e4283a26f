//! Checks that the files of a room (a folder directly below a package's `src`)
//! don't depend on each other in circles. [`EXTENDED`] and [`JUSTIFIED`] list
//! the exceptions and their reasons.
//!
//! A file depends on another one if it names something that is defined there.
//! Names are followed through `use` and re-exports to the file of the
//! definition. Tests and comments may name any file. Two kinds of dependencies
//! aren't seen here. The first is a method that another file adds to a type,
//! because a call doesn't name that file. The second are names in attributes:
//! serde's attributes in the files of the events name functions in
//! event/serial.rs, but this file may still name the events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree, Visibility};

const FOLDERS: [&str; 2] = ["src", "crates/scape-proto/src"];

/// Types to which the other files of a folder add methods. Each element is the
/// file that defines the type, and the reason. This file and the other files of
/// its folder may depend on each other.
const EXTENDED: &[(&str, &str)] = &[
    (
        "control/controller.rs",
        "Controller has a method for each command, in a file for each family",
    ),
    ("live/state/live.rs", "State returns handles, which keep it alive and return it"),
    ("testing/network/mod.rs", "TestNetwork is started, changed and watched in several files"),
];

/// The other circles that are allowed: the files of each, and the reason.
const JUSTIFIED: &[(&[&str], &str)] = &[
    (
        &[
            "circuits/attach/attacher.rs",
            "circuits/attach/pending.rs",
            "circuits/attach/priority.rs",
            "circuits/attach/request.rs",
        ],
        "a public trait and its argument: an attacher gets a request, and a request can ask \
         further attachers",
    ),
    (
        &["live/state/circuit.rs", "live/state/stream.rs"],
        "a circuit returns its streams, and a stream its circuit",
    ),
    (
        &["event/bootstrap.rs", "event/status/detail.rs", "event/status/mod.rs"],
        "a status event returns its arguments as typed values, which are read from the event",
    ),
    (
        &["netdoc/router_status.rs", "netdoc/router_statuses.rs"],
        "RouterStatus::parse_all returns the iterator, which returns each RouterStatus",
    ),
    (
        &["onion/disk/service.rs", "onion/disk/services.rs"],
        "the configuration returns its services, and a service changes its part of it",
    ),
];

#[test]
fn files_of_a_room_have_no_circles() {
    let mut circles = Vec::new();
    let mut needed = BTreeSet::new();
    for folder in FOLDERS {
        let mut graph = graph(&read(folder));
        let all = circles_of(&graph).concat();
        needed.extend(
            EXTENDED.iter().map(|(file, _)| *file).filter(|file| all.iter().any(|it| it == file)),
        );
        for (file, targets) in &mut graph {
            targets.retain(|target, _| !is_extended_by(file, target));
        }
        for circle in circles_of(&graph) {
            match JUSTIFIED.iter().find(|(files, _)| circle == *files) {
                Some((files, _)) => needed.extend(files.first()),
                None => circles.push(describe(&circle, &graph)),
            }
        }
    }
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
    let listed = EXTENDED.iter().map(|(file, _)| *file);
    let listed = listed.chain(JUSTIFIED.iter().filter_map(|(files, _)| files.first().copied()));
    let unneeded: Vec<&str> = listed.filter(|file| !needed.contains(file)).collect();
    assert!(unneeded.is_empty(), "no circle any more, so no reason is needed: {unneeded:?}");
}

#[test]
fn names_are_followed_to_the_file_of_their_definition() {
    let modules: Modules = [
        ("lib.rs", "pub mod room;"),
        ("room/mod.rs", "mod a; mod b; mod c; pub use a::A; pub(crate) use c::*; use b::B as Bee;"),
        ("room/a.rs", "use super::b; use super::Bee; fn f() { b::g(super::C, Bee) } pub struct A;"),
        (
            "room/b.rs",
            "pub struct B; pub fn g() {} #[cfg(test)] mod tests { use super::super::A; }",
        ),
        ("room/c.rs", "/// [`crate::room::A`]\npub struct C; #[cfg(test)] use super::A;"),
        ("room/d.rs", "use std::fmt; fn f(a: &crate::room::A) { log::debug!(\"{}\", super::C) }"),
    ]
    .map(|(file, text)| (place(file), parse(file, text)))
    .into();
    let graph = graph(&modules);
    let named = |file: &str| graph[file].keys().map(String::as_str).collect::<Vec<_>>();
    assert!(!graph.contains_key("room/mod.rs") && !graph.contains_key("lib.rs"));
    assert_eq!(named("room/a.rs"), ["room/b.rs", "room/c.rs"]);
    assert!(named("room/b.rs").is_empty() && named("room/c.rs").is_empty());
    assert_eq!(named("room/d.rs"), ["room/a.rs", "room/c.rs"]);
    assert!(circles_of(&graph).is_empty());
    let edge = |to: &str| [(to.to_owned(), BTreeSet::new())].into();
    let ring =
        [("x".to_owned(), edge("y")), ("y".to_owned(), edge("x")), ("z".to_owned(), edge("x"))];
    assert_eq!(circles_of(&ring.into()), [["x", "y"]]);
}

/// Returns true if the file `target` is listed in [`EXTENDED`] and `file` is in
/// its folder.
fn is_extended_by(file: &str, target: &str) -> bool {
    let folder = target.rsplit_once('/').map_or("", |(folder, _)| folder);
    EXTENDED.iter().any(|(known, _)| *known == target)
        && file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns a text that lists the files of a circle, each with the other files
/// of the circle that it names.
fn describe(circle: &[String], graph: &Graph) -> String {
    let mut text = format!("circle of {} files:\n", circle.len());
    for file in circle {
        for (target, names) in graph[file].iter().filter(|(target, _)| circle.contains(target)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            text += &format!("  {file} -> {target}: {}\n", names.join(", "));
        }
    }
    text
}

/// The dependencies between files: for each file, the files that it depends on,
/// and for each of these the names that cause the dependency.
type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The segments of a path, such as `crate::io::connection`.
type Segments = Vec<String>;

/// A parsed source file, which is a module of its package.
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// The paths of the imported items, by the names that they have in this
    /// module.
    imports: BTreeMap<String, Segments>,
    /// The imports that aren't re-exports, and so are needed by the file's own
    /// code.
    private_imports: BTreeSet<String>,
    /// The modules from which all names are imported, with `use path::*`.
    globs: Vec<Segments>,
    /// The paths in the code, without declarations of modules and imports.
    code: BTreeSet<Segments>,
    /// True if the file only declares modules and re-exports their names.
    is_index: bool,
}

type Modules = BTreeMap<Segments, Module>;

/// Finds the dependencies between files.
fn graph(modules: &Modules) -> Graph {
    let mut graph = Graph::new();
    for (place, module) in modules.iter().filter(|(_, module)| !module.is_index) {
        let targets = graph.entry(module.file.clone()).or_default();
        let private = module.private_imports.iter().map(|name| vec![name.clone()]);
        let may_be_ours = |path: &&Segments| {
            let head = &path[0];
            is_relative(head) || module.imports.contains_key(head) || module.children.contains(head)
        };
        for path in private.chain(module.code.iter().filter(may_be_ours).cloned()) {
            let Some(target) = resolve(&path, place, modules, 0) else { continue };
            let target = &modules[&target];
            if !target.is_index && target.file != module.file {
                targets.entry(target.file.clone()).or_default().insert(path.join("::"));
            }
        }
    }
    graph
}

/// Returns the module that defines the item at `path`. Returns `None` if no
/// file of this package defines it. Also returns `None` if `path` is a module,
/// because only the items in the module count.
fn resolve(path: &[String], place: &Segments, modules: &Modules, depth: usize) -> Option<Segments> {
    let mut module = place.clone();
    let mut path = path.iter().peekable();
    while let Some(head) = path.next_if(|name| is_relative(name)) {
        match head.as_str() {
            "crate" => module.clear(),
            "super" => drop(module.pop()?),
            _ => {}
        }
    }
    let name = path.next()?;
    let rest: Segments = path.cloned().collect();
    let known = modules.get(&module)?;
    let further = |from: &Segments| {
        let whole: Segments = from.iter().chain(&rest).cloned().collect();
        (depth < 20).then(|| resolve(&whole, &module, modules, depth + 1)).flatten()
    };
    if known.children.contains(name) {
        let child: Segments = module.iter().cloned().chain([name.clone()]).collect();
        return resolve(&rest, &child, modules, depth + 1);
    }
    if let Some(target) = known.imports.get(name) {
        let head = &target[0];
        let is_own = is_relative(head) || known.children.contains(head);
        return match (target == std::slice::from_ref(name), is_own) {
            // This is an exported macro.
            (true, _) => Some(module),
            (false, true) => further(target),
            (false, false) => None,
        };
    }
    // An unqualified name is from the prelude or from another package.
    if depth == 0 && module == *place {
        return None;
    }
    let named = |glob: &Segments| glob.iter().cloned().chain([name.clone()]).collect();
    let by_glob = known.globs.iter().find_map(|glob| further(&named(glob)));
    by_glob.or(Some(module))
}

/// Returns true if a path that begins with this name stays in the same package.
fn is_relative(name: &str) -> bool {
    ["crate", "self", "super"].contains(&name)
}

/// Finds the circles: the groups of files that all depend on each other,
/// directly or indirectly.
fn circles_of(graph: &Graph) -> Vec<Vec<String>> {
    let reachable: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|file| (file, reachable(file, graph))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reachable {
        let circle: Vec<String> = others
            .iter()
            .filter(|other| reachable[**other].contains(file))
            .map(|other| (*other).clone())
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// Returns the files that a file depends on, directly or indirectly.
fn reachable<'a>(file: &str, graph: &'a Graph) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&String> = graph[file].keys().collect();
    while let Some(file) = next.pop() {
        if seen.insert(file) {
            next.extend(graph[file].keys());
        }
    }
    seen
}

/// Parses all files in a folder and its subfolders, except tests.
fn read(folder: &str) -> Modules {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut modules = Modules::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                let place = place(&file);
                if !place.contains(&"tests".into()) {
                    modules.insert(place, parse(&file, &fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    modules
}

/// Returns the path of the module that a file contains.
fn place(file: &str) -> Segments {
    let names = file.trim_end_matches(".rs").split('/').map(str::to_owned);
    let mut place: Segments = names.collect();
    if place.last().is_some_and(|last| last == "mod" || place == ["lib"]) {
        place.pop();
    }
    place
}

fn parse(file: &str, text: &str) -> Module {
    let mut module = Module {
        file: file.to_owned(),
        children: BTreeSet::new(),
        imports: BTreeMap::new(),
        private_imports: BTreeSet::new(),
        globs: Vec::new(),
        code: BTreeSet::new(),
        is_index: true,
    };
    let items = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}")).items;
    for item in items {
        match item {
            Item::Mod(item) if item.content.is_none() => {
                module.children.insert(item.ident.to_string());
            }
            Item::Use(item) if is_for_tests(&item) => {}
            Item::Use(item) => {
                let is_private = matches!(item.vis, Visibility::Inherited);
                import(&item.tree, &mut Vec::new(), is_private, &mut module);
            }
            item if is_for_tests(&item) => {}
            item => {
                module.is_index = false;
                paths(item.to_token_stream(), &[], &mut module.code);
            }
        }
    }
    module
}

/// Adds the names that a part of a `use` declaration imports to `module`.
/// `before` is the path that precedes this part.
fn import(tree: &UseTree, before: &mut Segments, is_private: bool, module: &mut Module) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            import(&path.tree, before, is_private, module);
            before.pop();
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| import(tree, before, is_private, module));
        }
        UseTree::Glob(_) => module.globs.push(before.clone()),
        UseTree::Name(name) if name.ident == "self" => {
            let name = before.last().cloned().unwrap();
            module.imports.insert(name, before.clone());
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            let path = before.iter().cloned().chain([name.clone()]).collect();
            add_import(name, path, is_private, module);
        }
        UseTree::Rename(rename) => {
            let name = rename.ident.to_string();
            let path = before.iter().cloned().chain([name.clone()]).collect();
            // Several traits may be imported as `_`.
            let known = match rename.rename.to_string() {
                as_nothing if as_nothing == "_" => format!("_{name}"),
                known => known,
            };
            add_import(known, path, is_private, module);
        }
    }
}

fn add_import(name: String, path: Segments, is_private: bool, module: &mut Module) {
    if is_private {
        module.private_imports.insert(name.clone());
    }
    module.imports.insert(name, path);
}

/// Returns true if `#[cfg(test)]` is among the attributes of an item.
fn is_for_tests(item: &impl ToTokens) -> bool {
    let mut tokens = item.to_token_stream().into_iter();
    while let Some(TokenTree::Punct(sign)) = tokens.next()
        && sign.as_char() == '#'
        && let Some(TokenTree::Group(attribute)) = tokens.next()
    {
        if is_cfg_test(&attribute) {
            return true;
        }
    }
    false
}

fn is_cfg_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Adds the paths and single names in the code `tokens` to `found`. Single
/// names may be imports. The path `before` is put in front of each.
fn paths(tokens: TokenStream, before: &[String], found: &mut BTreeSet<Segments>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_sign = |at: usize, sign: char| match tokens.get(at) {
        Some(TokenTree::Punct(found)) => found.as_char() == sign,
        _ => false,
    };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) else {
                    at += 1;
                    continue;
                };
                at += 2;
                if is_cfg_test(attribute) {
                    let is_end = |token: &TokenTree| match token {
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        TokenTree::Punct(sign) => [';', ','].contains(&sign.as_char()),
                        _ => false,
                    };
                    at += tokens[at..].iter().take_while(|token| !is_end(token)).count() + 1;
                }
            }
            // Two dots are a range, or the rest of a struct.
            TokenTree::Punct(_) if is_sign(at, '.') && is_sign(at + 1, '.') => at += 2,
            // This is the name of a method or field.
            TokenTree::Punct(sign) if sign.as_char() == '.' => {
                at += if matches!(tokens.get(at + 1), Some(TokenTree::Ident(_))) { 2 } else { 1 };
            }
            TokenTree::Ident(name) => {
                let mut path = [before, &[name.to_string()]].concat();
                at += 1;
                while is_sign(at, ':') && is_sign(at + 1, ':') {
                    match tokens.get(at + 2) {
                        Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                        Some(TokenTree::Group(group)) => {
                            paths(group.stream(), &path, found);
                            path.clear();
                        }
                        _ => break,
                    }
                    at += 3;
                }
                found.extend((!path.is_empty()).then_some(path));
            }
            TokenTree::Group(group) => {
                paths(group.stream(), before, found);
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}
