//! Keeps the greatest of many numbers above zero, and whose they are.

/// The greatest of many keys.
#[derive(Debug, Default)]
pub(super) struct Greatest {
    keys: Vec<u64>,
    /// What is not above it is not among them.
    floor: u64,
    wanted: usize,
    /// Whether any was let go.
    is_full: bool,
}

impl Greatest {
    pub(super) fn begin(&mut self, wanted: usize) {
        self.keys.clear();
        (self.floor, self.wanted, self.is_full) = (0, wanted, false);
    }

    #[inline]
    pub(super) fn push(&mut self, key: u64) {
        if key > self.floor {
            self.keys.push(key);
            if self.keys.len() >= self.wanted.saturating_mul(2).max(64) {
                self.cut();
            }
        }
    }

    #[cold]
    fn cut(&mut self) {
        if self.wanted < self.keys.len() {
            let (_, least, _) = self.keys.select_nth_unstable_by(self.wanted, |a, b| b.cmp(a));
            self.floor = *least;
            self.keys.truncate(self.wanted);
            self.is_full = true;
        }
    }

    /// The greatest, in falling order, and whether there were more.
    pub(super) fn finish(&mut self) -> (&mut [u64], bool) {
        self.cut();
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        (&mut self.keys, self.is_full)
    }

    pub(super) fn keys(&self) -> &[u64] {
        &self.keys
    }
}

/// A number above zero and whose it is, so that greater numbers are greater keys, and of equal ones the lower index.
pub(super) fn key(number: f32, of: u32) -> u64 {
    u64::from(number.to_bits()) << 32 | u64::from(!of)
}

/// Whose the number is.
pub(super) fn index_of(key: u64) -> u32 {
    // The lower half.
    !(key as u32)
}

/// The number.
pub(super) fn number_of(key: u64) -> f32 {
    f32::from_bits((key >> 32) as u32)
}
