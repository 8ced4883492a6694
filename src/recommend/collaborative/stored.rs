//! The stored form of a fitted model.

use serde::{Deserialize, Serialize};

use super::lowpass::LowPass;
use super::{Collaborative, CollaborativeSettings};
use crate::hash::Symbol;
use crate::linalg::Sparse;
use crate::recommend::settings::RecommendError;
use crate::state::{Frame, StateError, encode};

const KIND: &str = "collaborative";
const VERSION: u16 = 1;

impl Collaborative {
    /// The model as bytes, in one frame as [states](crate::state) have: it is stored, but does not merge.
    ///
    /// # Errors
    /// [`StateError::Encode`] if a value cannot be written, which does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        let stored = Stored {
            settings: self.settings,
            items: self.items.clone(),
            lengths: self.rows.rows().map(|row| row.len() as u32).collect(),
            columns: self.rows.rows().flatten().copied().collect(),
            trends: self.trends.clone(),
            rank: self.lowpass.rank as u32,
            factors: self.lowpass.factors.clone(),
            cells: self.lowpass.bytes(),
        };
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
        let Stored { settings, items, lengths, columns, trends, rank, factors, cells } = stored;
        let mut rows = Sparse::new(items.len());
        let mut rest = columns.as_slice();
        for length in lengths {
            let Some((row, behind)) = rest.split_at_checked(length as usize) else {
                return Err(RecommendError::Disorder);
            };
            let is_sound =
                row.is_sorted_by(|a, b| a < b) && row.last().is_none_or(|last| (*last as usize) < items.len());
            if !is_sound {
                return Err(RecommendError::Disorder);
            }
            rows.push_row(row.iter().copied());
            rest = behind;
        }
        if !(rest.is_empty() && trends.len() == items.len()) {
            return Err(RecommendError::Disorder);
        }
        if !factors.iter().chain(&trends).all(|factor| factor.is_finite() && *factor >= 0.0) {
            return Err(RecommendError::Weight);
        }
        let is_whole = rank == 0 || factors.len() == items.len();
        let lowpass = LowPass::read(rank as usize, &cells, factors).filter(|_| is_whole);
        let model = Self::assemble(settings, items, rows, trends, lowpass.ok_or(RecommendError::Disorder)?)?;
        // Which of two items with one name is meant, cannot be said.
        if model.index.len() < model.items.len() { Err(RecommendError::Disorder) } else { Ok(model) }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    settings: CollaborativeSettings,
    items: Vec<Symbol>,
    /// How many items each person has.
    lengths: Vec<u32>,
    /// These items, person after person, in rising order.
    columns: Vec<u32>,
    /// Each item's.
    trends: Vec<f32>,
    rank: u32,
    factors: Vec<f32>,
    cells: Vec<u8>,
}
