//! The two programs as Meltano plugins: definitions for `meltano add --from-ref`, and the same in
//! the example project.

use std::fs;

use intercom_singer::internals::tap::streams;
use intercom_singer::internals::{Program, settings};
use intercom_singer::internals::{tap, target};
use serde_json::Value;

use crate::{REWRITE, check, root};

const FOLDER: &str = "examples/meltano";

#[test]
fn meltano_knows_what_the_programs_say_of_themselves() {
    let tap_settings = settings::schema_of::<tap::Settings>();
    let target_settings = settings::schema_of::<target::Settings>();
    let tap = Plugin {
        program: &tap::PROGRAM,
        label: "Intercom",
        description: "Contacts, conversations, calls, articles and more of an Intercom workspace",
        settings: &tap_settings,
        select: streams::all()
            .flat_map(|stream| {
                let children = stream.children.iter();
                let children = children.map(|child| (child.name, child.selected_by_default));
                std::iter::once((stream.name, stream.selected_by_default)).chain(children)
            })
            .filter(|(_, selected_by_default)| *selected_by_default)
            .map(|(name, _)| name)
            .collect(),
        config: &[],
    };
    let target = Plugin {
        program: &target::PROGRAM,
        label: "Google Cloud Storage",
        description: "JSON files partitioned by date, in a bucket or a directory",
        settings: &target_settings,
        select: Vec::new(),
        config: &[("destination", "output")],
    };
    let project_path = format!("{FOLDER}/meltano.yml");
    let mut project = fs::read_to_string(root().join(&project_path)).unwrap();
    for plugin in [tap, target] {
        let name = plugin.program.name;
        check(&format!("{FOLDER}/{name}.yml"), &plugin.definition());
        project = between(&project, name, &plugin.in_project());
    }
    check(&project_path, &project);
}

struct Plugin<'a> {
    program: &'a Program,
    label: &'a str,
    description: &'a str,
    settings: &'a Value,
    /// The streams that are read when nobody chooses: Meltano would read all.
    select: Vec<&'a str>,
    /// Values for required settings, so that a project without any runs.
    config: &'a [(&'a str, &'a str)],
}

impl Plugin<'_> {
    /// Of all that isn't a part of a variant, Meltano drops what it takes for extras.
    fn definition(&self) -> String {
        let name = self.program.name;
        let about = self.about(0);
        let (of_all, of_variant) = about.split_once("executable:").unwrap();
        let of_variant = format!("executable:{of_variant}").replace('\n', "\n    ");
        let mut text = format!(
            "# Written by `{REWRITE}`.\nname: {name}\n{of_all}variants:\n  - name: own\n    {}\n",
            of_variant.trim_end()
        );
        text += &self.all_settings(4);
        if !self.select.is_empty() {
            text += "    select:\n";
            for stream in &self.select {
                text += &format!("      - \"{stream}.*\"\n");
            }
        }
        if !self.config.is_empty() {
            text += "    config:\n";
            for (setting, value) in self.config {
                text += &format!("      {setting}: {value}\n");
            }
        }
        text
    }

    fn in_project(&self) -> String {
        format!("{}{}", self.about(6), self.all_settings(6))
    }

    fn about(&self, indent: usize) -> String {
        let program = self.program;
        let indent = " ".repeat(indent);
        let required = self.settings["required"].as_array().unwrap();
        let required: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
        let lines = [
            format!("namespace: {}", program.name.replace('-', "_")),
            format!("label: {}", self.label),
            format!("description: {}", self.description),
            format!("executable: {}", program.name),
            format!("capabilities: [{}]", program.capabilities.join(", ")),
            "settings_group_validation:".to_owned(),
            format!("  - [{}]", required.join(", ")),
        ];
        let mut text = String::new();
        for line in lines {
            text += &format!("{indent}{line}\n");
        }
        text
    }

    fn all_settings(&self, indent: usize) -> String {
        let indent = " ".repeat(indent);
        let mut text = format!("{indent}settings:\n");
        for (name, property) in settings::properties_of(self.settings) {
            for line in setting(name, property) {
                text += &format!("{indent}  {line}\n");
            }
        }
        text
    }
}

fn setting(name: &str, property: &Value) -> Vec<String> {
    let is_secret = property["secret"] == true;
    let mut lines = vec![
        format!("- name: {name}"),
        format!("  kind: {}", kind(name, property)),
    ];
    if is_secret {
        lines.push("  sensitive: true".to_owned());
    }
    lines.push(format!("  label: {}", label(name)));
    lines.push("  description: >-".to_owned());
    lines.extend(folded(property["description"].as_str().unwrap()));
    if let Some(options) = property["enum"].as_array() {
        lines.push("  options:".to_owned());
        for option in options.iter().filter_map(Value::as_str) {
            lines.push(format!("    - {{value: {option}, label: {option}}}"));
        }
    }
    let default = property.get("default");
    if let Some(value) = default.filter(|value| **value != serde_json::json!({})) {
        lines.push(format!("  value: {value}"));
    }
    lines
}

/// Meltano's word for what a setting may be.
fn kind<'a>(name: &str, property: &'a Value) -> &'a str {
    match property["type"].as_str() {
        _ if property["secret"] == true => "password",
        _ if property["enum"].is_array() => "options",
        _ if name.ends_with("_date") => "date_iso8601",
        _ if name.ends_with("_file") => "file",
        kind => kind.unwrap_or("string"),
    }
}

fn label(name: &str) -> String {
    let words = name.split('_').enumerate().map(|(place, word)| match word {
        "api" | "url" | "kms" => word.to_uppercase(),
        _ if place == 0 => word[..1].to_uppercase() + &word[1..],
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A text in lines of what a folded block may hold.
fn folded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 78 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("    {word}")),
        }
    }
    lines
}

/// The project with what the plugin says of itself replaced: from below its name to its `config`.
fn between(project: &str, name: &str, text: &str) -> String {
    let begin = format!("    - name: {name}\n      namespace: ");
    let start = project.find(&begin).unwrap() + begin.find("      namespace").unwrap();
    let stop = start + project[start..].find("      config:\n").unwrap();
    format!("{}{text}{}", &project[..start], &project[stop..])
}
