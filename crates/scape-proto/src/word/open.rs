//! The macro that declares open enums.

/// Declares an open enum: known keywords become variants, and any other text is
/// kept unchanged in `Other`.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal, )*
        }
    ) => {
        $(#[$meta])*
        ///
        /// This is an open set: a keyword that this version of the library
        /// doesn't know becomes `Other`. Convert text with
        #[doc = concat!("[`From<&str>`](#impl-From<%26str>-for-", stringify!($name), "),")]
        /// which never fails, instead of creating `Other` directly.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )*
            /// A keyword that this version of the library doesn't know, as tor
            /// wrote it.
            Other(Box<str>),
        }

        impl $name {
            /// All keywords that this version of the library knows.
            pub const KNOWN: &'static [$name] = &[ $( $name::$variant, )* ];

            /// Returns the keyword as tor writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $( $name::$variant => $text, )*
                    $name::Other(text) => text,
                }
            }

            /// Returns true if this version of the library knows the keyword.
            pub fn is_recognized(&self) -> bool {
                !matches!(self, $name::Other(_))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => $name::$variant, )*
                    other => $name::Other(other.into()),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, std::convert::Infallible> {
                Ok(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        as_any_text!($name);
    };
}

#[cfg(test)]
mod tests {
    use crate::event::{CircuitStatus, EventKind};

    #[test]
    fn known_keyword_round_trip() {
        for kind in EventKind::KNOWN {
            assert!(kind.is_recognized());
            assert_eq!(EventKind::from(kind.as_str()), *kind);
        }
    }

    #[test]
    fn unknown_keyword_is_kept() {
        let status = CircuitStatus::from("SIMMERING");
        assert!(!status.is_recognized());
        assert_eq!(status.to_string(), "SIMMERING");
        assert_eq!("BUILT".parse(), Ok(CircuitStatus::Built));
    }
}
