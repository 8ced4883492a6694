//! What was learned, as a value: merging, and framed snapshots.
//!
//! A [`State`] merges by one law, `fold(xs ++ ys) == merge(fold(xs), fold(ys))`, with a fresh state as identity, and
//! is stored as a *frame*: a header that says what is inside and in which version, the payload, and a checksum over
//! both. The payload is [postcard](https://postcard.jamesmunns.com/wire-format), whose wire format is published and
//! stable.
//!
//! ```text
//! 0   4   "BSPK"
//! 4   2   version of the payload, little endian
//! 6   2   length of the kind's name
//! 8   8   length of the payload
//! 16  8   XXH3-64 of everything else in the frame
//! 24  …   kind, payload
//! ```

pub(crate) mod packed;

use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};

use crate::hash::checksum;

/// Something learned that can be merged and stored.
pub trait State: Serialize + DeserializeOwned {
    /// The name of the kind of state, stored with it so that one is not taken for another.
    const KIND: &'static str;
    /// The version of the stored form; rises with every change to it.
    const VERSION: u16;

    /// Takes in what another state has learned from other events.
    fn merge(&mut self, other: &Self);

    /// The state as bytes, in one frame.
    ///
    /// # Errors
    /// [`StateError::Encode`] if a value cannot be written, which no state of this crate does.
    fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        encode(Self::KIND, Self::VERSION, self, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a state back.
    ///
    /// # Errors
    /// A [`StateError`] if the bytes are cut short, damaged, of another kind, or of a newer version.
    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let (frame, rest) = Frame::read(bytes)?;
        if !rest.is_empty() {
            return Err(StateError::Trailing { bytes: rest.len() });
        }
        frame.decode(Self::KIND, Self::VERSION)
    }
}

/// Why stored bytes are not the state that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The bytes end too early.
    #[error("the snapshot is cut short: {wanted} bytes were announced, {found} are there")]
    CutShort {
        /// How many bytes there should be from where the frame begins.
        wanted: u64,
        /// How many there are.
        found: u64,
    },
    /// The bytes do not begin as a frame does.
    #[error("these bytes are not a snapshot: they do not begin with `BSPK`")]
    NotASnapshot,
    /// The checksum does not fit.
    #[error("the snapshot is damaged: its checksum does not fit; take another copy")]
    Damaged,
    /// The frame holds something else.
    #[error("the snapshot holds `{found}`, but `{wanted}` was asked for")]
    WrongKind {
        /// What was asked for.
        wanted: &'static str,
        /// What it holds.
        found: String,
    },
    /// The snapshot was written by a later release.
    #[error("the snapshot's `{kind}` has version {found}, but this release reads up to {newest}; use a newer release")]
    Newer {
        /// The kind of state.
        kind: &'static str,
        /// The version found.
        found: u16,
        /// The newest version that this release reads.
        newest: u16,
    },
    /// The payload does not decode although its checksum fits.
    #[error("the snapshot's `{kind}` does not decode: it was not written by this crate")]
    Malformed {
        /// The kind of state.
        kind: &'static str,
    },
    /// There are bytes after the end.
    #[error("{bytes} bytes follow the end of the snapshot")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A value could not be written.
    #[error("`{kind}` could not be written")]
    Encode {
        /// The kind of state.
        kind: &'static str,
    },
}

impl From<StateError> for std::io::Error {
    fn from(error: StateError) -> Self {
        Self::other(error)
    }
}

/// One frame that has been found whole and undamaged.
pub(crate) struct Frame<'a> {
    kind: &'a [u8],
    version: u16,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes the first frame off the bytes, and gives the rest.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), StateError> {
        let found = bytes.len() as u64;
        if !bytes.starts_with(&MAGIC[..bytes.len().min(4)]) {
            return Err(StateError::NotASnapshot);
        }
        let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(StateError::CutShort { wanted: HEADER as u64, found });
        };
        let [_, _, _, _, v0, v1, k0, k1, p @ ..] = *header;
        let [p0, p1, p2, p3, p4, p5, p6, p7, sum @ ..] = p;
        let kind_len = usize::from(u16::from_le_bytes([k0, k1]));
        let payload_len = u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]);
        let wanted = payload_len.saturating_add(kind_len as u64);
        // Damage to a length looks like a cut; either way the host needs another copy.
        let Some(len) = usize::try_from(wanted).ok().filter(|len| *len <= body.len()) else {
            return Err(StateError::CutShort { wanted: wanted.saturating_add(HEADER as u64), found });
        };
        let (body, rest) = body.split_at(len);
        if frame_sum(&header[..16], body) != u64::from_le_bytes(sum) {
            return Err(StateError::Damaged);
        }
        let (kind, payload) = body.split_at(kind_len);
        Ok((Self { kind, version: u16::from_le_bytes([v0, v1]), payload }, rest))
    }

    /// Whether the frame holds this kind.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind == kind.as_bytes()
    }

    /// Decodes the payload as this kind.
    pub(crate) fn decode<T: DeserializeOwned>(&self, kind: &'static str, newest: u16) -> Result<T, StateError> {
        if !self.is(kind) {
            let found = crate::time::shorten(&String::from_utf8_lossy(self.kind));
            return Err(StateError::WrongKind { wanted: kind, found });
        }
        if self.version > newest {
            return Err(StateError::Newer { kind, found: self.version, newest });
        }
        match postcard::take_from_bytes(self.payload) {
            Ok((value, [])) => Ok(value),
            _ => Err(StateError::Malformed { kind }),
        }
    }
}

/// Appends one frame.
pub(crate) fn encode<T: Serialize + ?Sized>(
    kind: &'static str,
    version: u16,
    payload: &T,
    out: &mut Vec<u8>,
) -> Result<(), StateError> {
    let start = out.len();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    // Kinds are this crate's own short names.
    out.extend_from_slice(&(kind.len() as u16).to_le_bytes());
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(kind.as_bytes());
    let body = out.len();
    postcard::serialize_with_flavor(payload, Append(out)).map_err(|_| StateError::Encode { kind })?;
    let len = (out.len() - body) as u64;
    out[start + 8..start + 16].copy_from_slice(&len.to_le_bytes());
    let sum = frame_sum(&out[start..start + 16], &out[start + HEADER..]);
    out[start + 16..start + 24].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// Appends to bytes that are there. Postcard's own flavours begin anew, or go byte by byte, which costs a factor.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// The checksum of a frame: of its body, combined with that of its header.
fn frame_sum(header: &[u8], body: &[u8]) -> u64 {
    crate::hash::combine(&[checksum(header), checksum(body)])
}

const MAGIC: &[u8; 4] = b"BSPK";
const HEADER: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Count(u64, String);
    impl State for Count {
        const KIND: &'static str = "count";
        const VERSION: u16 = 2;
        fn merge(&mut self, other: &Self) {
            self.0 += other.0;
        }
    }
    #[derive(serde::Serialize, serde::Deserialize, Debug)]
    struct Other(u64);
    impl State for Other {
        const KIND: &'static str = "other";
        const VERSION: u16 = 1;
        fn merge(&mut self, _: &Self) {}
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_an_error() {
        let bytes = Count(7, "seven".into()).to_bytes().unwrap();
        assert_eq!(Count::from_bytes(&bytes), Ok(Count(7, "seven".into())));
        for cut in 0..bytes.len() {
            assert!(Count::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Count::from_bytes(&bad).is_err(), "{bit}");
        }
    }

    #[test]
    fn another_kind_and_a_newer_version_are_named() {
        let bytes = Count(7, String::new()).to_bytes().unwrap();
        assert!(matches!(Other::from_bytes(&bytes), Err(StateError::WrongKind { .. })));
        let mut newer = Vec::new();
        encode("count", 3, &Count(1, String::new()), &mut newer).unwrap();
        assert_eq!(Count::from_bytes(&newer), Err(StateError::Newer { kind: "count", found: 3, newest: 2 }));
    }
}
