//! Types with private fields, serialized as objects with the values of their
//! methods.

/// Serializes a type as an object. Each field has the name of its method.
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
