//! What a fault on the way is called: the library's words, and where these hide what is behind it, that.

/// What could put so many headers, or such long ones, before an answer.
const CAUSE: &str = "a proxy or another gateway on the way may add them";
/// No more headers of an answer are read: a constant of `ureq-proto`.
const MOST_HEADERS: usize = 128;

/// A fault in words.
#[must_use]
pub fn describe(error: &ureq::Error) -> String {
    let words = error.to_string();
    match error {
        ureq::Error::LargeResponseHeader(size, most) => format!(
            "an answer's headers take {size} bytes, and no more than {most} can be read; {CAUSE}"
        ),
        ureq::Error::Protocol(_) if words.contains("too many headers") => format!(
            "an answer has more than {MOST_HEADERS} headers, which is all that can be read; {CAUSE}"
        ),
        _ => words,
    }
}
