//! What the state remembers of exports: the job that a run waited for, so that the next one goes on with
//! it, and hashes of rows that will be exported again.

use serde_json::{Map, Value, json};

use crate::tap::time::EpochSeconds;

/// How many rows are remembered; beyond that some may be repeated.
pub const MOST_EMITTED: usize = 20_000;
/// Digits of a hash.
const DIGITS: usize = 16;

/// Of the exports of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// The job that was begun and whose rows aren't all emitted.
    pub job: Option<Job>,
    /// Hashes of rows that were emitted, each as often as its row was.
    pub emitted: Vec<u64>,
}

/// A job that makes files.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its identifier.
    pub id: String,
    /// What it exports: from this instant on,
    pub from: EpochSeconds,
    /// and before this one.
    pub until: EpochSeconds,
}

/// What a row of that kind is remembered by: FNV-1a of 64 bits. States are read by later versions, and
/// nothing is said of how the standard library's hashes come about in those.
#[must_use]
pub fn hash_of(kind: &str, json: &str) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = kind.bytes().chain([b' ']).chain(json.bytes());
    bytes.fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

impl Exported {
    /// Takes out of a bookmark's members what is of exports.
    pub fn parse(members: &mut Map<String, Value>) -> Result<Self, String> {
        let job = match members.shift_remove("job") {
            None | Some(Value::Null) => None,
            Some(job) => Some(Job::parse(&job).ok_or("`job` has no `id`, `from` and `until`")?),
        };
        let emitted = members.shift_remove("emitted");
        let hashes = emitted.as_ref().and_then(Value::as_str).unwrap_or_default();
        let hashes = hashes.as_bytes().chunks(DIGITS).map(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u64::from_str_radix(digits, 16).ok()
        });
        Ok(Self {
            job,
            emitted: hashes
                .collect::<Option<_>>()
                .ok_or("`emitted` isn't a text of hexadecimal digits")?,
        })
    }

    /// Puts it among a bookmark's members.
    pub fn put(&self, members: &mut Map<String, Value>) {
        if let Some(job) = &self.job {
            let job = json!({"id": job.id, "from": job.from, "until": job.until});
            members.insert("job".into(), job);
        }
        if !self.emitted.is_empty() {
            let mut text = String::with_capacity(DIGITS * self.emitted.len());
            for hash in &self.emitted {
                text.push_str(&format!("{hash:016x}"));
            }
            members.insert("emitted".into(), text.into());
        }
    }
}

impl Job {
    fn parse(job: &Value) -> Option<Self> {
        Some(Self {
            id: job["id"].as_str()?.to_owned(),
            from: EpochSeconds::new(job["from"].as_i64()?)?,
            until: EpochSeconds::new(job["until"].as_i64()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_algorithm() {
        // Of one blank, and of "open {}".
        assert_eq!(hash_of("", ""), 0xaf63_9d4c_8601_817f);
        assert_eq!(hash_of("open", "{}"), 0x713a_5dd1_33c7_27f7);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let exported = Exported {
            job: Some(Job {
                id: "al9w".into(),
                from: EpochSeconds::nearest(5),
                until: EpochSeconds::nearest(9),
            }),
            emitted: vec![0, u64::MAX, 7],
        };
        let mut members = Map::new();
        exported.put(&mut members);
        members.insert("other".into(), json!(1));
        assert_eq!(Exported::parse(&mut members).unwrap(), exported);
        assert_eq!(members.len(), 1);
        assert_eq!(Exported::parse(&mut members).unwrap(), Exported::default());
        for (name, value) in [("job", json!({"id": 7})), ("emitted", json!("xyz"))] {
            let mut members = Map::from_iter([(name.to_owned(), value)]);
            assert!(Exported::parse(&mut members).is_err());
        }
    }
}
