//! Paths and queries of requests, whatever values they hold.

/// A value as one segment of a path, or in a query.
#[must_use]
pub fn path_segment(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A path with more in its query.
#[must_use]
pub fn with_query(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        _ if path.contains('?') => format!("{path}&{query}"),
        _ => format!("{path}?{query}"),
    }
}

/// A path with a parameter more in its query.
#[must_use]
pub fn with_parameter(path: &str, name: &str, value: &str) -> String {
    with_query(path, &format!("{name}={}", path_segment(value)))
}
