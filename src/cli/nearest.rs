//! What somebody meant who wrote a name that there isn't.

/// The known name that is nearest to `name`, where less than half of it is another.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    known
        .map(|known| (distance(known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .map(|(_, known)| known)
}

/// The known name of which `name` can only be a slip of the pen: a letter or two apart, and not just
/// another number.
#[must_use]
pub fn slip_of<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let without_digits =
        |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let most = if name.len() < 8 { 1 } else { 2 };
    nearest(name, known).filter(|known| {
        strsim::damerau_levenshtein(known, name) <= most
            && without_digits(known) != without_digits(name)
    })
}

/// Names given one by one or in one text with commas between them.
pub fn each_name(given: &[String]) -> impl Iterator<Item = &str> {
    given
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_a_letter_or_two_and_no_other_number() {
        let known = ["contacts", "tags", "events_2023", "conversations"];
        for (name, meant) in [
            ("contcts", Some("contacts")),
            ("contact", Some("contacts")),
            ("convrsatons", Some("conversations")),
            ("tag", Some("tags")),
            ("teams", None),
            ("events_2024", None),
            ("contact_tags", None),
        ] {
            assert_eq!(slip_of(name, known.into_iter()), meant, "{name}");
        }
    }
}
