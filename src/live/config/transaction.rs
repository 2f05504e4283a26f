//! [`Transaction`]: changes that are on their way to tor.

use std::sync::Arc;

use super::model::Model;
use super::shared::Shared;
use crate::error::Result;
use scape_proto::control::{ConfLine, Refusal};

/// Changes that are sent to tor and that tor hasn't answered yet.
///
/// Another program may change an option shortly before this program does. Then
/// tor's report of the other program's change may come after this program has
/// sent its own change. While the transaction is open, the [`Model`] recognizes
/// that the reported change may have been overwritten. The caller locks the
/// model, compares the changes to tor's values, and begins the transaction
/// before releasing the lock. The transaction must be [ended](Self::end) with
/// the outcome.
#[must_use = "a transaction must be ended with tor's answer"]
pub(super) struct Transaction {
    shared: Arc<Shared>,
    /// The options and groups that are set, each with its lines.
    units: Vec<(String, Vec<ConfLine>)>,
}

impl Transaction {
    /// Begins a transaction. `model` is the locked model of `shared`.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        model: &mut Model,
        units: Vec<(String, Vec<ConfLine>)>,
    ) -> Transaction {
        model.setting(&units);
        Transaction { shared: shared.clone(), units }
    }

    /// Records the outcome in the model.
    pub(super) fn end(self, outcome: &Result<()>) {
        let mut model = self.shared.model();
        match outcome {
            Ok(()) => model.was_set(&self.units),
            Err(error) if error.is::<Refusal>() => model.was_refused(&self.units),
            // Nobody knows whether tor has made the changes, so it will be
            // asked.
            Err(_) => model.was_cut_off(&self.units),
        }
    }
}
