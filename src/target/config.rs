//! The target's settings, and the checked form that the rest works with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::destination::directory;
use super::object_name::{NameLimits, PathTemplate};
use super::state_name::StatePathTemplate;
use crate::cli::{Failure, Program};

/// What `target-gcs` says of itself.
pub const PROGRAM: Program = Program {
    name: "target-gcs",
    env_prefix: "TARGET_GCS",
    description: "Singer target that writes newline-delimited JSON and state to Google Cloud Storage or a directory",
    capabilities: &["about", "structured-logging"],
};

/// The settings as a user gives them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Where files go: `gs://bucket`, `gs://bucket/prefix`, `file:///directory` or a path. `{env}`
    /// stands for the setting `environment`.
    #[schemars(length(min = 1))]
    pub destination: String,
    /// What `{env}` stands for in `destination` and the path templates, such as `prod`.
    #[schemars(length(min = 1))]
    pub environment: Option<String>,
    /// Names of data files below the destination. Must hold `{stream}` and `{timestamp}`; may hold
    /// `{env}`, `{year}`, `{month}`, `{day}`, `{hour}` and `{date}`. All times are UTC and those of
    /// the file's first record. `{updated_year}`, `{updated_month}` and `{updated_day}` are those of
    /// the records' replication key: each run then makes a file for every day of it that it meets.
    #[serde(default = "default_path_template")]
    pub path_template: String,
    /// Names of state objects below the destination. Must hold `{stream}`; may hold `{env}`.
    #[serde(default = "default_state_path_template")]
    pub state_path_template: String,
    /// How data files are compressed: `none`, `gzip` (adds `.gz`) or `zstd` (adds `.zst`).
    #[serde(default)]
    pub compression: Compression,
    /// A file with this many uncompressed bytes is finished and the next one begun.
    #[serde(default = "default_max_file_bytes")]
    #[schemars(range(min = 1))]
    pub max_file_bytes: u64,
    /// How many files for days of the replication key take records at once. Beyond it the oldest is
    /// finished; what still comes of its day goes into a further file.
    #[serde(default = "default_max_open_files")]
    #[schemars(range(min = 1))]
    pub max_open_files: usize,
    /// The longest time between two commits while data flows, in seconds. A commit finishes the
    /// open files and stores the state.
    #[serde(default = "default_flush_interval_seconds")]
    #[schemars(range(min = 0))]
    pub flush_interval_seconds: u64,
    /// Whether every record is checked against its stream's schema. Without, no schema, however odd,
    /// refuses anything.
    #[serde(default = "default_true")]
    pub validate_records: bool,
    /// What is done with a record that doesn't match its stream's schema or lacks a key property:
    /// `fail` ends the run, `quarantine` puts it into `_invalid/{stream}/` with what is wrong with
    /// it, `keep` writes it like any other.
    #[serde(default)]
    pub on_invalid_record: OnInvalidRecord,
    /// The longest that a line of the input may be, in bytes.
    #[serde(default = "default_max_line_bytes")]
    #[schemars(range(min = 1))]
    pub max_line_bytes: usize,
    /// Whether `_sdc_extracted_at`, `_sdc_received_at`, `_sdc_batched_at`, `_sdc_sequence`,
    /// `_sdc_table_version` and `_sdc_deleted_at` are added to every record.
    #[serde(default)]
    pub add_record_metadata: bool,
    /// The directory below which the files of BATCH messages must be. They are opened by what the
    /// tap says, so no others are.
    #[schemars(extend("x-default" = "the system's temporary directory and the working directory"))]
    pub batch_root: Option<PathBuf>,
    /// A Google Cloud credentials file (service account key, authorized user, workload identity
    /// federation or impersonation).
    #[schemars(extend("x-default" = "Application Default Credentials"))]
    pub credentials_file: Option<PathBuf>,
    /// The storage service's base URL. `STORAGE_EMULATOR_HOST` does the same. An endpoint on plain
    /// http is sent no credentials.
    #[schemars(extend("x-default" = "Google's"))]
    pub endpoint: Option<String>,
    /// The project that is billed for requests, for buckets whose requester pays.
    #[schemars(length(min = 1))]
    pub user_project: Option<String>,
    /// The storage class of data objects, such as `NEARLINE`.
    #[schemars(extend("x-default" = "the bucket's"))]
    pub storage_class: Option<String>,
    /// The Cloud KMS key that encrypts data objects:
    /// `projects/P/locations/L/keyRings/R/cryptoKeys/K`.
    #[schemars(extend("x-default" = "the bucket's"))]
    pub kms_key_name: Option<String>,
    /// Custom metadata set on every data object.
    #[serde(default)]
    pub object_metadata: BTreeMap<String, String>,
    /// How long one request to the storage service may make no progress, in seconds.
    #[serde(default = "default_request_timeout_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    pub request_timeout_seconds: u64,
    /// How long a request that keeps failing is retried, in seconds from its first failure. Every
    /// byte that arrives starts it anew; 0 means no retries.
    #[serde(default = "default_retry_deadline_seconds")]
    #[schemars(range(min = 0, max = 86400))]
    pub retry_deadline_seconds: u64,
}

/// How data files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// What is done with a record that isn't as its stream's SCHEMA says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OnInvalidRecord {
    #[default]
    Fail,
    Quarantine,
    Keep,
}

impl Compression {
    /// What it adds to a file's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

fn default_path_template() -> String {
    "{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json".to_owned()
}

fn default_state_path_template() -> String {
    "_intercom_state/{stream}_state.json".to_owned()
}

fn default_max_file_bytes() -> u64 {
    256 * 1024 * 1024
}

fn default_max_line_bytes() -> usize {
    256 * 1024 * 1024
}

fn default_max_open_files() -> usize {
    100
}

fn default_flush_interval_seconds() -> u64 {
    300
}

fn default_request_timeout_seconds() -> u64 {
    60
}

fn default_retry_deadline_seconds() -> u64 {
    300
}

fn default_true() -> bool {
    true
}

/// The settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where files go.
    pub destination: Destination,
    /// How data files are named.
    pub path_template: PathTemplate,
    /// How state objects are named.
    pub state_path_template: StatePathTemplate,
    /// How data files are compressed.
    pub compression: Compression,
    /// A file with this many uncompressed bytes is finished.
    pub max_file_bytes: u64,
    /// How many files for days of the replication key take records at once.
    pub max_open_files: usize,
    /// The longest time between two commits while data flows.
    pub flush_interval: Duration,
    /// Whether records are checked against their schema.
    pub validate_records: bool,
    /// What is done with those that fail.
    pub on_invalid_record: OnInvalidRecord,
    /// The longest that a line may be.
    pub max_line_bytes: usize,
    /// Whether `_sdc_…` properties are added.
    pub add_record_metadata: bool,
    /// Where files of BATCH messages must be; `None`: in one of the usual places.
    pub batch_root: Option<PathBuf>,
}

/// A place for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A bucket.
    Bucket(Box<BucketConfig>),
}

/// A bucket and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketConfig {
    /// The bucket's name.
    pub bucket: String,
    /// What every object's name begins with: empty, or ending with a slash.
    pub prefix: String,
    /// Scheme, host and port, without a slash at the end.
    pub endpoint: String,
    /// Where credentials come from; `None` means Application Default Credentials.
    pub credentials_file: Option<PathBuf>,
    /// The project that is billed for requests.
    pub user_project: Option<String>,
    /// The storage class of data objects.
    pub storage_class: Option<String>,
    /// The Cloud KMS key of data objects.
    pub kms_key_name: Option<String>,
    /// Custom metadata of data objects.
    pub object_metadata: BTreeMap<String, String>,
    /// How long one request may make no progress.
    pub request_timeout: Duration,
    /// How long a failing request is retried.
    pub retry_deadline: Duration,
}

/// Where Google's public cloud serves storage.
pub const GOOGLE: &str = "https://storage.googleapis.com";

impl Settings {
    /// Checks what the schema can't say; `emulator_host` is the value of `STORAGE_EMULATOR_HOST`.
    pub fn check(self, emulator_host: Option<String>) -> Result<Config, Failure> {
        let environment = self.environment.as_deref();
        if let Some(name) = environment {
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
            if !name.chars().all(allowed) || name.starts_with('.') {
                return Err(Failure::usage(format_args!(
                    "setting `environment` is {name:?}, but must be made of letters, digits, `_`, `.` and `-`"
                )));
            }
        }
        let template_fault =
            |key: &str, error| Failure::usage(format_args!("setting `{key}` {error}"));
        let destination = self.destination(emulator_host)?;
        let limits = match &destination {
            Destination::Directory(_) => NameLimits::DIRECTORY,
            Destination::Bucket(bucket) => NameLimits::bucket(&bucket.prefix),
        };
        let path_template = PathTemplate::parse(&self.path_template, environment)
            .and_then(|template| template.within(limits))
            .map_err(|error| template_fault("path_template", error))?;
        let state_path_template = StatePathTemplate::parse(&self.state_path_template, environment)
            .and_then(|template| template.within(limits))
            .map_err(|error| template_fault("state_path_template", error))?;
        Ok(Config {
            destination,
            path_template,
            state_path_template,
            compression: self.compression,
            max_file_bytes: self.max_file_bytes,
            max_open_files: self.max_open_files,
            flush_interval: Duration::from_secs(self.flush_interval_seconds),
            validate_records: self.validate_records,
            on_invalid_record: self.on_invalid_record,
            max_line_bytes: self.max_line_bytes,
            add_record_metadata: self.add_record_metadata,
            batch_root: self.batch_root,
        })
    }

    fn destination(&self, emulator_host: Option<String>) -> Result<Destination, Failure> {
        let fault = |text: &str| {
            Failure::usage(format_args!(
                "setting `destination` is {:?}, but {text}",
                self.destination
            ))
        };
        let mut destination = self.destination.clone();
        if destination.contains("{env}") {
            let environment = self.environment.as_deref().ok_or_else(|| {
                fault("the setting `environment` is not set").hint("`environment` fills `{env}`")
            })?;
            destination = destination.replace("{env}", environment);
        }
        if let Some(rest) = destination.strip_prefix("gs://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let allowed = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-".contains(letter)
            };
            if bucket.len() < 3 || !bucket.chars().all(allowed) {
                return Err(fault("it must name a bucket, as in gs://bucket/prefix"));
            }
            let prefix = prefix.trim_end_matches('/');
            if prefix.split('/').any(|part| matches!(part, "." | ".."))
                || prefix.starts_with('/')
                || prefix.contains("//")
                || prefix
                    .chars()
                    .any(|letter| letter.is_control() || "{}".contains(letter))
            {
                return Err(fault(
                    "its prefix must not hold empty, `.` or `..` parts or braces",
                ));
            }
            let prefix = if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            };
            return Ok(Destination::Bucket(Box::new(BucketConfig {
                bucket: bucket.to_owned(),
                prefix,
                endpoint: self.endpoint(emulator_host)?,
                credentials_file: self.credentials_file.clone(),
                user_project: self.user_project.clone(),
                storage_class: self.storage_class.clone(),
                kms_key_name: self.kms_key_name.clone(),
                object_metadata: self.object_metadata.clone(),
                request_timeout: Duration::from_secs(self.request_timeout_seconds),
                retry_deadline: Duration::from_secs(self.retry_deadline_seconds),
            })));
        }
        directory(&destination)
            .map(Destination::Directory)
            .map_err(fault)
    }

    fn endpoint(&self, emulator_host: Option<String>) -> Result<String, Failure> {
        let (key, mut endpoint) = match (&self.endpoint, emulator_host) {
            (Some(endpoint), _) => ("setting `endpoint`", endpoint.clone()),
            (None, Some(host)) if host.contains("://") => ("STORAGE_EMULATOR_HOST", host),
            (None, Some(host)) if !host.is_empty() => {
                ("STORAGE_EMULATOR_HOST", format!("http://{host}"))
            }
            _ => return Ok(GOOGLE.to_owned()),
        };
        endpoint.truncate(endpoint.trim_end_matches('/').len());
        let uri: Option<ureq::http::Uri> = endpoint.parse().ok();
        let usable = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
                && matches!(uri.path(), "" | "/")
                && uri.query().is_none()
        });
        if !usable {
            return Err(Failure::usage(format_args!(
                "{key} is {endpoint:?}, but must be a URL of scheme, host and port, as in https://storage.googleapis.com"
            )));
        }
        // What is sent over https is told by this.
        if let Some(scheme) = endpoint.find("://") {
            endpoint[..scheme].make_ascii_lowercase();
        }
        Ok(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(value: serde_json::Value) -> Settings {
        serde_json::from_value(value).unwrap()
    }

    fn bucket(value: serde_json::Value, emulator_host: Option<&str>) -> BucketConfig {
        match settings(value)
            .check(emulator_host.map(str::to_owned))
            .unwrap()
            .destination
        {
            Destination::Bucket(bucket) => *bucket,
            Destination::Directory(path) => panic!("not a bucket: {}", path.display()),
        }
    }

    #[test]
    fn destinations() {
        let found = bucket(
            json!({"destination": "gs://intercom-api-{env}/a/b/", "environment": "prod"}),
            None,
        );
        assert_eq!(
            (found.bucket.as_str(), found.prefix.as_str()),
            ("intercom-api-prod", "a/b/")
        );
        assert_eq!(found.endpoint, "https://storage.googleapis.com");
    }

    #[test]
    fn endpoints() {
        let endpoint = |host| bucket(json!({"destination": "gs://bucket"}), Some(host)).endpoint;
        assert_eq!(endpoint("localhost:9023"), "http://localhost:9023");
        assert_eq!(endpoint("https://gcs.test/"), "https://gcs.test");
        assert_eq!(endpoint("HTTPS://gcs.test"), "https://gcs.test");
        let own = json!({"destination": "gs://bucket", "endpoint": "http://127.0.0.1:1"});
        assert_eq!(
            bucket(own, Some("localhost:9023")).endpoint,
            "http://127.0.0.1:1"
        );
    }

    #[test]
    fn faults_name_the_setting() {
        let fault = |value| settings(value).check(None).unwrap_err().to_string();
        insta::assert_snapshot!(fault(json!({"destination": "gs://bucket-{env}"})), @r#"
        setting `destination` is "gs://bucket-{env}", but the setting `environment` is not set
        hint: `environment` fills `{env}`
        "#);
        insta::assert_snapshot!(fault(json!({"destination": "gs://"})), @r#"setting `destination` is "gs://", but it must name a bucket, as in gs://bucket/prefix"#);
        insta::assert_snapshot!(fault(json!({"destination": "gs://bucket/../x"})), @r#"setting `destination` is "gs://bucket/../x", but its prefix must not hold empty, `.` or `..` parts or braces"#);
        insta::assert_snapshot!(fault(json!({"destination": "s3://bucket"})), @r#"setting `destination` is "s3://bucket", but it must begin with gs:// or file://, or be a path"#);
        insta::assert_snapshot!(fault(json!({"destination": "file://host/a"})), @r#"setting `destination` is "file://host/a", but a file URL has three slashes, as in file:///data/lake"#);
        insta::assert_snapshot!(fault(json!({"destination": "x", "environment": "a/b"})), @r#"setting `environment` is "a/b", but must be made of letters, digits, `_`, `.` and `-`"#);
        insta::assert_snapshot!(fault(json!({"destination": "x", "path_template": "{stream}"})), @"setting `path_template` must hold `{timestamp}`");
        insta::assert_snapshot!(fault(json!({"destination": "gs://bucket", "endpoint": "localhost:1"})), @r#"setting `endpoint` is "localhost:1", but must be a URL of scheme, host and port, as in https://storage.googleapis.com"#);
    }
}
