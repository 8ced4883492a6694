//! The stored form of a fitted model.

use serde::{Deserialize, Serialize};

use super::{Factor, FactorSettings};
use crate::hash::Symbol;
use crate::recommend::settings::RecommendError;
use crate::state::{Frame, StateError, encode};

const KIND: &str = "factor";
const VERSION: u16 = 1;

impl Factor {
    /// The model as bytes, in one frame as [states](crate::state) have: it is stored, but does not merge.
    ///
    /// # Errors
    /// [`StateError::Encode`] if a value cannot be written, which does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        let stored = Stored { settings: self.settings, items: self.items.clone(), vectors: self.vectors.clone() };
        let mut bytes = Vec::new();
        encode(KIND, VERSION, &stored, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a model back.
    ///
    /// # Errors
    /// A [`StateError`] if the bytes are cut short, damaged, of another kind, of a newer version, or no model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let (frame, rest) = Frame::read(bytes)?;
        if !rest.is_empty() {
            return Err(StateError::Trailing { bytes: rest.len() });
        }
        let stored: Stored = frame.decode(KIND, VERSION)?;
        Self::read(stored).map_err(|_| StateError::Malformed { kind: KIND })
    }

    fn read(stored: Stored) -> Result<Self, RecommendError> {
        let Stored { settings, items, vectors } = stored;
        settings.check()?;
        let fits = items.len().checked_mul(settings.rank as usize) == Some(vectors.len());
        if !(fits && items.is_sorted_by(|a, b| a < b)) {
            return Err(RecommendError::Disorder);
        }
        // Far above what fitting leads to; products of what is below stay finite.
        if !vectors.iter().all(|cell| cell.abs() <= 1e6) {
            return Err(RecommendError::Weight);
        }
        Ok(Self::assemble(settings, items, vectors, 1))
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    settings: FactorSettings,
    items: Vec<Symbol>,
    /// Each item's, one behind the other.
    vectors: Vec<f32>,
}
