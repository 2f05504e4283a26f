//! Lists the public API of a package, which is read from its source.
//!
//! The list has each public module with its items: their declarations without
//! bodies, private fields and comments, the public methods of each type, and
//! the traits that it implements. An item that a module re-exports is listed in
//! that module. If several modules re-export the item, it is listed in one, and
//! the others have a `pub use`. Hidden items (`#[doc(hidden)]`) aren't listed.

mod item;
mod package;

use std::collections::HashMap;
use std::path::Path;

use syn::Item;

use package::{ModulePath, Offered, Package};

/// Returns the list of the public API of the package `name`, whose code is in
/// `folder`.
pub(crate) fn list(name: &str, folder: &Path) -> String {
    let package = Package::read(folder);
    let modules = package.public_modules();
    // An item with several paths is listed in the innermost module.
    let mut homes: HashMap<*const Item, &ModulePath> = HashMap::new();
    for (module, public) in &modules {
        for item in public.items.iter().filter_map(Offered::item) {
            let home = homes.entry(item).or_insert(module);
            if module.len() > home.len() {
                *home = module;
            }
        }
    }
    let mut text = String::new();
    for (module, public) in &modules {
        let path = [&[name.to_owned()], module.as_slice()].concat();
        let heading = format!("# {} {}", path.join("::"), public.condition);
        text.push_str(&format!("{}\n\n", heading.trim_end()));
        let mut shown: Vec<String> = Vec::new();
        for offered in &public.items {
            shown.push(match offered.item().map(|item| (item, homes[&std::ptr::from_ref(item)])) {
                Some((item, home)) if home != module => {
                    let path = [home.as_slice(), &[item::names(item).join(", ")]].concat();
                    format!("pub use {};\n", path.join("::"))
                }
                _ => package.show(offered),
            });
        }
        shown.sort_unstable();
        for item in shown {
            text.push_str(&item);
            text.push('\n');
        }
    }
    let macros = package.macros();
    if !macros.is_empty() {
        text.push_str(&format!(
            "# macros of {name} that declare types or methods\n\n{}\n",
            macros.join("\n")
        ));
    }
    text
}
