//! A bucket as a store, by the JSON API.

use std::sync::Arc;

use serde::Deserialize;
use ureq::http::StatusCode;

use super::auth::Tokens;
use super::blocks::SpareBlocks;
use super::bucket::{Bucket, LARGEST_CHUNK, Metadata, encode, get};
use super::check;
use super::credentials::misconfigured;
use super::error::StoreError;
use super::http::{Reply, StorageClient};
use super::names::ObjectNames;
use super::pieces::Pieces;
use super::stored::{Generation, Listed, ServiceRequests, Stored};
use super::upload::{Upload, encode_crc32c};
use crate::cli::stop::Stop;
use crate::target::config::{BucketConfig, GOOGLE};

/// A bucket. Clones share it.
#[derive(Clone, Debug)]
pub struct GcsStore {
    bucket: Arc<Bucket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    /// `storage#objects`: what has none is some other service's answer, and no empty listing.
    kind: String,
    #[serde(default)]
    items: Vec<Item>,
    /// Folders, each with its slash at the end.
    #[serde(default)]
    prefixes: Vec<String>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    /// Decimal.
    size: Option<String>,
    /// Decimal.
    generation: Option<String>,
    /// Base64 of the big-endian checksum.
    crc32c: Option<String>,
}

impl GcsStore {
    /// Looks credentials up; asks the service for nothing.
    pub fn open(config: &BucketConfig, stop: &Stop) -> Result<Self, StoreError> {
        if !config.endpoint.starts_with("https://") {
            tracing::info!("{} is plain http: no credentials are sent", config.endpoint);
            return Self::with_tokens(config, None, stop);
        }
        let tokens = Tokens::new(config.credentials_file.as_deref(), stop)?;
        let mut config = config.clone();
        if let Some(domain) = tokens.universe_domain()
            && config.endpoint == GOOGLE
        {
            // Tokens of another cloud are worth nothing at Google's, and none of its business.
            config.endpoint = endpoint_of_universe(&domain)?;
        }
        Self::with_tokens(&config, Some(tokens), stop)
    }

    pub fn with_tokens(
        config: &BucketConfig,
        tokens: Option<Tokens>,
        stop: &Stop,
    ) -> Result<Self, StoreError> {
        let client = StorageClient::new(config, tokens, stop)?;
        Ok(Self {
            bucket: Arc::new(Bucket::new(client, config.clone())),
        })
    }

    /// Looks whether all that a run needs is allowed, before it begins; what it found, for people.
    pub fn check(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        check::check(&self.bucket)
    }

    pub fn asked(&self) -> ServiceRequests {
        self.bucket.client.asked()
    }

    pub fn url_of(&self, name: &str) -> String {
        self.bucket.url_of_object(&self.bucket.object(name))
    }

    pub fn create(
        &self,
        names: ObjectNames,
        content_type: &'static str,
        spare: &Arc<SpareBlocks>,
    ) -> GcsWriter {
        self.bucket.upload_opened();
        GcsWriter {
            upload: Upload::create(Arc::clone(&self.bucket), names, content_type, spare),
            bucket: Arc::clone(&self.bucket),
        }
    }

    pub fn entries(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        let fields = "delimiter=/&fields=kind,items(name),prefixes,nextPageToken";
        self.list(prefix, fields, |page| {
            let objects = page.items.into_iter().map(|item| item.name);
            names.extend(objects.chain(page.prefixes));
        })?;
        Ok(self.below_prefix(names, |name| name))
    }

    pub fn objects(&self) -> Result<Vec<Listed>, StoreError> {
        let mut items = Vec::new();
        let fields = "fields=kind,items(name,size,generation,crc32c),nextPageToken";
        self.list("", fields, |page| items.extend(page.items))?;
        let items = items.into_iter().map(|item| Listed {
            name: item.name,
            bytes: item.size.and_then(|size| size.parse().ok()).unwrap_or(0),
            generation: item.generation.and_then(|number| number.parse().ok()),
            crc32c: item.crc32c,
        });
        Ok(self.below_prefix(items.collect(), |listed: &mut Listed| &mut listed.name))
    }

    pub fn reader(&self, object: &Listed) -> Pieces {
        Pieces::new(Arc::clone(&self.bucket), object)
    }

    /// Cuts the destination's prefix off their names.
    fn below_prefix<T>(&self, named: Vec<T>, name_of: impl Fn(&mut T) -> &mut String) -> Vec<T> {
        let prefix = &self.bucket.config.prefix;
        let mut below = Vec::with_capacity(named.len());
        for mut one in named {
            let name = name_of(&mut one);
            if let Some(rest) = name.strip_prefix(prefix) {
                *name = rest.to_owned();
                below.push(one);
            }
        }
        below
    }

    /// Asks for all pages of a listing.
    fn list(
        &self,
        prefix: &str,
        fields: &str,
        mut take: impl FnMut(Listing),
    ) -> Result<(), StoreError> {
        let bucket = &self.bucket;
        let what = format!("list {}", self.url_of(prefix));
        let mut page_token: Option<String> = None;
        loop {
            let mut target = format!(
                "/storage/v1/b/{}/o?prefix={}&{fields}",
                bucket.config.bucket,
                encode(&bucket.object(prefix))
            );
            if let Some(token) = &page_token {
                target += &format!("&pageToken={}", encode(token));
            }
            let reply = bucket.client.send_with_retries(&get(target), &what)?;
            if !reply.status.is_success() {
                return Err(bucket.refused(&what, &reply));
            }
            let mut listing: Listing = serde_json::from_slice(&reply.body)
                .ok()
                .filter(|listing: &Listing| listing.kind == "storage#objects")
                .ok_or_else(|| {
                    StoreError::failed(format_args!("can't {what}: the answer is no listing"))
                        .hint("something else than the storage service answers at `endpoint`")
                })?;
            let next = listing.next_page_token.take();
            take(listing);
            let next = next.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(());
            }
            if next == page_token {
                return Err(StoreError::failed(format_args!(
                    "can't {what}: the service gives the same page again and again"
                )));
            }
            page_token = next;
        }
    }

    pub fn read(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let bucket = &self.bucket;
        let object = bucket.object(name);
        let what = format!("read {}", self.url_of(name));
        let call = get(format!("{}?alt=media", bucket.target_of(&object)));
        let mut retries = bucket.client.retries();
        loop {
            let reply = bucket.client.send_patiently(&call, &what, &mut retries)?;
            if reply.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !reply.status.is_success() {
                return Err(bucket.refused(&what, &reply));
            }
            let said = Metadata {
                size: Some(reply.body.len().to_string()),
                crc32c: crc32c_of(&reply),
                generation: reply.header("x-goog-generation").map(str::to_owned),
            };
            // An answer without its evidence may be anybody's: the object is asked for it.
            let said = match (&said.crc32c, &said.generation) {
                (Some(_), Some(_)) => said,
                _ => bucket.metadata(&object)?.unwrap_or_default(),
            };
            let sum = encode_crc32c(crc32c::crc32c(&reply.body));
            let size = reply.body.len().to_string();
            if said.crc32c.as_ref() == Some(&sum) && said.size.as_ref() == Some(&size) {
                let generation = said.generation.and_then(|number| number.parse().ok());
                return Ok(Some(Stored {
                    version: Generation::Generation(generation),
                    content: reply.body,
                }));
            }
            let fault = if said.crc32c.is_none() {
                "the service doesn't say what its bytes should be"
            } else {
                "its bytes were damaged on the way"
            };
            retries.wait(&what, fault)?;
        }
    }

    pub fn replace(
        &self,
        name: &str,
        content: &[u8],
        expected: Option<&Generation>,
    ) -> Result<Generation, StoreError> {
        let generation = match expected {
            None => Some(0),
            Some(Generation::Generation(generation)) => *generation,
            Some(Generation::Content(_)) => None,
        };
        let bucket = Arc::clone(&self.bucket);
        let object = bucket.object(name);
        let mut upload = Upload::replace(bucket, object, generation);
        let finished = upload
            .write(content, LARGEST_CHUNK)
            .and_then(|()| upload.finish());
        if finished.is_err() {
            upload.cancel();
        }
        let (_, metadata) = finished?;
        let generation = metadata
            .generation
            .and_then(|generation| generation.parse().ok());
        Ok(Generation::Generation(generation))
    }
}

/// A data object on its way.
#[derive(Debug)]
pub struct GcsWriter {
    bucket: Arc<Bucket>,
    upload: Upload,
}

impl GcsWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.upload.write(bytes, self.bucket.chunk_bytes())
    }

    pub fn write_block(&mut self, block: Vec<u8>) -> Result<(), StoreError> {
        self.upload.write_block(block, self.bucket.chunk_bytes())
    }

    pub fn seal(&mut self) -> Result<(), StoreError> {
        self.upload.seal()
    }

    pub fn finish(mut self) -> Result<String, StoreError> {
        self.upload.finish().map(|(name, _)| name)
    }
}

impl Drop for GcsWriter {
    fn drop(&mut self) {
        self.bucket.upload_closed();
        // Nothing is left to cancel once it is finished.
        self.upload.cancel();
    }
}

/// The checksum that a download says to have.
fn crc32c_of(reply: &Reply) -> Option<String> {
    let values = reply.headers.get_all("x-goog-hash");
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|part| Some(part.trim().strip_prefix("crc32c=")?.to_owned()))
}

fn endpoint_of_universe(domain: &str) -> Result<String, StoreError> {
    let is_host = domain
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if !is_host {
        return Err(misconfigured(
            "the `universe_domain` of the credentials is no domain",
        ));
    }
    Ok(format!("https://storage.{domain}"))
}
