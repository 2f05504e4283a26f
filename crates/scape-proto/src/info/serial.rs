//! Serialized forms of this module's types.

use crate::info::{ListenerAddress, LocalTime};

as_text! { ListenerAddress, LocalTime }
