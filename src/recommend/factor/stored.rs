//! The stored form of a fitted model.

use serde::{Deserialize, Serialize};

use super::{Factor, FactorSettings, Shelf, length};
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
        let (vectors, spectrum) = (self.shelf.vectors().to_vec(), self.spectrum.clone());
        let stored = Stored { settings: self.settings, items: self.items.clone(), vectors, spectrum };
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
        let Stored { settings, items, vectors, spectrum } = stored;
        settings.check()?;
        let rank = settings.rank as usize;
        // Far above what fitting leads to; products of what is below stay finite.
        let is_sound = |size: f64| size <= 1e12;
        if !(vectors.iter().all(|cell| cell.abs() <= 1e6)
            && spectrum.iter().all(|value| *value >= 0.0 && is_sound(*value)))
        {
            return Err(RecommendError::Weight);
        }
        let fits = items.len().checked_mul(rank) == Some(vectors.len()) && spectrum.len() == rank;
        let is_falling = || vectors.chunks_exact(rank).map(length).is_sorted_by(|a, b| a >= b);
        if !(fits && is_falling()) {
            return Err(RecommendError::Disorder);
        }
        let model = Self::assemble(settings, items, Shelf::new(vectors, rank), spectrum);
        // An item twice has one place in the index.
        if model.index.len() < model.items.len() { Err(RecommendError::Disorder) } else { Ok(model) }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    settings: FactorSettings,
    items: Vec<Symbol>,
    /// Each item's, one behind the other, the longest first.
    vectors: Vec<f32>,
    spectrum: Vec<f64>,
}
