//! The macro behind every open set of keywords.

/// Declares an open enum: known keywords as variants, anything else as `Other`,
/// kept as it came.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal, )*
        }
    ) => {
        $(#[$meta])*
        ///
        /// An open set: a keyword that this version does not know becomes
        /// `Other`. Make values from text with
        /// [`From<&str>`](#impl-From<%26str>-for-
        #[doc = concat!(stringify!($name), "), which never fails, rather than with `Other`.")]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )*
            /// A keyword that this version of the library does not know, as tor
            /// wrote it.
            Other(Box<str>),
        }

        impl $name {
            /// Every keyword that this version knows.
            pub const KNOWN: &'static [$name] = &[ $( $name::$variant, )* ];

            /// The keyword as tor writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $( $name::$variant => $text, )*
                    $name::Other(text) => text,
                }
            }

            /// Whether this version of the library knows the keyword.
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
    };
}

#[cfg(test)]
mod tests {
    use crate::event::{CircuitStatus, EventKind};

    #[test]
    fn every_known_keyword_goes_there_and_back() {
        for kind in EventKind::KNOWN {
            assert!(kind.is_recognized());
            assert_eq!(EventKind::from(kind.as_str()), *kind);
        }
    }

    #[test]
    fn an_unknown_keyword_is_kept() {
        let status = CircuitStatus::from("SIMMERING");
        assert!(!status.is_recognized());
        assert_eq!(status.to_string(), "SIMMERING");
        assert_eq!("BUILT".parse(), Ok(CircuitStatus::Built));
    }
}
