//! Looking into JSON text without taking it apart: what is found are slices of the text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name, without quotes and escapes.
    pub name: Cow<'a, str>,
    /// Its name as it stands in the text.
    pub name_json: &'a str,
    /// Its value as it stands in the text.
    pub value: &'a str,
}

/// The members of a JSON object, in their order.
pub fn members(object: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    struct Members;
    impl<'a> Visitor<'a> for Members {
        type Value = Vec<Member<'a>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<&'a RawValue, &'a RawValue>()? {
                let name_json = name.get();
                let name = if name_json.contains('\\') {
                    Cow::Owned(serde_json::from_str(name_json).map_err(A::Error::custom)?)
                } else {
                    Cow::Borrowed(name_json.trim_matches('"'))
                };
                members.push(Member {
                    name,
                    name_json,
                    value: value.get(),
                });
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(object);
    deserializer.deserialize_map(Members)
}

/// The value of one member of a JSON object.
pub fn member<'a>(object: &'a str, name: &str) -> Result<Option<&'a str>, serde_json::Error> {
    let found = members(object)?
        .into_iter()
        .find(|member| member.name == name);
    Ok(found.map(|member| member.value))
}

/// Where `part`, a slice of `whole`, lies in it.
#[must_use]
pub fn range_in(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}
