//! Reads a package's modules, and finds the items in them that users can name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{Item, ItemImpl, ItemUse, UseTree, Visibility};

use super::item;

/// The path of a module, without the package's name.
pub(crate) type ModulePath = Vec<String>;

pub(crate) struct Package {
    modules: BTreeMap<ModulePath, Module>,
    /// All `impl Type` and `impl Trait for Type` blocks of the package.
    impls: Vec<ItemImpl>,
}

#[derive(Default)]
pub(crate) struct Module {
    items: Vec<Item>,
    /// The names of the public submodules.
    public: Vec<String>,
    uses: Vec<Reexport>,
    /// The `#[cfg(…)]` attributes of the submodules, by name, such as
    /// `#[cfg(feature = "http")]`.
    conditions: BTreeMap<String, String>,
}

/// One name that a `pub use` exports.
struct Reexport {
    /// The path in the `pub use`: `crate`, `self`, `super` and names.
    path: Vec<String>,
    name: String,
    /// The `#[cfg(…)]` attribute of the whole `pub use`, or an empty text.
    condition: String,
}

/// The module or item that a path leads to.
enum Target<'a> {
    Module(ModulePath),
    /// The item, and the module that declares it.
    Item(&'a Item, &'a Module),
    /// The path of an item of another package.
    Foreign(String),
}

/// An item that users can name in a public module. `Foreign` contains the path
/// of an item of another package.
pub(crate) enum Offered<'a> {
    /// The item, and the module that declares it.
    Item(&'a Item, &'a Module),
    Foreign(String),
}

/// A module that users can name.
pub(crate) struct Public<'a> {
    /// The module's `#[cfg(…)]` attribute, such as `#[cfg(feature = "http")]`,
    /// or an empty text.
    pub(crate) condition: String,
    pub(crate) items: Vec<Offered<'a>>,
}

impl Offered<'_> {
    pub(crate) fn item(&self) -> Option<&Item> {
        match self {
            Offered::Item(item, _) => Some(item),
            Offered::Foreign(_) => None,
        }
    }
}

impl Package {
    pub(crate) fn read(folder: &Path) -> Package {
        let mut package = Package { modules: BTreeMap::new(), impls: Vec::new() };
        let file = syn::parse_file(&fs::read_to_string(folder.join("lib.rs")).unwrap()).unwrap();
        package.add(Vec::new(), file.items, folder);
        package
    }

    /// Adds the module with the path `path` and the items `items`. The files of
    /// its submodules are in `folder`.
    fn add(&mut self, path: ModulePath, items: Vec<Item>, folder: &Path) {
        let mut module = Module::default();
        for item in items {
            match item {
                item if item::is_test(&item) => {}
                Item::Mod(declared) => {
                    let name = declared.ident.to_string();
                    module.conditions.insert(name.clone(), item::condition(&declared.attrs));
                    if matches!(declared.vis, Visibility::Public(_))
                        && !item::is_hidden(&declared.attrs)
                    {
                        module.public.push(name.clone());
                    }
                    let inner = folder.join(&name);
                    let items = match declared.content {
                        Some((_, items)) => items,
                        None => {
                            let beside = folder.join(format!("{name}.rs"));
                            let file = if beside.exists() { beside } else { inner.join("mod.rs") };
                            syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap().items
                        }
                    };
                    self.add([path.clone(), vec![name]].concat(), items, &inner);
                }
                Item::Use(ItemUse { vis: Visibility::Public(_), tree, attrs, .. }) => {
                    if !item::is_hidden(&attrs) {
                        collect(&tree, Vec::new(), &item::condition(&attrs), &mut module.uses);
                    }
                }
                Item::Impl(block) => self.impls.push(block),
                item => module.items.push(item),
            }
        }
        self.modules.insert(path, module);
    }

    /// Returns the modules that users can name, with the items in them that
    /// users can name.
    pub(crate) fn public_modules(&self) -> BTreeMap<ModulePath, Public<'_>> {
        let mut found = BTreeMap::new();
        // Each entry has a public path, a path in the source, and a condition.
        let mut open = vec![(ModulePath::new(), ModulePath::new(), String::new())];
        while let Some((public, path, condition)) = open.pop() {
            let Some(module) = self.modules.get(&path) else { continue };
            let public_items = module.items.iter().filter(|item| item::is_public(item));
            let mut offered: Vec<Offered<'_>> =
                public_items.map(|item| Offered::Item(item, module)).collect();
            let below =
                |base: &ModulePath, name: &str| [base.clone(), vec![name.to_owned()]].concat();
            for name in &module.public {
                let condition = module.conditions.get(name).cloned().unwrap_or_default();
                open.push((below(&public, name), below(&path, name), condition));
            }
            for reexport in &module.uses {
                match self.resolve(&path, &reexport.path) {
                    Target::Module(target) => {
                        let condition = reexport.condition.clone();
                        open.push((below(&public, &reexport.name), target, condition));
                    }
                    Target::Item(item, module) => offered.push(Offered::Item(item, module)),
                    Target::Foreign(path) => offered.push(Offered::Foreign(path)),
                }
            }
            found.insert(public, Public { condition, items: offered });
        }
        found
    }

    /// Returns the module or item that a path in the module `here` leads to.
    fn resolve(&self, here: &ModulePath, path: &[String]) -> Target<'_> {
        let mut module = here.clone();
        let mut rest = path;
        let mut is_own = false;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => drop(module.pop()),
                _ => break,
            }
            is_own = true;
            rest = after;
        }
        while let Some((name, after)) = rest.split_first() {
            let below = [module.clone(), vec![name.clone()]].concat();
            // A function may have the name of the private module that it is in.
            let is_item = |known: &Module| {
                after.is_empty()
                    && !known.public.contains(name)
                    && known.uses.iter().any(|reexport| reexport.name == *name)
            };
            if self.modules.contains_key(&below) && !self.modules.get(&module).is_some_and(is_item)
            {
                (module, rest, is_own) = (below, after, true);
                continue;
            }
            let known = self.modules.get(&module);
            let has_name = |item: &&Item| item::names(item).contains(name);
            if let Some((item, module)) =
                known.and_then(|known| Some((known.items.iter().find(has_name)?, known)))
            {
                return Target::Item(item, module);
            }
            let reexport =
                known.and_then(|known| known.uses.iter().find(|reexport| reexport.name == *name));
            match reexport.filter(|reexport| reexport.path != path) {
                Some(reexport) => match self.resolve(&module, &reexport.path) {
                    Target::Module(target) => (module, rest, is_own) = (target, after, true),
                    target => return target,
                },
                None if is_own => panic!("{} in {here:?} leads nowhere", path.join("::")),
                None => return Target::Foreign(path.join("::")),
            }
        }
        Target::Module(module)
    }

    /// Returns the texts of the macros whose calls declare public types or
    /// methods. Also returns the texts of the calls that declare methods.
    pub(crate) fn macros(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for module in self.modules.values() {
            texts.extend(module.items.iter().filter_map(item::definition));
            for definition in &module.items {
                let Some(name) = item::declares_methods(definition) else { continue };
                texts.push(item::declaration(definition));
                texts.extend(module.items.iter().filter_map(|item| item::call(item, name)));
            }
        }
        texts
    }

    /// Returns the text of an item with its methods and the traits that it
    /// implements.
    pub(crate) fn show(&self, offered: &Offered<'_>) -> String {
        match offered {
            Offered::Foreign(path) => format!("pub use {path};\n"),
            Offered::Item(item, module) => item::show(item, &module.items, &self.impls),
        }
    }
}

fn collect(tree: &UseTree, mut path: Vec<String>, condition: &str, found: &mut Vec<Reexport>) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            collect(&part.tree, path, condition, found);
        }
        UseTree::Name(last) => {
            let name = last.ident.to_string();
            path.push(name.clone());
            found.push(Reexport { path, name, condition: condition.to_owned() });
        }
        UseTree::Rename(last) => {
            path.push(last.ident.to_string());
            let (name, condition) = (last.rename.to_string(), condition.to_owned());
            found.push(Reexport { path, name, condition });
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| collect(tree, path.clone(), condition, found));
        }
        UseTree::Glob(_) => panic!("`pub use {}::*` hides names", path.join("::")),
    }
}
