//! Code that several integration tests share. Each test is a separate crate and
//! uses a part of it.
#![allow(dead_code)]
#![allow(clippy::disallowed_methods, reason = "tests may read files and the environment")]

pub(crate) mod cases;
pub(crate) mod event;
pub(crate) mod mutation;
pub(crate) mod transcript;
pub(crate) mod unknown_words;
