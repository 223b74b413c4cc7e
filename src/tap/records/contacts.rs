//! Stream `contacts`: the people a company talks to, known as users or leads.

use super::shared::{AttachedList, Avatar, Id, NumericTimestamp, OpenObject, Timestamp};
use schemars::JsonSchema;

/// A person the company talks to: a user or a lead.
#[derive(JsonSchema)]
pub struct Contact {
    /// Kind of object: `contact`.
    pub r#type: Option<String>,
    /// Identifier that Intercom gave the contact.
    pub id: Id,
    /// Identifier that the company's own systems gave the contact.
    pub external_id: Option<Id>,
    /// Identifier of the workspace that the contact belongs to.
    pub workspace_id: Option<Id>,
    /// Whether the contact is a `user` or a `lead`.
    pub role: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Domain of the email address.
    pub email_domain: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Phone number in its international form; only the preview version sends it.
    pub formatted_phone: Option<String>,
    /// Full name.
    pub name: Option<String>,
    /// Picture of the contact: its address, or an object that holds it.
    pub avatar: Option<Avatar>,
    /// Identifier of the admin who owns the account.
    pub owner_id: Option<Id>,
    /// Profiles on social networks.
    pub social_profiles: Option<SocialProfileList>,
    /// Whether an email to the contact bounced for good.
    pub has_hard_bounced: Option<bool>,
    /// Whether the contact reported an email as spam.
    pub marked_email_as_spam: Option<bool>,
    /// Whether the contact opted out of all emails.
    pub unsubscribed_from_emails: Option<bool>,
    /// Whether the contact opted out of all text messages; sent, though not documented.
    pub unsubscribed_from_sms: Option<bool>,
    /// Whether the contact agreed to text messages; sent, though not documented.
    pub sms_consent: Option<bool>,
    /// When the contact was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the contact last changed, in epoch seconds.
    pub updated_at: Option<NumericTimestamp>,
    /// When the contact signed up, in epoch seconds.
    pub signed_up_at: Option<Timestamp>,
    /// When the contact was last seen, in epoch seconds.
    pub last_seen_at: Option<Timestamp>,
    /// When the contact last wrote to the company, in epoch seconds.
    pub last_replied_at: Option<Timestamp>,
    /// When the company last wrote to the contact, in epoch seconds.
    pub last_contacted_at: Option<Timestamp>,
    /// When the contact last opened an email, in epoch seconds.
    pub last_email_opened_at: Option<Timestamp>,
    /// When the contact last followed a link in an email, in epoch seconds.
    pub last_email_clicked_at: Option<Timestamp>,
    /// Language chosen for the Messenger in place of the browser's.
    pub language_override: Option<String>,
    /// Browser in use.
    pub browser: Option<String>,
    /// Version of the browser.
    pub browser_version: Option<String>,
    /// Language the browser asks for.
    pub browser_language: Option<String>,
    /// Operating system in use.
    pub os: Option<String>,
    /// Where the contact is.
    pub location: Option<Location>,
    /// Name of the Android app in use.
    pub android_app_name: Option<String>,
    /// Version of the Android app.
    pub android_app_version: Option<String>,
    /// Model of the Android device.
    pub android_device: Option<String>,
    /// Version of Android.
    pub android_os_version: Option<String>,
    /// Version of the Intercom SDK in the Android app.
    pub android_sdk_version: Option<String>,
    /// When the contact was last seen in the Android app, in epoch seconds.
    pub android_last_seen_at: Option<Timestamp>,
    /// Name of the iOS app in use.
    pub ios_app_name: Option<String>,
    /// Version of the iOS app.
    pub ios_app_version: Option<String>,
    /// Model of the iOS device.
    pub ios_device: Option<String>,
    /// Version of iOS.
    pub ios_os_version: Option<String>,
    /// Version of the Intercom SDK in the iOS app.
    pub ios_sdk_version: Option<String>,
    /// When the contact was last seen in the iOS app, in epoch seconds.
    pub ios_last_seen_at: Option<Timestamp>,
    /// Attributes that the workspace defined for its contacts.
    pub custom_attributes: Option<OpenObject>,
    /// Tags on the contact.
    pub tags: Option<AttachedList>,
    /// Notes about the contact.
    pub notes: Option<AttachedList>,
    /// Companies the contact belongs to.
    pub companies: Option<AttachedList>,
    /// Subscription types the contact opted out of.
    pub opted_out_subscription_types: Option<AttachedList>,
    /// Subscription types the contact opted in to.
    pub opted_in_subscription_types: Option<AttachedList>,
    /// Marketing campaign of the visit that created the contact.
    pub utm_campaign: Option<String>,
    /// Which content of the campaign led to that visit.
    pub utm_content: Option<String>,
    /// Marketing medium of that visit.
    pub utm_medium: Option<String>,
    /// Traffic source of that visit.
    pub utm_source: Option<String>,
    /// Search term of that visit.
    pub utm_term: Option<String>,
    /// Page that referred the contact.
    pub referrer: Option<String>,
    /// Whether the contact accepts push messages.
    pub enabled_push_messaging: Option<bool>,
    /// Contacts that were merged into this one; only sent on request.
    pub merge_history: Option<Vec<MergedContact>>,
}

/// Profiles of a contact on social networks.
#[derive(JsonSchema)]
pub struct SocialProfileList {
    /// Kind of object: `list`.
    pub r#type: Option<String>,
    /// The profiles.
    pub data: Option<Vec<SocialProfile>>,
}

/// A profile on a social network.
#[derive(JsonSchema)]
pub struct SocialProfile {
    /// Kind of object: `social_profile`.
    pub r#type: Option<String>,
    /// Name of the network.
    pub name: Option<String>,
    /// Address of the profile.
    pub url: Option<String>,
}

/// Where a contact is.
#[derive(JsonSchema)]
pub struct Location {
    /// Kind of object: `location`.
    pub r#type: Option<String>,
    /// Country name.
    pub country: Option<String>,
    /// Region within the country.
    pub region: Option<String>,
    /// City name.
    pub city: Option<String>,
    /// Country code.
    pub country_code: Option<String>,
    /// Continent code.
    pub continent_code: Option<String>,
}

/// A contact that was merged into another.
#[derive(JsonSchema)]
pub struct MergedContact {
    /// Kind of object: `merge_history`.
    pub r#type: Option<String>,
    /// Identifier of the contact that is gone.
    pub source_contact_id: Option<Id>,
    /// Role that contact had: `lead` or `user`.
    pub source_contact_role: Option<String>,
    /// When the two were merged, in epoch seconds.
    pub merged_at: Option<Timestamp>,
}
