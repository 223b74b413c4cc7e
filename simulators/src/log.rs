//! A program's log without what differs from one run to the next.

/// The lines without the time (`2026-01-31T06:00:00Z`) and the program's name that they begin with.
pub fn without_times(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    log.split_inclusive('\n').map(without_time).collect()
}

fn without_time(line: &str) -> &str {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(time), Some(_), Some(rest)) if is_time(time) => rest,
        _ => line,
    }
}

fn is_time(word: &str) -> bool {
    let form = b"0000-00-00T00:00:00Z";
    word.len() == form.len()
        && word.bytes().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}
