//! What calls and their transcripts look like.

use std::sync::LazyLock;

use chrono::DateTime;

use super::data::Data;
use super::noise::{noise, one_in};
use super::settings::{CallTimestamps, Settings, TranscriptFormat};
use super::table::{Stream, Transcript};
use super::template::{Template, put, put_array, put_number};

/// What is said in calls, with what makes transcripts hard to read: quotes, colons, line breaks,
/// stamps in the middle of the words.
const WORDS: [&str; 8] = [
    "Good morning, you have reached support.",
    "Hi. My screen says \"access denied\" and nothing else.",
    "Two things: first the login, second: the invoice.",
    "Let me read it to you.\nLine two is empty.\n\nThat was all.",
    "\"Yes\"",
    "It happened at 10:42, see [00:01:02] in the log.",
    "Das ist schön, merci – ありがとう 🙏",
    "Okay.",
];

static CALL: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "call",
    "id": "{{id}}",
    "conversation_id": {{conversation_id}},
    "admin_id": "814001",
    "contact_id": "{{contact_id}}",
    "state": "completed",
    "initiated_at": {{initiated_at}},
    "answered_at": {{answered_at}},
    "ended_at": {{ended_at}},
    "created_at": {{initiated_at}},
    "updated_at": {{updated_at}},
    "recording_url": "{{host}}/calls/{{id}}/recording",
    "transcription_url": {{transcription_url}},
    "call_type": "phone",
    "direction": "{{direction}}",
    "ended_reason": "answered",
    "phone": "+1555{{number}}",
    "fin_recording_url": null,
    "fin_transcription_url": null
}"#,
    )
});

impl Data {
    /// A call; `host` is where its URLs point.
    pub(super) fn put_call(&self, out: &mut Vec<u8>, row: u32, settings: &Settings, host: &str) {
        let table = self.table(Stream::Calls);
        let noise = |salt: u32| noise(self.seed, row, salt);
        let call = table.row(row);
        let id = table.id(row);
        let as_text = match settings.call_timestamps {
            CallTimestamps::Integer | CallTimestamps::Milliseconds => false,
            CallTimestamps::Iso => true,
            CallTimestamps::Mixed => one_in(noise(60), 2),
        };
        let put_time = |out: &mut Vec<u8>, seconds: i64| {
            if as_text {
                let time = DateTime::from_timestamp(seconds, 0).expect("a time of this century");
                put_number(out, time.format(r#""%Y-%m-%dT%H:%M:%SZ""#));
            } else if settings.call_timestamps == CallTimestamps::Milliseconds {
                put_number(out, seconds * 1000 + 250);
            } else {
                put_number(out, seconds);
            }
        };
        CALL.render(out, |slot, out| match slot {
            "id" => put(out, &id),
            "number" => put_number(out, 1_000_000 + row),
            "conversation_id" if one_in(noise(61), 5) => put(out, "null"),
            "conversation_id" => {
                put(out, "\"");
                put(out, &self.table(Stream::Conversations).id(row));
                put(out, "\"");
            }
            "contact_id" => put(out, &self.table(Stream::Contacts).id(row)),
            "initiated_at" => put_time(out, call.created_at),
            "answered_at" => put_time(out, call.created_at + 5),
            "ended_at" => put_time(out, call.created_at + 95),
            "updated_at" => put_time(out, call.updated_at),
            "host" => put(out, host),
            "transcription_url" if call.transcript == Transcript::None => put(out, "null"),
            "transcription_url" => {
                let foreign = one_in(noise(62), settings.foreign_transcripts_every);
                put(out, "\"");
                put(
                    out,
                    if foreign {
                        &settings.foreign_host
                    } else {
                        host
                    },
                );
                put(out, "/calls/");
                put(out, &id);
                put(out, "/transcript\"");
            }
            "direction" if one_in(noise(63), 2) => put(out, "inbound"),
            "direction" => put(out, "outbound"),
            other => unreachable!("a slot {other}"),
        });
    }

    /// A call's transcript and its content type, or nothing when there is none yet.
    pub(super) fn transcript(
        &self,
        row: u32,
        format: TranscriptFormat,
    ) -> Option<(&'static str, Vec<u8>)> {
        let call = self.table(Stream::Calls).row(row);
        if call.transcript != Transcript::Published {
            return None;
        }
        let as_json = match format {
            TranscriptFormat::Text => false,
            TranscriptFormat::Json => true,
            TranscriptFormat::Mixed => one_in(noise(self.seed, row, 70), 2),
        };
        Some(if as_json {
            ("application/json; charset=utf-8", self.json_transcript(row))
        } else {
            ("text/plain; charset=utf-8", self.text_transcript(row))
        })
    }

    /// What was said in a call, oldest first.
    pub(super) fn turns(&self, row: u32) -> Vec<Turn> {
        let turns = 2 + noise(self.seed, row, 71) % 9;
        let mut start_seconds = 3;
        (0..turns as u32)
            .map(|turn| {
                let noise = noise(self.seed, row, 1000 * turn + 72);
                let start = start_seconds;
                start_seconds += 2 + noise % 700;
                Turn {
                    start_seconds: start,
                    end_seconds: start_seconds - 1,
                    by_teammate: turn % 2 == 0,
                    words: WORDS[(noise / 700 % 8) as usize],
                }
            })
            .collect()
    }

    fn text_transcript(&self, row: u32) -> Vec<u8> {
        let lines: Vec<String> = self
            .turns(row)
            .iter()
            .map(|turn| {
                let (hours, minutes) = (turn.start_seconds / 3600, turn.start_seconds / 60 % 60);
                let seconds = turn.start_seconds % 60;
                format!(
                    "[{hours:02}:{minutes:02}:{seconds:02}] {}: \"{}\"",
                    turn.speaker(),
                    turn.words
                )
            })
            .collect();
        lines.join("\n").into_bytes()
    }

    fn json_transcript(&self, row: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let numbers = one_in(noise(self.seed, row, 73), 2);
        let ai_voice = one_in(noise(self.seed, row, 74), 3);
        put_array(&mut out, self.turns(row), |out, turn| {
            let quote = if numbers { "" } else { "\"" };
            let (start, end) = (turn.start_seconds, turn.end_seconds);
            put_number(
                out,
                format_args!(
                    r#"{{"start_time":{quote}{start}.5{quote},"end_time":{quote}{end}{quote}"#
                ),
            );
            let words = serde_json::Value::from(turn.words);
            let (kind, id) = if turn.by_teammate {
                ("admin", "814001")
            } else {
                ("user", "1")
            };
            put_number(
                out,
                format_args!(
                    r#","speaker":"{kind}","speaker_label":"{}","content":{words},"speaker_type":"{kind}","speaker_id":"{id}""#,
                    turn.speaker()
                ),
            );
            if ai_voice {
                put(
                    out,
                    r#","article_sources":[{"id":"9000001"}],"triggered_guidance":[]"#,
                );
            }
            put(out, "}");
        });
        out
    }
}

/// One turn of a call.
pub struct Turn {
    pub start_seconds: u64,
    pub end_seconds: u64,
    pub by_teammate: bool,
    pub words: &'static str,
}

impl Turn {
    pub fn speaker(&self) -> &'static str {
        if self.by_teammate {
            "Teammate 1"
        } else {
            "User"
        }
    }
}
