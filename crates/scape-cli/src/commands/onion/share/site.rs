//! The files that are shared, and the paths at which visitors find them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::page::{Entry, encode};
use crate::base::failure::Failure;

/// The shared files and folders, and the rules for what visitors can see of
/// them.
#[derive(Debug)]
pub(super) struct Site {
    root: Root,
    hidden: bool,
    /// The files and folders that are never served, because they contain keys.
    /// The paths are canonical.
    secret: Vec<PathBuf>,
}

#[derive(Debug)]
enum Root {
    /// A folder that is the whole site. The path is canonical.
    Folder(PathBuf),
    /// The files and folders that the site lists, each with its name on the
    /// site and its canonical path.
    List(Vec<(String, PathBuf)>),
}

/// The content that the site has for a requested path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    File(PathBuf),
    /// The entries of a folder or of the whole site. The visitor gets a page
    /// that lists them.
    Listing(Vec<Entry>),
    /// The same path with a slash at the end. The visitor is redirected to it,
    /// because the path is a folder.
    Elsewhere(String),
}

/// The reason why the site has no content for a requested path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    BadPath,
    NotFound,
}

impl Site {
    /// Creates a site from these files and folders, which must exist. If
    /// `hidden` is true, files whose names begin with a dot are shared, too.
    pub(super) fn new(paths: &[PathBuf], hidden: bool) -> Result<Self, Failure> {
        let mut list: Vec<(String, PathBuf)> = Vec::new();
        for path in paths {
            let failed =
                |why: &str| Failure::usage(format_args!("cannot share {}: {why}", path.display()));
            let real = path.canonicalize().map_err(|error| failed(&error.to_string()))?;
            if real.is_dir() && paths.len() == 1 {
                return Ok(Site { root: Root::Folder(real), hidden, secret: Vec::new() });
            }
            if !real.is_dir() && !real.is_file() {
                return Err(failed("it is neither a file nor a folder"));
            }
            // A path such as `..` has no name of its own, so the name of the
            // real folder is used.
            let name = path.file_name().or(real.file_name()).and_then(|name| name.to_str());
            let name = name.ok_or_else(|| failed("its name isn't UTF-8"))?.to_owned();
            if list.iter().any(|(other, _)| *other == name) {
                return Err(failed("another of the paths has the same name"));
            }
            list.push((name, real));
        }
        Ok(Site { root: Root::List(list), hidden, secret: Vec::new() })
    }

    /// Excludes a file or folder, which need not exist yet, from the site.
    /// Returns true if it is in one of the shared folders.
    pub(super) fn protect(&mut self, path: &Path) -> bool {
        // A link and the file that it leads to are both protected.
        let parent = path.parent().and_then(future);
        let named = parent.zip(path.file_name()).map(|(parent, name)| parent.join(name));
        let places: Vec<PathBuf> = named.into_iter().chain(path.canonicalize().ok()).collect();
        let shared: Vec<&PathBuf> = match &self.root {
            Root::Folder(folder) => vec![folder],
            Root::List(list) => list.iter().map(|(_, path)| path).collect(),
        };
        let is_shared =
            places.iter().any(|place| shared.iter().any(|shared| place.starts_with(shared)));
        self.secret.extend(places);
        is_shared
    }

    /// Returns the path that visitors should open first, without a slash in
    /// front.
    pub(super) fn start(&self) -> String {
        match &self.root {
            Root::List(list) => match list.as_slice() {
                [(name, path)] if path.is_file() => encode(name),
                _ => String::new(),
            },
            Root::Folder(_) => String::new(),
        }
    }

    /// Finds the content for the target of a request, such as `/a%20b/c?d`.
    /// Never returns a file outside of the shared files.
    pub(super) fn find(&self, target: &str) -> Result<Content, Missing> {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_prefix('/').ok_or(Missing::BadPath)?;
        let mut names = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            names.push(decode(part).ok_or(Missing::BadPath)?);
        }
        let ends_with_slash = path.is_empty() || path.ends_with('/');
        let (base, rest) = match &self.root {
            Root::Folder(folder) => (folder, names.as_slice()),
            Root::List(list) => {
                let Some((first, rest)) = names.split_first() else {
                    return Ok(Content::Listing(self.list(list)));
                };
                let found = list.iter().find(|(name, _)| name == first);
                (&found.ok_or(Missing::NotFound)?.1, rest)
            }
        };
        let real = self.below(base, rest).ok_or(Missing::NotFound)?;
        if !real.is_dir() {
            return match real.is_file() && !ends_with_slash {
                true => Ok(Content::File(real)),
                false => Err(Missing::NotFound),
            };
        }
        if !ends_with_slash {
            // The path is built from its parts again, because two slashes at
            // the beginning would lead to another host.
            let names: Vec<String> = names.iter().map(|name| encode(name)).collect();
            return Ok(Content::Elsewhere(format!("/{}/", names.join("/"))));
        }
        match self.below(base, &[rest, &["index.html".to_owned()]].concat()) {
            Some(index) if index.is_file() => Ok(Content::File(index)),
            _ => Ok(Content::Listing(self.entries(base, &real))),
        }
    }

    /// Returns the canonical path of the file or folder that `names` lead to
    /// from `base`. Returns `None` if it doesn't exist, is hidden or secret, or
    /// is outside of `base` because of a link.
    fn below(&self, base: &Path, names: &[String]) -> Option<PathBuf> {
        let mut wanted = base.to_path_buf();
        for name in names {
            // Names such as `..`, or the drive of another system, are rejected.
            let mut parts = Path::new(name).components();
            let is_plain =
                matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
            if !is_plain || name.contains(['/', '\\', '\0']) || !self.shows(name) {
                return None;
            }
            wanted.push(name);
        }
        let real = wanted.canonicalize().ok()?;
        // A link may also lead to a hidden file, so the real path is checked,
        // too.
        let inside = real.strip_prefix(base).ok()?;
        let is_shown = inside.iter().all(|name| self.shows(&name.to_string_lossy()));
        let is_secret = self.secret.iter().any(|secret| real.starts_with(secret));
        (is_shown && !is_secret).then_some(real)
    }

    fn shows(&self, name: &str) -> bool {
        self.hidden || !name.starts_with('.')
    }

    /// Returns the entries of `folder`, which is in `base`, that visitors can
    /// see.
    fn entries(&self, base: &Path, folder: &Path) -> Vec<Entry> {
        let Ok(inside) = folder.strip_prefix(base) else { return Vec::new() };
        let above: Vec<String> =
            inside.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let mut entries = Vec::new();
        for file in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = file.file_name().into_string() else { continue };
            let names = [above.as_slice(), std::slice::from_ref(&name)].concat();
            let real = self.below(base, &names);
            entries.extend(real.and_then(|real| Entry::new(name, &real)));
        }
        entries
    }

    fn list(&self, list: &[(String, PathBuf)]) -> Vec<Entry> {
        let shown = list.iter().filter(|(_, path)| self.below(path, &[]).is_some());
        shown.filter_map(|(name, path)| Entry::new(name.clone(), path)).collect()
    }
}

/// Returns the canonical path of a folder. If the folder doesn't exist, this is
/// the path that it will have once it is created. Returns `None` if the path
/// can't be resolved.
fn future(folder: &Path) -> Option<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = std::path::absolute(folder).ok()?;
    let exists = |above: &Path| Some((above.canonicalize().ok()?, above.to_path_buf()));
    let (mut real, above) = folder.ancestors().find_map(exists)?;
    // A folder that doesn't exist isn't a symbolic link, so `..` leads to the
    // folder above.
    for part in folder.strip_prefix(above).ok()?.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    Some(real)
}

/// Decodes percent escapes: `%41` is `A`. Returns `None` if an escape is
/// malformed, or if the result isn't UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [char::from(rest.next()?), char::from(rest.next()?)];
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        fs::create_dir_all(site.join("sub/.git")).unwrap();
        for name in ["site/a b.txt", "site/.secret", "site/sub/.git/config", "outside"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        symlink("../outside", site.join("out")).unwrap();
        symlink("..", site.join("up")).unwrap();
        symlink("a b.txt", site.join("in")).unwrap();
        symlink("sub/.git", site.join("git")).unwrap();
        symlink("nowhere", site.join("broken")).unwrap();
        folder
    }

    fn names(content: Result<Content, Missing>) -> Vec<String> {
        match content {
            Ok(Content::Listing(entries)) => {
                let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
                names.sort();
                names
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_outside_of_the_folder_is_found() {
        let folder = folder();
        let root = folder.path().join("site").canonicalize().unwrap();
        let site = Site::new(std::slice::from_ref(&root), false).unwrap();
        let file = Ok(Content::File(root.join("a b.txt")));
        for path in ["/a%20b.txt", "/a b.txt?x", "//a%20b.txt", "/in"] {
            assert_eq!(site.find(path), file, "{path}");
        }
        for path in [
            "/../outside",
            "/%2e%2e/outside",
            "/sub/../../outside",
            "/..%2foutside",
            "/out",
            "/up/outside",
            "/up/",
            "/broken",
            "/.secret",
            "/sub/.git/config",
            "/git/config",
            "/a%20b.txt/",
            "/a%20b.txt/x",
            "/a%00b",
            "/nothing",
        ] {
            assert_eq!(site.find(path), Err(Missing::NotFound), "{path}");
        }
        for path in ["", "a", "http://x/", "/%", "/%ff", "/%zz", "/%+1"] {
            assert_eq!(site.find(path), Err(Missing::BadPath), "{path}");
        }
        assert_eq!(names(site.find("/")), ["a b.txt", "in", "sub"]);
        assert_eq!(site.find("//sub"), Ok(Content::Elsewhere("/sub/".into())));
        assert_eq!(names(site.find("/sub/")), [""; 0]);
        let all = Site::new(std::slice::from_ref(&root), true).unwrap();
        assert_eq!(all.find("/.secret"), Ok(Content::File(root.join(".secret"))));
        assert_eq!(all.find("/out"), Err(Missing::NotFound));
        fs::write(root.join("index.html"), "x").unwrap();
        assert_eq!(site.find("/"), Ok(Content::File(root.join("index.html"))));
        fs::remove_file(root.join("index.html")).unwrap();
        symlink("../outside", root.join("index.html")).unwrap();
        assert_eq!(names(site.find("/")), ["a b.txt", "in", "sub"]);
    }

    #[test]
    fn keys_are_never_served() {
        let folder = folder();
        let root = folder.path().join("site").canonicalize().unwrap();
        let mut site = Site::new(std::slice::from_ref(&root), true).unwrap();
        assert!(!site.protect(&folder.path().join("outside")));
        assert!(!site.protect(&folder.path().join("nowhere/key")));
        // These folders don't exist yet.
        assert!(site.protect(&root.join("data/keys")));
        assert!(site.protect(&folder.path().join("new/../site/data/scape/a.key")));
        assert!(!site.protect(&root.join("new/../../data/a.key")));
        fs::create_dir_all(root.join("data/keys")).unwrap();
        fs::write(root.join("data/keys/a.key"), "x").unwrap();
        assert_eq!(site.find("/data/keys/a.key"), Err(Missing::NotFound));
        fs::remove_dir_all(root.join("data")).unwrap();
        // These are a file that doesn't exist yet, a link, and a folder.
        assert!(site.protect(&folder.path().join("site/sub/../new.key")));
        assert!(site.protect(&root.join("in")));
        assert!(site.protect(&root.join("sub/.git")));
        fs::write(root.join("new.key"), "x").unwrap();
        for path in ["/new.key", "/a%20b.txt", "/in", "/sub/.git/config", "/git/"] {
            assert_eq!(site.find(path), Err(Missing::NotFound), "{path}");
        }
        assert_eq!(names(site.find("/")), [".secret", "sub"]);
        let mut site = Site::new(&[root.join("a b.txt"), root.join("sub")], false).unwrap();
        assert!(site.protect(&root.join("in")));
        assert_eq!(site.find("/a%20b.txt"), Err(Missing::NotFound));
        assert_eq!(names(site.find("/")), ["sub"]);
    }

    #[test]
    fn several_paths_are_listed() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let site = Site::new(&[at("site"), at("outside")], false).unwrap();
        assert_eq!(names(site.find("/")), ["outside", "site"]);
        let outside = at("outside").canonicalize().unwrap();
        assert_eq!(site.find("/outside"), Ok(Content::File(outside.clone())));
        assert_eq!(site.find("/site"), Ok(Content::Elsewhere("/site/".into())));
        assert_eq!(names(site.find("/site/")), ["a b.txt", "in", "sub"]);
        assert_eq!(site.find("/site/../outside"), Err(Missing::NotFound));
        assert_eq!(site.find("/outside/x"), Err(Missing::NotFound));
        assert_eq!(site.start(), "");
        assert_eq!(Site::new(&[at("site/a b.txt")], false).unwrap().start(), "a%20b.txt");
        assert!(Site::new(&[at("outside"), at("site/up/outside")], false).is_err());
        assert!(Site::new(&[at("nothing")], false).is_err());
    }
}
