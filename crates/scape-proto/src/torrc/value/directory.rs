//! Values of the options `DirAuthority`, `AlternateDirAuthority` and
//! `FallbackDir`.

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, only};
use crate::info::ConfigType;
use crate::netdoc::{DirectoryAuthority, FallbackDirectory};

fn holds_directories(ty: &ConfigType) -> bool {
    matches!(ty, ConfigType::LineList | ConfigType::Dependent | ConfigType::Other(_))
}

/// Implements the conversions for a type that describes a directory server. A
/// value is rejected if tor would read the value's line as something else.
macro_rules! directory {
    ($type:ty, $rust:literal, $in_line:expr) => {
        impl ToConfigValue for $type {
            fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
                if !holds_directories(ty) {
                    return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: $rust });
                }
                let line = self.to_string();
                let in_line: fn(&$type) -> $type = $in_line;
                let is_read_again = line.parse::<$type>().is_ok_and(|read| read == in_line(self));
                match is_read_again && !line.contains(char::is_control) {
                    true => line.to_config(ty),
                    false => Err(ConfigValueProblem::Unwritable { rust: $rust }),
                }
            }
        }

        impl FromConfigValue for $type {
            fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
                if !holds_directories(ty) {
                    return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: $rust });
                }
                only(lines)?.parse().map_err(|_| ConfigValueProblem::Unreadable { rust: $rust })
            }
        }
    };
}

directory!(DirectoryAuthority, "a DirectoryAuthority", Clone::clone);
directory!(FallbackDirectory, "a FallbackDirectory", |fallback| {
    // The line has no place for these two fields.
    FallbackDirectory { nickname: None, caches_extra_info: None, ..fallback.clone() }
});

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORITY: &str = "auth orport=5001 v3ident=596CD48D61FDA4E868F4AA10FF559917BE3B1A35 \
        127.0.0.1:7001 9FBF54D6A62364320308A615BF4CF6B27B254FAD";
    const FALLBACK: &str = "127.0.0.1 orport=5002 id=9FBF54D6A62364320308A615BF4CF6B27B254FAD";

    #[test]
    fn directories_are_lines_of_a_list() {
        let lines = [AUTHORITY.to_owned()];
        let all = Vec::<DirectoryAuthority>::from_config(&ConfigType::LineList, &lines).unwrap();
        assert_eq!(all.to_config(&ConfigType::LineList).unwrap(), lines);
        let mut fallback =
            FallbackDirectory::from_config(&ConfigType::LineList, &[FALLBACK.to_owned()]).unwrap();
        fallback.nickname = Some("fallback".into());
        assert_eq!(fallback.to_config(&ConfigType::LineList).unwrap(), [FALLBACK]);
        assert!(fallback.to_config(&ConfigType::String).is_err());
        assert!(FallbackDirectory::from_config(&ConfigType::LineList, &lines).is_err());
    }

    #[test]
    fn directory_that_would_change_is_rejected() {
        for flag in ["a b", "1", "a\n", "", "bridge"] {
            let mut authority: DirectoryAuthority = AUTHORITY.parse().unwrap();
            authority.other_flags.push(flag.into());
            let is_written = authority.to_config(&ConfigType::LineList).is_ok();
            assert!(!is_written, "{flag:?}");
        }
        let mut authority: DirectoryAuthority = AUTHORITY.parse().unwrap();
        authority.nickname = Some("a b".into());
        assert!(authority.to_config(&ConfigType::LineList).is_err());
    }
}
