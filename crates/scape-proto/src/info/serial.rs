//! Serialized forms of the types in `info`.

use crate::info::{ListenerAddress, LocalTime};

as_text! { ListenerAddress, LocalTime }
