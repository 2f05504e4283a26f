//! Compares `docs/api.txt`, the list of the public API of every package, with
//! the code. The list makes each change of the API visible in a review.
//!
//! `SCAPE_UPDATE=1 cargo test --test api` writes the list anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/api/mod.rs"]
mod api;

use std::fs;
use std::path::Path;

/// The name of each package in programs, and the folder of its code.
const PACKAGES: [(&str, &str); 3] = [
    ("scape", "src"),
    ("scape_manual", "crates/scape-manual/src"),
    ("scape_proto", "crates/scape-proto/src"),
];

/// The maximum number of names at the root of `scape`, and also of methods of
/// `Controller`.
const AT_THE_ROOT: usize = 20;
const METHODS_OF_CONTROLLER: usize = 70;

#[test]
fn api_has_few_names_and_one_path_for_each() {
    let list = api::list("scape", &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let own_uses: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("pub use ") && !line.starts_with("pub use scape_proto::"))
        .collect();
    assert_eq!(own_uses, ["pub use ureq;"], "these names have two paths");

    let mut foreign: Vec<&str> =
        list.lines().filter(|line| line.starts_with("pub use scape_proto::")).collect();
    foreign.sort_unstable();
    let twice = foreign.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "two modules offer it");

    let root = list.split("\n# ").next().unwrap();
    let is_item = |line: &&str| line.starts_with("pub ") && !line.starts_with("pub use ");
    assert!(root.lines().filter(is_item).count() <= AT_THE_ROOT, "{root}");

    let of_controller = list.split("\nimpl Controller {\n").skip(1);
    let methods: usize = of_controller
        .map(|block| block.split("\n}\n").next().unwrap().matches("pub fn ").count())
        .sum();
    assert!((60..=METHODS_OF_CONTROLLER).contains(&methods), "Controller has {methods} methods");
}

#[test]
fn api_list_matches_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lists = PACKAGES.map(|(name, folder)| api::list(name, &root.join(folder)));
    let current = lists.join("\n");
    let file = root.join("docs/api.txt");
    if std::env::var_os("SCAPE_UPDATE").is_some() {
        fs::write(&file, &current).unwrap();
        return;
    }
    let listed = fs::read_to_string(&file).unwrap_or_default();
    let new: Vec<&str> = current.lines().filter(|line| !listed.contains(line)).take(20).collect();
    let gone: Vec<&str> = listed.lines().filter(|line| !current.contains(line)).take(20).collect();
    assert!(
        listed == current,
        "docs/api.txt isn't what the code says, or has another order. If the change is meant, run\n\
         SCAPE_UPDATE=1 cargo test --test api\nNew:\n{}\nGone:\n{}",
        new.join("\n"),
        gone.join("\n")
    );
}
