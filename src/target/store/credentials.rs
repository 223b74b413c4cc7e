//! Where credentials come from, and what a file of them holds. Nothing of their content is ever
//! shown.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::{StoreError, StoreErrorKind};
use crate::cli::foreign::{names_secret, never_show};

const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const QUOTA_VARIABLE: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";
const GOOGLE_UNIVERSE: &str = "googleapis.com";
/// What no path looks like, but a key or a token does.
const MARKS_OF_SECRETS: &[&str] = &["{", "PRIVATE KEY", "ya29.", "private_key", "\n"];

/// The kinds of credentials, and what each must have.
const TYPES: &[(&str, &[&str])] = &[
    ("service_account", &["client_email", "private_key"]),
    (
        "authorized_user",
        &["client_id", "client_secret", "refresh_token"],
    ),
    (
        "impersonated_service_account",
        &["service_account_impersonation_url", "source_credentials"],
    ),
    (
        "external_account",
        &["audience", "subject_token_type", "credential_source"],
    ),
];

/// Where tokens come from.
pub enum Source {
    /// A file.
    File(CredentialsFile),
    /// The metadata server of the machine that it runs on.
    Metadata,
}

/// What a file holds.
pub struct CredentialsFile {
    /// For people.
    pub path: String,
    /// Never for people.
    pub content: Value,
}

impl Source {
    /// Finds credentials: the setting, the environment, the place where `gcloud` leaves them, and if
    /// there is nothing, the metadata server is to be asked.
    pub fn find(setting: Option<&Path>) -> Result<Self, StoreError> {
        if let Some(path) = setting {
            return read(path, "the setting `credentials_file`").map(Self::File);
        }
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            let origin = "the environment variable GOOGLE_APPLICATION_CREDENTIALS";
            return read(Path::new(&path), origin).map(Self::File);
        }
        match well_known_path() {
            Some(path) if path.exists() => read(&path, "gcloud").map(Self::File),
            _ => Ok(Self::Metadata),
        }
    }

    /// The project that requests are counted for, where the credentials or the environment name one.
    pub fn quota_project(&self) -> Option<String> {
        let variable = std::env::var(QUOTA_VARIABLE).ok();
        variable
            .filter(|project| !project.is_empty())
            .or_else(|| self.text("quota_project_id"))
    }

    /// The cloud they are for, where it isn't Google's public one.
    pub fn universe_domain(&self) -> Option<String> {
        self.text("universe_domain")
            .filter(|domain| domain != GOOGLE_UNIVERSE)
    }

    fn text(&self, key: &str) -> Option<String> {
        let Self::File(file) = self else { return None };
        let text = file.content[key].as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// That there are none, and where was looked.
pub fn none_found() -> StoreError {
    let place = well_known_path().map_or("gcloud's directory".to_owned(), |path| {
        path.display().to_string()
    });
    StoreError::failed(format_args!(
        "no Google credentials were found: neither `credentials_file` nor {VARIABLE} is set, {place} \
         isn't there, and no metadata server of Google Cloud gives any"
    ))
    .hint(
        "run `gcloud auth application-default login`, set `credentials_file` to a key's file, or run \
         where a service account is attached",
    )
}

fn well_known_path() -> Option<PathBuf> {
    let (root, folder) = if cfg!(windows) {
        ("APPDATA", "gcloud")
    } else {
        ("HOME", ".config/gcloud")
    };
    let root = std::env::var_os(root)?;
    Some(
        PathBuf::from(root)
            .join(folder)
            .join("application_default_credentials.json"),
    )
}

fn read(path: &Path, origin: &str) -> Result<CredentialsFile, StoreError> {
    let shown = path.display().to_string();
    if MARKS_OF_SECRETS.iter().any(|mark| shown.contains(mark)) {
        return Err(misconfigured(format_args!(
            "{origin} holds credentials themselves, where the path of their file belongs"
        ))
        .hint("write them to a file that only this program's user can read, and name that"));
    }
    let unusable = |fault: &str| {
        misconfigured(format_args!(
            "the credentials file {shown}, named by {origin}, can't be used: {fault}"
        ))
        .hint("it must be a JSON file of credentials from Google Cloud; without any, the environment, gcloud's directory and the metadata server are looked at")
    };
    if path.is_dir() {
        return Err(unusable("it is a directory"));
    }
    let bytes = std::fs::read(path).map_err(|error| unusable(&error.to_string()))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // The parser's message could quote the key.
    let mut content: Value =
        serde_json::from_slice(bytes).map_err(|_| unusable("it is not JSON"))?;
    let kind = content["type"].as_str().unwrap_or_default();
    let Some((_, needed)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        return Err(unusable(&format!(
            "its `type` is none of {}",
            names.join(", ")
        )));
    };
    if let Some(key) = needed.iter().find(|key| content[**key].is_null()) {
        return Err(unusable(&format!("it lacks `{key}`")));
    }
    hide(&content);
    if let Some(Value::String(key)) = content.get_mut("private_key") {
        mend(key);
    }
    Ok(CredentialsFile {
        path: shown,
        content,
    })
}

/// Has no part of the secrets shown, should a service send one back.
fn hide(content: &Value) {
    let Value::Object(members) = content else {
        return;
    };
    for (name, value) in members {
        match value {
            Value::String(text) if names_secret(name) => never_show(text),
            other => hide(other),
        }
    }
}

/// Line ends that were escaped twice, as they are after a key has gone through an environment
/// variable or a template, become line ends.
fn mend(key: &mut String) {
    while key.contains("\\n") || key.contains("\\r") {
        *key = key
            .replace("\\\\", "\\")
            .replace("\\r", "")
            .replace("\\n", "\n");
    }
}

pub fn misconfigured(message: impl fmt::Display) -> StoreError {
    StoreError::failed(message).kind(StoreErrorKind::Misconfigured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_that_were_escaped_again_and_again_are_line_ends() {
        for escaped in ["a\nb\n", r"a\nb\n", r"a\r\nb\r\n", r"a\\nb\\n"] {
            let mut key = escaped.to_owned();
            mend(&mut key);
            assert_eq!(key, "a\nb\n", "{escaped}");
        }
    }
}
