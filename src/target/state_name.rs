//! What state objects are called, and whose state one of a name holds. Pure.

use super::object_name::{NameLimits, Part, TemplateError, parse, room_for_stream};
use super::stream_in_name::{decode, decode_dotted, encode, is_cut};

/// Where the state objects go, such as `_intercom_state/{stream}_state.json`.
#[derive(Clone, Debug)]
pub struct StatePathTemplate {
    parts: Vec<Part>,
    /// What a stream's name may take each time.
    stream_bytes: usize,
}

/// Whose part of the tap's state an object holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateOwner {
    /// A stream's bookmark.
    Stream(String),
    /// The top-level keys beside `bookmarks`. In a name this is `@tap`, which no stream's name
    /// becomes, since `@` is encoded there.
    Tap,
    /// What isn't of the tap's state: the keys of streams whose records don't tell them, as `@keys`.
    Keys,
}

const TAP: &str = "@tap";
const KEYS: &str = "@keys";

/// An object, or a folder, whose name may be that of a state object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole name of the state object.
    pub name: String,
    /// Whose it is; `None` when only its content can say, since the name was cut.
    pub owner: Option<StateOwner>,
    /// Whether an earlier version called it so: it counts where there is none of today's name, and is
    /// never written to.
    pub is_old: bool,
}

impl StatePathTemplate {
    /// Checks a template; `environment` takes the place of `{env}`. Names keep to the limits of a
    /// directory.
    pub fn parse(template: &str, environment: Option<&str>) -> Result<Self, TemplateError> {
        let parts = parse(
            template,
            environment,
            &[("{stream}", Part::Stream)],
            "{stream}, {env}",
        )?;
        if !parts.contains(&Part::Stream) {
            return Err(TemplateError::MissingToken("{stream}"));
        }
        let template = Self {
            parts,
            stream_bytes: 0,
        };
        template.within(NameLimits::DIRECTORY)
    }

    /// The same with names of other lengths.
    pub fn within(mut self, limits: NameLimits) -> Result<Self, TemplateError> {
        self.stream_bytes = room_for_stream(&self.parts, 0, limits)?;
        Ok(self)
    }

    /// The name of the object that holds what `owner` names.
    #[must_use]
    pub fn render(&self, owner: &StateOwner) -> String {
        match owner {
            StateOwner::Stream(stream) => self.fill(&encode(stream, self.stream_bytes)),
            StateOwner::Tap => self.fill(TAP),
            StateOwner::Keys => self.fill(KEYS),
        }
    }

    fn fill(&self, owner: &str) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                _ => owner,
            })
            .collect()
    }

    /// What the names of all state objects begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The state object of that name, or the one that the folder of that name (ending with a slash)
    /// may hold; `None` when it is something else. Names are looked at only as far as the first part
    /// of them that tells the stream, so that a listing needn't go deeper.
    #[must_use]
    pub fn candidate(&self, entry: &str) -> Option<Candidate> {
        let rest = entry.strip_prefix(self.prefix())?;
        let segment = rest.find('/').unwrap_or(rest.len());
        // Where the stream ends is found by trying, since the template may hold it more than once.
        (1..=segment)
            .filter(|end| rest.is_char_boundary(*end))
            .find_map(|end| {
                let text = &rest[..end];
                let name = self.fill(text);
                let fits = if entry.ends_with('/') {
                    name.starts_with(entry)
                } else {
                    name == entry
                };
                let owner = self.owner(text);
                let dotted = decode_dotted(text).filter(|_| owner.is_none());
                let is_old = dotted.is_some();
                let owner = owner.or(dotted.map(StateOwner::Stream));
                (fits && (owner.is_some() || is_cut(text))).then_some(Candidate {
                    name,
                    owner,
                    is_old,
                })
            })
    }

    fn owner(&self, text: &str) -> Option<StateOwner> {
        if text == TAP {
            return Some(StateOwner::Tap);
        }
        if text == KEYS {
            return Some(StateOwner::Keys);
        }
        decode(text, self.stream_bytes).map(StateOwner::Stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATE: &str = "_intercom_state/{stream}_state.json";

    #[test]
    fn the_tap_s_own_state_has_a_name_that_no_stream_gets() {
        let template = StatePathTemplate::parse(STATE, None).unwrap();
        assert_eq!(
            template.render(&StateOwner::Tap),
            "_intercom_state/@tap_state.json"
        );
        assert_eq!(
            template.render(&StateOwner::Stream("@tap".into())),
            "_intercom_state/%40tap_state.json"
        );
        for other in [
            "_intercom_state/readme.txt",
            "_intercom_state/a/b_state.json",
            "_intercom_state/a_state.json/",
            "_intercom_state/_state.json",
            "_intercom_state/a b_state.json",
        ] {
            assert_eq!(template.candidate(other), None, "{other}");
        }
    }

    #[test]
    fn a_template_must_name_the_stream() {
        let fault = StatePathTemplate::parse("state.json", None).unwrap_err();
        assert_eq!(fault, TemplateError::MissingToken("{stream}"));
        let fault = StatePathTemplate::parse(".{stream}", None).unwrap_err();
        assert_eq!(fault, TemplateError::Reserved);
    }

    #[test]
    fn a_folder_that_is_called_like_a_stream_may_hold_its_state() {
        let template = StatePathTemplate::parse("{stream}/{stream}.json", None).unwrap();
        let candidate = template.candidate("a/").unwrap();
        assert_eq!(candidate.name, "a/a.json");
        assert_eq!(candidate.owner, Some(StateOwner::Stream("a".into())));
        assert_eq!(template.candidate("a.json"), None);
    }

    #[test]
    fn only_the_content_says_whose_a_cut_name_is() {
        let template = StatePathTemplate::parse(STATE, None).unwrap();
        let name = template.render(&StateOwner::Stream("x".repeat(300)));
        assert!(name.len() < 300, "{name}");
        assert_eq!(
            template.candidate(&name),
            Some(Candidate {
                name,
                owner: None,
                is_old: false
            })
        );
    }

    proptest! {
        /// As long as no name is cut: a letter takes up to twelve bytes, here twice.
        #[test]
        fn names_lead_back_to_their_stream(stream in ".{0,8}") {
            let owner = StateOwner::Stream(stream);
            for template in [STATE, "{stream}", "s/{stream}-{stream}", "{stream}/{stream}.json"] {
                let template = StatePathTemplate::parse(template, None).unwrap();
                let name = template.render(&owner);
                prop_assert!(!name.starts_with('/') && !name.contains("//"));
                let entry = match name.strip_prefix(template.prefix()).unwrap().find('/') {
                    Some(slash) => &name[..=template.prefix().len() + slash],
                    None => &name,
                };
                let found = template.candidate(entry).unwrap();
                prop_assert_eq!(found.name, name.clone());
                prop_assert_eq!(found.owner, Some(owner.clone()));
            }
        }
    }
}
