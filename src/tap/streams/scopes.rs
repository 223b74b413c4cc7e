//! The permissions of a token as Intercom's Developer Hub calls them, by what they let it read:
//! <https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/oauth-scopes>.

/// What paths begin with, and the permission for them; the first that fits counts.
const SCOPES: &[(&str, &str)] = &[
    ("/admins/activity_logs", "Read admin activity logs"),
    ("/admins", "Read admins"),
    ("/teams", "Read admins"),
    ("/tags", "Read tags"),
    ("/contacts/{id}", "Read one user and one company"),
    ("/contacts", "Read and list users and companies"),
    ("/companies", "Read and list users and companies"),
    ("/segments", "Read and list users and companies"),
    ("/conversations", "Read conversations"),
    ("/macros", "Read conversations"),
    ("/tickets", "Read tickets"),
    ("/ticket_", "Read tickets"),
    ("/articles", "Read and List articles"),
    ("/help_center", "Read and List articles"),
    ("/news", "Read and List news items and newsfeeds"),
    (
        "/custom_object_instances",
        "Read and write custom object instances",
    ),
];

/// The permission that a token needs for a path of the table, where that is published.
#[must_use]
pub fn scope_of(path: &str) -> Option<&'static str> {
    SCOPES
        .iter()
        .find(|(beginning, _)| path.starts_with(beginning))
        .map(|(_, scope)| *scope)
}
