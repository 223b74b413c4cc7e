//! `--about`: what a program is and takes, for people and for Meltano.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::settings::{allowed_values, environment_variable, properties_of};
use super::{Program, VERSION};

/// How `--about` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// For programs: name, description, version, capabilities, settings.
    Json,
    /// For documents.
    Markdown,
}

/// The text of `--about`; `schema` is the settings' JSON Schema.
#[must_use]
pub fn render(program: &Program, schema: &Value, format: Format) -> String {
    match format {
        Format::Text => text(program, schema),
        Format::Json => {
            let about = json!({
                "name": program.name,
                "description": program.description,
                "version": VERSION,
                "capabilities": program.capabilities,
                "settings": schema,
            });
            format!("{about:#}\n")
        }
        Format::Markdown => format!(
            "# {} {VERSION}\n\n{}\n\n## Capabilities\n\n{}\n\n## Settings\n\n{}",
            program.name,
            program.description,
            program.capabilities.join(", "),
            settings_table(schema),
        ),
    }
}

fn text(program: &Program, schema: &Value) -> String {
    format!(
        "{} {VERSION}\n{}\n\nCapabilities: {}\n\nSettings:\n{}",
        program.name,
        program.description,
        program.capabilities.join(", "),
        settings_text(program, schema)
    )
}

/// The settings for a terminal: name and default, meaning, what it may be, its variable.
#[must_use]
pub fn settings_text(program: &Program, schema: &Value) -> String {
    let mut text = String::new();
    for (key, property) in properties_of(schema) {
        text += &format!(
            "  {key} ({})\n      {}\n      {}, or {}\n",
            default_of(schema, key, property),
            description_of(property),
            allowed_values(property),
            environment_variable(program, key),
        );
    }
    text
}

/// The settings as a Markdown table: key, default, what it may be, meaning.
#[must_use]
pub fn settings_table(schema: &Value) -> String {
    let mut table = String::from("| Setting | Default | Value | Meaning |\n|---|---|---|---|\n");
    for (key, property) in properties_of(schema) {
        table += &format!(
            "| `{key}` | {} | {} | {} |\n",
            default_of(schema, key, property),
            allowed_values(property),
            description_of(property),
        );
    }
    table
}

fn description_of(property: &Value) -> String {
    let description = property["description"].as_str().unwrap_or_default();
    description.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn default_of(schema: &Value, key: &str, property: &Value) -> String {
    let required = schema["required"]
        .as_array()
        .is_some_and(|keys| keys.iter().any(|required| required == key));
    match property.get("default") {
        _ if required => "required".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(value) => format!("`{value}`"),
        None => property["x-default"].as_str().unwrap_or("none").to_owned(),
    }
}
