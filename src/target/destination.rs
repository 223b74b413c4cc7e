//! A directory as a user names it.

use std::path::PathBuf;

/// The path that a `destination` stands for which names no bucket. The error follows "but".
pub fn directory(destination: &str) -> Result<PathBuf, &'static str> {
    if let Some(rest) = destination.strip_prefix("file://") {
        // This machine may be named, no other one.
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err("a file URL has three slashes, as in file:///data/lake");
        }
        let path = percent_encoding::percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| "it is not UTF-8 when decoded")?;
        if path.contains('\0') {
            return Err("no path holds a zero byte");
        }
        return Ok(PathBuf::from(path.as_ref()));
    }
    if destination.contains("://") || destination.starts_with("gs:") {
        return Err("it must begin with gs:// or file://, or be a path");
    }
    if destination.starts_with("file:") {
        return Err("a file URL has three slashes, as in file:///data/lake");
    }
    if destination.starts_with('~') {
        return Err(
            "only a shell knows what ~ stands for: write the whole path, or ./~ for a directory of that name",
        );
    }
    Ok(PathBuf::from(destination))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories() {
        for (destination, path) in [
            ("out/lake", "out/lake"),
            ("./~", "./~"),
            ("file:///a%20b", "/a b"),
            ("file://localhost/a", "/a"),
        ] {
            assert_eq!(directory(destination), Ok(PathBuf::from(path)));
        }
    }

    #[test]
    fn what_is_none() {
        for destination in [
            "~",
            "~/lake",
            "~else/lake",
            "file://host/a",
            "file://localhosta/b",
            "file:/a",
            "file:///a%00b",
            "file:///%ff",
            "s3://bucket",
            "gs:/bucket",
        ] {
            assert!(directory(destination).is_err(), "{destination}");
        }
    }
}
