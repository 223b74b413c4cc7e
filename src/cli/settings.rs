//! Settings from configuration files and the environment, checked against the schema that their
//! type derives. The type's doc comments are the one place where a setting is described.

use std::fs;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::foreign::{holds_secret, never_show};
use super::nearest::{each_name, nearest};
use super::{Failure, Program};
use crate::schema::document;

/// The word that stands for the environment where a configuration file is expected.
const ENVIRONMENT: &str = "ENV";
/// Tokens and keys are longer than this, in bytes; what people mean to write is seldom.
const LONGEST_SHOWN: usize = 40;
/// Letters or digits in a row, of one kind and of both.
const LONGEST_WORD: usize = 16;
const LONGEST_MIXED: usize = 5;

/// The JSON Schema (draft 7) of a settings type: one object whose properties are the settings, with
/// `description`, `default`, range, `secret` and `x-aliases` where they apply.
///
/// # Panics
/// Never for a struct with named fields.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.transforms.push(Box::new(RecursiveTransform(tidy)));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.remove("description");
    schema.to_value()
}

/// An unset setting is absent, never null, and Rust's integer widths are nobody's business.
fn tidy(schema: &mut Schema) {
    schema.remove("format");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if types.len() == 1 {
            let only = types.remove(0);
            schema.insert("type".into(), only);
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// Reads the settings from `sources`: paths of JSON files, or the word `ENV` for the environment;
/// later ones win. Without any source the environment is read.
///
/// Unknown keys are warned of with the nearest known key. A null counts as unset.
pub fn load<T: JsonSchema + DeserializeOwned>(
    program: &Program,
    sources: &[String],
) -> Result<T, Failure> {
    let schema = schema_of::<T>();
    let properties = properties_of(&schema);
    let environment = [ENVIRONMENT.to_owned()];
    let sources = if sources.is_empty() {
        &environment
    } else {
        sources
    };

    let mut given = Map::new();
    for source in sources {
        let found = if source == ENVIRONMENT {
            from_environment(program, properties)
        } else {
            from_file(source)?
        };
        for (key, value) in found {
            if value.is_null() {
                continue;
            }
            match canonical_name(properties, &key) {
                Some(name) => {
                    let value = listed(&properties[name], value);
                    given.insert(name.to_owned(), value);
                }
                None => warn_of_unknown(properties, &key, source, &|name| format!("`{name}`")),
            }
        }
    }
    check(program, &schema, &given)?;
    serde_json::from_value(Value::Object(given))
        .map_err(|error| Failure::usage(format_args!("the configuration can't be used: {error}")))
}

/// The settings of a schema made by [`schema_of`], by name.
#[must_use]
pub fn properties_of(schema: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    schema["properties"].as_object().unwrap_or(&NONE)
}

/// The environment variable that holds a setting.
#[must_use]
pub fn environment_variable(program: &Program, key: &str) -> String {
    format!("{}_{}", program.env_prefix, key.to_ascii_uppercase())
}

fn from_file(path: &str) -> Result<Map<String, Value>, Failure> {
    let text = fs::read(path).map_err(|error| {
        Failure::usage(format_args!(
            "the configuration file {path} can't be read: {error}"
        ))
    })?;
    // The parser's message is shown by position only: it may quote the text, and with it a secret.
    let value: Value = serde_json::from_slice(&text).map_err(|error| {
        Failure::usage(format_args!(
            "the configuration file {path} isn't valid JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    match value {
        Value::Object(settings) => Ok(settings),
        _ => Err(Failure::usage(format_args!(
            "the configuration file {path} must hold one JSON object"
        ))),
    }
}

fn from_environment(program: &Program, properties: &Map<String, Value>) -> Map<String, Value> {
    warn_of_unknown_variables(program, properties);
    let mut found = Map::new();
    for (key, property) in properties {
        let Ok(text) = std::env::var(environment_variable(program, key)) else {
            continue;
        };
        if text.is_empty() {
            continue;
        }
        let value = match property["type"].as_str() {
            Some("string") => Value::String(text),
            // Python writes True and False.
            Some("boolean") if text.eq_ignore_ascii_case("true") => Value::Bool(true),
            Some("boolean") if text.eq_ignore_ascii_case("false") => Value::Bool(false),
            Some("array") if !text.trim_start().starts_with('[') => Value::String(text),
            _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        };
        found.insert(key.clone(), value);
    }
    found
}

/// A list of texts may be written as one, with commas between them.
fn listed(property: &Value, value: Value) -> Value {
    match value {
        Value::String(text)
            if is_list_of_texts(property) && !text.trim_start().starts_with('[') =>
        {
            each_name(&[text]).map(Value::from).collect()
        }
        value => value,
    }
}

fn is_list_of_texts(property: &Value) -> bool {
    property["type"] == "array" && property["items"]["type"] == "string"
}

fn canonical_name<'a>(properties: &'a Map<String, Value>, key: &'a str) -> Option<&'a str> {
    if properties.contains_key(key) {
        return Some(key);
    }
    let has_alias = |property: &Value| {
        property["x-aliases"]
            .as_array()
            .is_some_and(|aliases| aliases.iter().any(|alias| alias == key))
    };
    properties
        .iter()
        .find(|(_, property)| has_alias(property))
        .map(|(name, _)| name.as_str())
}

/// `written` is how a setting's name is written where it was found.
fn warn_of_unknown(
    properties: &Map<String, Value>,
    key: &str,
    source: &str,
    written: &dyn Fn(&str) -> String,
) {
    let meant = nearest(key, properties.keys().map(String::as_str));
    let suggestion = meant.map_or_else(String::new, |name| {
        format!("; did you mean {}?", written(name))
    });
    tracing::warn!(
        "unknown setting {} in {source} is ignored{suggestion}",
        written(key)
    );
}

/// A variable with the program's prefix that is no setting is a slip of the pen, as in a file.
fn warn_of_unknown_variables(program: &Program, properties: &Map<String, Value>) {
    // Read by the log, before there are settings.
    let of_the_log = ["loglevel", "log_format"];
    for (variable, _) in std::env::vars_os() {
        let Some(key) = variable
            .to_str()
            .and_then(|name| name.strip_prefix(program.env_prefix)?.strip_prefix('_'))
            .map(str::to_ascii_lowercase)
        else {
            continue;
        };
        if !properties.contains_key(&key) && !of_the_log.contains(&key.as_str()) {
            warn_of_unknown(properties, &key, "the environment", &|name| {
                environment_variable(program, name)
            });
        }
    }
}

/// All that is wrong is told at once: who mends a configuration wants to try again only once.
fn check(program: &Program, schema: &Value, given: &Map<String, Value>) -> Result<(), Failure> {
    let properties = properties_of(schema);
    let mut faults = Vec::new();
    let mut hint = None;
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().unwrap_or_default();
        if !given.contains_key(key) {
            faults.push(format!("setting `{key}` is missing"));
            hint.get_or_insert_with(|| {
                format!(
                    "put it into a file given with --config, or set {}, which is read with \
                     --config ENV or without any --config",
                    environment_variable(program, key)
                )
            });
        }
    }
    for (key, value) in given {
        let property = &properties[key];
        let is_secret = property["secret"] == true;
        if is_secret && let Some(text) = value.as_str() {
            never_show(text.trim());
        }
        if !is_secret && has_secret(value) {
            faults.push(format!(
                "setting `{key}` holds a token or a key, which is not shown"
            ));
            hint = Some(
                "a token belongs in the setting that is made for it; Google's credentials belong in \
                 a file, and the path of their file in `credentials_file`"
                    .to_owned(),
            );
        } else if !document::is_valid(property, value) {
            faults.push(format!(
                "setting `{key}` is {}, but must be {}",
                shown(property, value),
                allowed_values(property)
            ));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let failure = Failure::usage(faults.join("\n"));
    Err(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_secret(text),
        Value::Array(values) => values.iter().any(has_secret),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| holds_secret(name) || has_secret(value)),
        _ => false,
    }
}

/// A value that can't be used, for the one who wrote it. A secret may stand under a wrong key too, so
/// only what is too short for one is shown.
fn shown(property: &Value, value: &Value) -> String {
    match value {
        _ if property["secret"] == true => "a value that is not shown".to_owned(),
        Value::String(text) => quoted(text),
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        other => other.to_string(),
    }
}

/// A text of a configuration in quotes, where it can't be a secret.
#[must_use]
pub fn quoted(text: &str) -> String {
    if text.len() > LONGEST_SHOWN || text.split(is_between_words).any(may_be_secret) {
        return format!("a text of {} characters", text.chars().count());
    }
    format!("{text:?}")
}

fn is_between_words(letter: char) -> bool {
    !letter.is_alphanumeric()
}

/// Keys and passwords mix letters and digits, or are longer than words. What people mistype doesn't: a
/// date, a number, a word, a host.
fn may_be_secret(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|letter| letter.is_alphabetic()).count();
    digits + letters > LONGEST_WORD || (digits + letters > LONGEST_MIXED && digits * letters > 0)
}

/// What a setting may be, in words that follow "must be".
#[must_use]
pub fn allowed_values(property: &Value) -> String {
    if let Some(values) = property["enum"].as_array() {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return format!("one of {}", values.join(", "));
    }
    let noun = match property["type"].as_str() {
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("boolean") => "true or false",
        Some("object") => "an object",
        Some("array") if is_list_of_texts(property) => "a list of strings, or one with commas",
        Some("array") => "an array",
        _ => "a string",
    };
    match (property.get("minimum"), property.get("maximum")) {
        (Some(least), Some(most)) => format!("{noun} from {least} to {most}"),
        (Some(least), None) => format!("{noun} of at least {least}"),
        (None, Some(most)) => format!("{noun} of at most {most}"),
        (None, None) if property["minLength"] == 1 => format!("{noun} that isn't empty"),
        (None, None) => noun.to_owned(),
    }
}
