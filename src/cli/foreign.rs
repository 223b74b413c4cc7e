//! Text from outside, as it may be shown: in messages of a server, in values of a file. It may be of
//! any length, and hold what moves a terminal's cursor, what looks like a line of the log, or a secret
//! that a server sends back.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// How many characters of a text are shown.
const MOST_CHARACTERS: usize = 300;

/// Shorter ones are words that may stand anywhere.
const SHORTEST_SECRET: usize = 6;

/// What tokens begin with: Intercom's (`tok:` in base64), those of Google's OAuth and its clients.
const BEGINNINGS: [&str; 3] = ["dG9rO", "ya29.", "GOCSPX-"];
/// What is no longer than this is no token, however it begins.
const SHORTEST_TOKEN: usize = 16;
const KEY_BEGINS: &str = "-----BEGIN ";
const KEY_ENDS: &str = "-----END ";
/// What secrets are called in JSON.
const NAMES: [&str; 4] = [
    "access_token",
    "private_key",
    "client_secret",
    "refresh_token",
];

/// What secrets are called where settings are kept.
const NAMES_OF_SETTINGS: [&str; 14] = [
    "access_token",
    "api_key",
    "api_token",
    "apikey",
    "auth_token",
    "bearer_token",
    "client_secret",
    "credentials",
    "password",
    "private_key",
    "refresh_token",
    "secret",
    "secret_key",
    "token",
];

static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From here on, this is shown in no log line.
pub fn never_show(secret: &str) {
    if secret.len() >= SHORTEST_SECRET {
        let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
        if !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.to_owned());
        }
    }
}

/// The text with stars in the place of secrets.
#[must_use]
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    for secret in &*SECRETS.read().unwrap_or_else(PoisonError::into_inner) {
        if shown.contains(secret) {
            shown = Cow::Owned(shown.replace(secret, "***"));
        }
    }
    while let Some((start, end)) = credential(&shown) {
        shown.to_mut().replace_range(start..end, "***");
    }
    shown
}

/// Whether a text looks as if a token or a key were in it, or JSON with one: nobody means to give
/// that as a name, a path or a number.
#[must_use]
pub fn holds_secret(text: &str) -> bool {
    let is_json = text.contains('{') && NAMES.iter().any(|name| text.contains(name));
    is_json || holds_credential(text)
}

/// Whether a text holds a token or a key of a known form.
#[must_use]
pub fn holds_credential(text: &str) -> bool {
    credential(text).is_some()
}

/// Whether a setting of that name, in whatever case, holds a secret.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    NAMES_OF_SETTINGS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// Where the first token or key of a known form is.
fn credential(text: &str) -> Option<(usize, usize)> {
    if let Some(start) = text.find(KEY_BEGINS) {
        let end = text[start..].find(KEY_ENDS);
        return Some((start, end.map_or(text.len(), |end| start + end)));
    }
    BEGINNINGS.iter().find_map(|beginning| {
        text.match_indices(beginning).find_map(|(start, _)| {
            let rest = &text[start..];
            let length = rest.find(|character| !is_of_token(character));
            let length = length.unwrap_or(rest.len());
            let begins_word = !text[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
            (begins_word && length > SHORTEST_TOKEN).then_some((start, start + length))
        })
    })
}

fn is_of_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+/=_-.".contains(character)
}

/// The text without secrets and control characters, cut where it is long.
#[must_use]
pub fn told(text: &str) -> String {
    let text = without_secrets(text);
    let mut told = String::with_capacity(text.len().min(4 * MOST_CHARACTERS));
    for (number, character) in text.chars().enumerate() {
        if number == MOST_CHARACTERS {
            told.push('…');
            break;
        }
        told.push(if is_shown(character) { character } else { ' ' });
    }
    told
}

/// Neither a control character, nor one that turns the direction of writing or breaks a line.
fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown_not_even_cut_in_two() {
        never_show("dG9rOjEy");
        never_show("a");
        let text = format!("{}dG9rOjEy", "x".repeat(296));
        assert!(told(&text).ends_with("x***"));
        assert_eq!(without_secrets("a dG9rOjEy b"), "a *** b");
    }

    #[test]
    fn tokens_and_keys_are_known_by_their_form() {
        for (text, shown) in [
            ("a dG9rOmFiY2RlZmdoaWo= b", "a *** b"),
            ("x='ya29.a0AfH6SMBx-_yz123'", "x='***'"),
            (
                "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----",
                "***-----END PRIVATE KEY-----",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\\nMII", "***"),
        ] {
            assert!(holds_secret(text), "{text}");
            assert_eq!(without_secrets(text), shown);
        }
        assert!(holds_secret("{access_token:short}"));
        for text in [
            "dG9rOg==",
            "access_token",
            "/etc/private_key/{env}x",
            "abcdG9rOmFiY2RlZmdoaWo",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }

    #[test]
    fn nothing_that_moves_the_cursor_or_goes_on_for_ever_is_shown() {
        assert_eq!(
            told("a\u{1b}[2Jb\r\nERROR c\u{85}\u{202e}d"),
            "a [2Jb  ERROR c  d"
        );
        assert_eq!(told(&"é".repeat(301)), "é".repeat(300) + "…");
        assert_eq!(told("Grüße – 🙏"), "Grüße – 🙏");
    }
}
