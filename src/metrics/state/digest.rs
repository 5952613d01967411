//! The digest of a state.

use core::hash::{Hash, Hasher};

/// FNV-1a over 64-bit words, followed by a finaliser: not against malice, but the same everywhere.
struct Fnv(u64);

const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const PRIME: u64 = 0x0100_0000_01B3;

/// Computes the digest of a value that hashes integers, text and lists of them.
pub(super) fn of(value: &impl Hash) -> u64 {
    let mut hasher = Fnv(OFFSET);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Every integer counts as 64 bits, so that 32-bit platforms agree.
impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(PRIME);
        // The product's low half knows nothing of the high bits before it.
        self.0 ^= self.0 >> 47;
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_a_fixed_function_of_the_values() {
        // Written down once: a change here is a change of every digest that anybody has kept.
        assert_eq!(of(&(7_u64, 7_usize, Some("seven"), [1_u8, 2])), 13_387_966_211_000_005_736);
        assert_eq!(of(&7_u32), of(&7_usize));
        assert_ne!(of(&(1_u64 << 63)), of(&0_u64));
        assert_ne!(of(&["a", "b"]), of(&["ab", ""]));
    }
}
