//! Text from outside, as it may be shown: in messages of a server, in values of a file. It may be of
//! any length, and hold what moves a terminal's cursor or looks like a line of the log.

/// How many characters of a text are shown.
const MOST_CHARACTERS: usize = 300;

/// The text without control characters, cut where it is long.
#[must_use]
pub fn told(text: &str) -> String {
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
    fn nothing_that_moves_the_cursor_or_goes_on_for_ever_is_shown() {
        assert_eq!(
            told("a\u{1b}[2Jb\r\nERROR c\u{85}\u{202e}d"),
            "a [2Jb  ERROR c  d"
        );
        assert_eq!(told(&"é".repeat(301)), "é".repeat(300) + "…");
        assert_eq!(told("Grüße – 🙏"), "Grüße – 🙏");
    }
}
