//! A call's transcript as an array of turns, whether the API answers with JSON or with text.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::tap::api::client::BadAnswer;

/// One turn of a text transcript, in the form of a JSON one.
#[derive(Debug, PartialEq, Serialize)]
struct Turn<'a> {
    /// Seconds since the call began.
    start_time: u64,
    /// The start of the next turn.
    end_time: Option<u64>,
    speaker: &'a str,
    content: String,
}

/// The turns as a JSON array: a JSON transcript's own bytes, or made from the lines of a text.
/// `None` for an empty answer: there is no transcript (yet).
///
/// A text whose last words lack their closing quote was cut, unless `is_repeated` says that the
/// API gave the same text twice.
pub fn turns(body: &str, is_repeated: bool) -> Result<Option<String>, BadAnswer> {
    let body = body.trim();
    if body.is_empty() {
        return Ok(None);
    }
    if let Ok(json) = serde_json::from_str::<&RawValue>(body) {
        return of_json(json).map(Some);
    }
    let turns = of_text(body, is_repeated)?;
    Ok(Some(serde_json::to_string(&turns)?))
}

fn of_json(json: &RawValue) -> Result<String, BadAnswer> {
    #[derive(serde::Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        transcript: &'a RawValue,
    }
    if json.get().starts_with('[') {
        return Ok(json.get().to_owned());
    }
    match serde_json::from_str::<Wrapped<'_>>(json.get()) {
        Ok(wrapped) if wrapped.transcript.get().starts_with('[') => {
            Ok(wrapped.transcript.get().to_owned())
        }
        _ => Err(BadAnswer(
            "the transcript is JSON, but no array of turns".into(),
        )),
    }
}

/// Reads lines of `[HH:MM:SS] Speaker: "words"`, where the words may hold quotes, colons and line
/// breaks.
fn of_text(text: &str, is_repeated: bool) -> Result<Vec<Turn<'_>>, BadAnswer> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    // Words that look like the head of a turn are still words while their quote is open.
    let mut is_open = false;
    for line in text.lines() {
        match (head(line), turns.last_mut()) {
            (Some((start_time, speaker, words)), last) if !is_open => {
                if let Some(last) = last {
                    last.end_time = Some(start_time);
                }
                is_open = words.starts_with('"') && !closes(&words[1..]);
                turns.push(Turn {
                    start_time,
                    end_time: None,
                    speaker,
                    content: words.to_owned(),
                });
            }
            (_, Some(last)) => {
                // A blank line changes nothing: whether words have ended is told by the last of them.
                if !line.trim_end().is_empty() {
                    is_open = last.content.starts_with('"') && !closes(line);
                }
                last.content.push('\n');
                last.content.push_str(line);
            }
            (_, None) => {
                return Err(BadAnswer(
                    "the transcript doesn't begin with a line like [00:00:03] Speaker: \"words\""
                        .into(),
                ));
            }
        }
    }
    if is_open && !is_repeated {
        return Err(BadAnswer("the transcript ends in mid-sentence".into()));
    }
    for turn in &mut turns {
        let words = turn.content.trim_end();
        let unquoted = match words.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"').unwrap_or(quoted),
            None => words,
        };
        turn.content = unquoted.to_owned();
    }
    Ok(turns)
}

/// Whether a line of quoted words ends with the quote that closes them.
fn closes(line: &str) -> bool {
    line.trim_end().ends_with('"')
}

/// The start, the speaker and the first line of words of a turn.
fn head(line: &str) -> Option<(u64, &str, &str)> {
    let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
    let mut seconds: u64 = 0;
    let mut parts = 0;
    for part in time.split(':') {
        // Whatever doesn't fit is no time.
        let part = u64::from(part.parse::<u32>().ok()?);
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
        parts += 1;
    }
    if !(2..=3).contains(&parts) {
        return None;
    }
    let rest = rest.trim_start();
    let (speaker, words) = match rest.split_once(": \"") {
        Some((speaker, _)) => (speaker, &rest[speaker.len() + 2..]),
        None => rest.split_once(':')?,
    };
    Some((seconds, speaker.trim(), words.trim_start()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(body: &str) -> Value {
        serde_json::from_str(&turns(body, false).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn a_turn_ends_where_the_next_begins() {
        assert_eq!(
            parsed("[00:00:03] Teammate 1: \"Hello.\"\n[01:02:09] User: \"Hi.\"\n"),
            json!([
                {"start_time": 3, "end_time": 3729, "speaker": "Teammate 1", "content": "Hello."},
                {"start_time": 3729, "end_time": null, "speaker": "User", "content": "Hi."},
            ])
        );
    }

    #[test]
    fn words_may_hold_quotes_colons_and_line_breaks() {
        let body = "[00:00:03] A: \"He said: \"no\", twice\nand: left\n[00:00:04] B: it seems\"\n[00:00:05] C: \"x\"";
        let turns = parsed(body);
        assert_eq!(
            turns[0]["content"],
            "He said: \"no\", twice\nand: left\n[00:00:04] B: it seems"
        );
        assert_eq!(turns[1]["speaker"], "C");
    }

    #[test]
    fn a_json_transcript_keeps_its_bytes() {
        let body = r#"[{"start_time":"0.50","speaker":"A","x":1e2}]"#;
        assert_eq!(turns(body, false).unwrap().as_deref(), Some(body));
        let wrapped = format!(r#"{{"id":"1","transcript":{body}}}"#);
        assert_eq!(turns(&wrapped, false).unwrap().as_deref(), Some(body));
    }

    #[test]
    fn an_empty_answer_is_no_transcript_yet() {
        assert_eq!(turns(" \n", false).unwrap(), None);
    }

    #[test]
    fn a_cut_text_is_a_bad_answer_until_the_api_repeats_it() {
        let body = "[00:00:03] A: \"Hello\"\n[00:00:04] B: \"I was";
        assert!(turns(body, false).is_err());
        let turns: Value = serde_json::from_str(&turns(body, true).unwrap().unwrap()).unwrap();
        assert_eq!(turns[1]["content"], "I was");
    }

    #[test]
    fn blank_lines_within_words_cost_no_more_than_others() {
        // Were they looked through again for each line, this would take minutes.
        let body = format!(
            "[00:00:03] A: \"Hello{}\"\n[00:00:09] B: \"x\"",
            "\n".repeat(2_000_000)
        );
        let turns = turns(&body, false).unwrap().unwrap();
        let turns: Vec<Value> = serde_json::from_str(&turns).unwrap();
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0]["end_time"], 9);
    }

    #[test]
    fn a_time_of_any_length_is_read_or_is_none() {
        let start = |time: &str| turns(&format!("[{time}] A: \"x\""), false).ok();
        assert!(
            start("71582789:00")
                .unwrap()
                .unwrap()
                .contains("4294967340")
        );
        assert!(start("4294967295:59:59").is_some());
        assert!(start("99999999999:00").is_none());
    }

    #[test]
    fn what_is_no_transcript_is_a_bad_answer() {
        for body in [
            "{not json",
            "<html>",
            "{}",
            "null",
            r#"{"transcript":null}"#,
            "12",
            "[00:00:03] nothing said",
            "Agent: hello",
            "Transcript of a call\n[00:00:03] A: \"x\"",
        ] {
            assert!(turns(body, true).is_err(), "{body}");
        }
    }
}
