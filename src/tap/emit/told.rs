//! Progress in words. Pure: durations and counts in, text out.

use std::time::Duration;

/// What is said of a time that nothing may be sent in.
#[must_use]
pub fn waiting(left: Duration) -> String {
    format!(
        "waiting {} s for the API's limit",
        left.as_secs_f64().ceil()
    )
}

/// How much longer it takes where all goes on as it did, of `done` records out of so many.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
pub fn left(spent: Duration, done: u64, total: Option<u64>) -> Option<String> {
    let total = total.filter(|total| done > 0 && *total >= done)?;
    let seconds = spent.mul_f64((total - done) as f64 / done as f64).as_secs();
    Some(match seconds {
        ..60 => format!("{seconds} s to go"),
        60..3600 => format!("{} min to go", seconds.div_ceil(60)),
        _ => format!("{} h {} min to go", seconds / 3600, seconds % 3600 / 60),
    })
}

/// How many requests there were, and how many a second.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub fn rate(requests: u64, spent: Duration) -> String {
    let rate = requests as f64 / spent.as_secs_f64().max(0.001);
    format!("{requests} requests ({rate:.0}/s)")
}

/// As many of the first texts as fit into so many columns.
#[must_use]
pub fn fitted(texts: &[String], columns: usize) -> String {
    let mut line = String::new();
    for text in texts {
        let comma = if line.is_empty() { "" } else { ", " };
        if line.chars().count() + comma.len() + text.chars().count() > columns {
            break;
        }
        line += comma;
        line += text;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_units_that_people_count_in() {
        let told = |seconds, done, total| left(Duration::from_secs(seconds), done, Some(total));
        assert_eq!(told(10, 0, 100), None);
        assert_eq!(told(10, 50, 100).unwrap(), "10 s to go");
        assert_eq!(told(59, 1, 2).unwrap(), "59 s to go");
        assert_eq!(told(60, 1, 2).unwrap(), "1 min to go");
        assert_eq!(told(61, 1, 2).unwrap(), "2 min to go");
        assert_eq!(told(3600, 1, 3).unwrap(), "2 h 0 min to go");
        assert_eq!(told(10, 100, 100).unwrap(), "0 s to go");
        // A total that more records came than.
        assert_eq!(told(10, 101, 100), None);
        assert_eq!(
            waiting(Duration::from_millis(6200)),
            "waiting 7 s for the API's limit"
        );
    }

    #[test]
    fn a_line_ends_with_the_last_text_that_fits() {
        let texts = [
            "waiting 7 s for the API's limit",
            "12 s to go",
            "5 records of 10",
        ];
        let texts = texts.map(str::to_owned);
        for columns in 20..=200 {
            let line = fitted(&texts, columns);
            assert!(line.len() <= columns, "{line}");
        }
        assert_eq!(fitted(&texts, 31), texts[0]);
        assert_eq!(fitted(&texts, 42), texts[0]);
        assert_eq!(fitted(&texts, 43), texts[..2].join(", "));
        assert_eq!(fitted(&texts, 200), texts.join(", "));
        assert_eq!(fitted(&texts, 30), "");
    }
}
