//! `Debug` for errors.

/// Implements `Debug` for errors as their text. A `main` that returns an error
/// prints the error with `Debug`, so users see this text.
macro_rules! error_debug {
    ($name:ty) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
