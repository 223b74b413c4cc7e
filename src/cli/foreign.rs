//! Text from outside, as it may be shown: in messages of a server, in values of a file. It may be of
//! any length, and hold what moves a terminal's cursor, what looks like a line of the log, or a secret
//! that a server sends back.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// How many characters of a text are shown.
const MOST_CHARACTERS: usize = 300;

/// Shorter ones are words that may stand anywhere.
const SHORTEST_SECRET: usize = 6;

static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From here on, this is shown in no log line.
pub fn never_show(secret: &str) {
    if secret.len() >= SHORTEST_SECRET {
        let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
        secrets.push(secret.to_owned());
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
    shown
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
    fn nothing_that_moves_the_cursor_or_goes_on_for_ever_is_shown() {
        assert_eq!(
            told("a\u{1b}[2Jb\r\nERROR c\u{85}\u{202e}d"),
            "a [2Jb  ERROR c  d"
        );
        assert_eq!(told(&"é".repeat(301)), "é".repeat(300) + "…");
        assert_eq!(told("Grüße – 🙏"), "Grüße – 🙏");
    }
}
