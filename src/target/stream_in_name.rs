//! A stream's name as a part of an object's name. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What may stay as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');
/// The stream whose name is empty; no other one's becomes this, since `@` is encoded.
const EMPTY: &str = "@empty";
/// Stands before the hash of a name that was cut; encoded everywhere else.
const CUT: char = '~';
const HASH_BYTES: usize = 1 + 32;
/// Room for a hash and for something that people recognise.
pub const LEAST_BYTES: usize = HASH_BYTES + 15;

/// A stream's name in at most `most_bytes`, which are [`LEAST_BYTES`] or more: `[A-Za-z0-9_.-]` stay,
/// all else and leading dots are percent-encoded, so that no name can leave its folder or hide, and
/// no two become the same. What is too long is cut and ends with a hash of the whole.
#[must_use]
pub fn encode(stream: &str, most_bytes: usize) -> String {
    if stream.is_empty() {
        return EMPTY.to_owned();
    }
    let rest = stream.trim_start_matches('.');
    let mut encoded = "%2E".repeat(stream.len() - rest.len());
    encoded.extend(utf8_percent_encode(rest, ENCODED));
    if encoded.len() > most_bytes {
        let mut kept = most_bytes - HASH_BYTES;
        if let Some(escape) = encoded[kept - 2..kept].find('%') {
            kept = kept - 2 + escape;
        }
        encoded.truncate(kept);
        encoded.push(CUT);
        encoded += &format!("{:032x}", hash(stream));
    }
    encoded
}

/// The stream that [`encode`] makes `text` of; `None` when it is no such text, or was cut.
#[must_use]
pub fn decode(text: &str, most_bytes: usize) -> Option<String> {
    if text == EMPTY {
        return Some(String::new());
    }
    let stream = percent_decode_str(text).decode_utf8().ok()?;
    (encode(&stream, most_bytes) == text).then(|| stream.into_owned())
}

/// The stream whose name an earlier version left with its leading dots, where `text` is such a name.
#[must_use]
pub fn decode_dotted(text: &str) -> Option<String> {
    let stream = percent_decode_str(text).decode_utf8().ok()?;
    let plain = utf8_percent_encode(&stream, ENCODED).to_string();
    (text.starts_with('.') && plain == text).then(|| stream.into_owned())
}

/// Whether [`encode`] may have cut a name to this.
#[must_use]
pub fn is_cut(text: &str) -> bool {
    text.split_once(CUT).is_some_and(|(_, hash)| {
        hash.len() + 1 == HASH_BYTES && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// FNV-1a of 128 bits: names must not change from one version of a library to the next.
fn hash(text: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    text.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hashes_are_those_of_the_published_algorithm() {
        assert_eq!(hash(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn escapes_are_cut_whole() {
        for more in 0..6 {
            let stream = "x".repeat(more) + &"\u{65e5}".repeat(100);
            let encoded = encode(&stream, LEAST_BYTES);
            assert!(encoded.len() <= LEAST_BYTES, "{encoded}");
            let (kept, _) = encoded.split_once(CUT).unwrap();
            assert!((kept.len() - more).is_multiple_of(3), "{encoded}");
            assert!(is_cut(&encoded) && decode(&encoded, LEAST_BYTES).is_none());
        }
    }

    #[test]
    fn names_of_an_earlier_version_have_their_dots() {
        assert_eq!(decode_dotted(".a%20b").as_deref(), Some(".a b"));
        for other in ["a", "%2Ea", ".a b", ".a%2Eb"] {
            assert_eq!(decode_dotted(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn names_lead_back_and_stay_in_their_folder(stream in ".{0,20}", dots in 0..4_usize) {
            let stream = ".".repeat(dots) + &stream;
            let encoded = encode(&stream, 1000);
            prop_assert_eq!(decode(&encoded, 1000), Some(stream));
            prop_assert!(!encoded.is_empty() && !encoded.contains('/') && !encoded.starts_with('.'));
            prop_assert!(!is_cut(&encoded));
        }
    }
}
