//! Paths: `Filename` options, and others that hold one.

use std::path::{Path, PathBuf};

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, only};
use crate::protocol::ConfigType;

/// Whether an option of this type may hold a path.
fn holds_a_path(ty: &ConfigType) -> bool {
    use ConfigType::{Dependent, Filename, LineList, Other, String};
    matches!(ty, Filename | String | LineList | Dependent | Other(_))
}

/// For `Filename` options, and for texts that are paths. One that is not UTF-8,
/// or has a line end, is refused; an empty one is as none. tor reads a relative
/// path from its own working directory.
impl ToConfigValue for Path {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if !holds_a_path(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a path" });
        }
        self.to_str().ok_or(ConfigValueProblem::NotUtf8)?.to_config(ty)
    }
}

/// As `Path`.
impl ToConfigValue for PathBuf {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        self.as_path().to_config(ty)
    }
}

/// For `Filename` options, and for texts that are paths. Bytes that are not
/// UTF-8 have become U+FFFD already.
impl FromConfigValue for PathBuf {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match holds_a_path(ty) {
            true => only(lines).map(PathBuf::from),
            false => Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a path" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[cfg(unix)]
    #[test]
    fn what_tor_could_not_be_told_is_refused() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(OsStr::from_bytes(b"/tmp/\xff"));
        assert_eq!(path.to_config(&ConfigType::Filename), Err(ConfigValueProblem::NotUtf8));
    }

    #[test]
    fn only_where_paths_are() {
        let path = Path::new("/a b/c");
        assert_eq!(path.to_config(&ConfigType::Dependent), Ok(vec!["/a b/c".to_owned()]));
        assert!(path.to_config(&ConfigType::CommaList).is_err());
        assert!(PathBuf::from_config(&ConfigType::Boolean, &["1".to_owned()]).is_err());
        assert_eq!(
            PathBuf::from_config(&ConfigType::Filename, &[]),
            Err(ConfigValueProblem::Unset)
        );
        assert_eq!(
            Path::new("/a\0").to_config(&ConfigType::Filename),
            Err(ConfigValueProblem::Nul { position: 2 })
        );
    }

    proptest! {
        #[test]
        fn they_go_there_and_back(path in "[^\0\r\n]+") {
            let path = PathBuf::from(path);
            let lines = path.to_config(&ConfigType::Filename).unwrap();
            prop_assert_eq!(PathBuf::from_config(&ConfigType::Filename, &lines), Ok(path));
        }
    }
}
