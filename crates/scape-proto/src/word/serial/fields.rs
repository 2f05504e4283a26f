//! Serializes types with private fields as objects. The fields of such an
//! object are named after the methods of the type.

/// Implements `Serialize` for a type with private fields. The result is an
/// object whose fields are named after methods of the type.
macro_rules! fields {
    ($name:literal, |$value:ident: $type:ty| { $($field:ident: $shown:expr),* $(,)? }) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;

                let $value = self;
                let count = [$(stringify!($field)),*].len();
                let mut object = serializer.serialize_struct($name, count)?;
                $( object.serialize_field(stringify!($field), &$shown)?; )*
                object.end()
            }
        }
    };
}
