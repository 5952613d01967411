//! How much of a program goes into flash: its loadable segments, as the file for the linker's machine lists them.

/// The bytes that an ELF image of 32 bits, little end first, has loaded; none if it is no such image.
pub(super) fn size(image: &[u8]) -> Option<usize> {
    if image.get(..6)? != b"\x7fELF\x01\x01" {
        return None;
    }
    let (headers, entry, count) = (word(image, 28)?, half(image, 42)?, half(image, 44)?);
    let mut size = 0;
    for index in 0..count {
        let header = headers + index * entry;
        let is_loaded = word(image, header)? == 1;
        size += if is_loaded { word(image, header + 16)? } else { 0 };
    }
    Some(size)
}

fn word(image: &[u8], at: usize) -> Option<usize> {
    let bytes = image.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn half(image: &[u8], at: usize) -> Option<usize> {
    let bytes = image.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_counts_and_nothing_else() {
        let mut image = vec![0; 52 + 2 * 32];
        image[..6].copy_from_slice(b"\x7fELF\x01\x01");
        image[28] = 52;
        image[42] = 32;
        image[44] = 2;
        for (header, kind, size) in [(52, 1, 200), (84, 4, 30)] {
            image[header] = kind;
            image[header + 16] = size;
        }
        assert_eq!(size(&image), Some(200));
        assert_eq!(size(&image[..60]), None);
        assert_eq!(size(b"#!/bin/sh"), None);
    }
}
