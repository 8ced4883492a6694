//! Arrays of small records as one run of bytes.
//!
//! Profiles consist mostly of short arrays of plain numbers. In compact encodings these are written as one byte
//! string of fixed-width little-endian records, several times faster than field by field; for people they are written
//! as any list is. Used as `#[serde(with = "packed")]`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// A record of fixed width.
pub(crate) trait Packed: Sized {
    /// The width in bytes.
    const WIDTH: usize;
    /// Writes the record into exactly [`Packed::WIDTH`] bytes.
    fn pack(&self, bytes: &mut [u8]);
    /// Reads it back from as many. Whether it makes sense is for its owner to check.
    fn unpack(bytes: &[u8]) -> Self;
}

pub(crate) fn serialize<T: Packed + Serialize, S: Serializer>(records: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return serializer.collect_seq(records);
    }
    let mut bytes: SmallVec<[u8; 1024]> = SmallVec::from_elem(0, records.len() * T::WIDTH);
    for (record, chunk) in records.iter().zip(bytes.chunks_exact_mut(T::WIDTH)) {
        record.pack(chunk);
    }
    serializer.serialize_bytes(&bytes)
}

pub(crate) fn deserialize<'de, T, C, D>(deserializer: D) -> Result<C, D::Error>
where
    T: Packed,
    C: FromIterator<T> + IntoIterator<Item = T> + Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Records<T, C>(PhantomData<(T, C)>);
    impl<T: Packed, C: FromIterator<T>> Visitor<'_> for Records<T, C> {
        type Value = C;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "records of {} bytes", T::WIDTH)
        }
        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<C, E> {
            if bytes.len() % T::WIDTH != 0 {
                return Err(E::invalid_length(bytes.len(), &self));
            }
            Ok(bytes.chunks_exact(T::WIDTH).map(T::unpack).collect())
        }
    }
    if deserializer.is_human_readable() {
        C::deserialize(deserializer)
    } else {
        deserializer.deserialize_bytes(Records::<T, C>(PhantomData))
    }
}

/// The little-endian number in the `N` bytes from `at` on; zero beyond the end, which no caller asks for.
pub(crate) fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}
