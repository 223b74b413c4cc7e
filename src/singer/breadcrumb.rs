//! Where in a schema a catalog's metadata is about: steps such as `properties`, `source`, `properties`,
//! `author`.

/// Whether a breadcrumb leads to a property. `items`, which leads into an array, takes no step of
/// its own.
pub fn is_at(breadcrumb: &[String], path: &[String]) -> bool {
    let mut steps = breadcrumb.iter();
    let mut names = path.iter();
    while let Some(step) = steps.next() {
        match step.as_str() {
            "items" => {}
            "properties" => match (steps.next(), names.next()) {
                (Some(step), Some(name)) if step == name => {}
                _ => return false,
            },
            _ => return false,
        }
    }
    names.next().is_none()
}

/// The names of properties that a breadcrumb leads through.
pub fn names_in(breadcrumb: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    let mut steps = breadcrumb.iter();
    while let Some(step) = steps.next() {
        if step == "properties" {
            names.extend(steps.next().cloned());
        }
    }
    names
}
