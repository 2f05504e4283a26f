//! Paths: values of `Filename` options, and of other options that contain a
//! path.

use std::path::{Path, PathBuf};

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, only};
use crate::info::ConfigType;

/// Returns true if an option of this type may contain a path.
fn holds_a_path(ty: &ConfigType) -> bool {
    use ConfigType::{Dependent, Filename, LineList, Other, String};
    matches!(ty, Filename | String | LineList | Dependent | Other(_))
}

/// Supports `Filename` options, and text options that are paths. A path that
/// isn't UTF-8 or contains a line end is rejected. An empty path unsets the
/// option. tor resolves a relative path from its own working directory.
impl ToConfigValue for Path {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if !holds_a_path(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a path" });
        }
        self.to_str().ok_or(ConfigValueProblem::NotUtf8)?.to_config(ty)
    }
}

/// Converts the path in the same way as a `Path`.
impl ToConfigValue for PathBuf {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        self.as_path().to_config(ty)
    }
}

/// Supports `Filename` options, and text options that are paths. Bytes that
/// aren't UTF-8 are already U+FFFD in the given lines.
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
    fn path_that_is_not_utf8_is_rejected() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(OsStr::from_bytes(b"/tmp/\xff"));
        assert_eq!(path.to_config(&ConfigType::Filename), Err(ConfigValueProblem::NotUtf8));
    }

    #[test]
    fn path_is_rejected_for_other_types() {
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
        fn path_round_trip(path in "[^\0\r\n]+") {
            let path = PathBuf::from(path);
            let lines = path.to_config(&ConfigType::Filename).unwrap();
            prop_assert_eq!(PathBuf::from_config(&ConfigType::Filename, &lines), Ok(path));
        }
    }
}
