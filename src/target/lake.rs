//! What is in a destination: its data files by stream, as listings tell them.

use std::collections::BTreeMap;

use super::config::Config;
use super::data_name::DataName;
use super::store::{Listed, Store, StoreError};

/// A data file.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// What its name says.
    pub name: DataName,
    /// What the listing says.
    pub object: Listed,
}

/// The data files of a destination.
#[derive(Debug, Default)]
pub struct Lake {
    /// By stream, each stream's in the order in which they were opened.
    pub streams: BTreeMap<String, Vec<DataFile>>,
    /// What has no name of a data file, though it is where those are.
    pub foreign: Vec<String>,
}

impl Lake {
    /// Lists a destination.
    pub fn list(store: &Store, config: &Config) -> Result<Self, StoreError> {
        let mut lake = Self::default();
        let template = &config.path_template;
        let state_prefix = config.state_path_template.prefix();
        for object in store.objects(template.levels())? {
            let is_state = config.state_path_template.candidate(&object.name).is_some();
            match DataName::read(template, &object.name) {
                Some(name) => {
                    let files = lake.streams.entry(name.stream.clone()).or_default();
                    files.push(DataFile { name, object });
                }
                // Records that were put aside are none of a stream's.
                None if object.name.starts_with("_invalid/") || is_state => {}
                None if !state_prefix.is_empty() && object.name.starts_with(state_prefix) => {}
                None => lake.foreign.push(object.name),
            }
        }
        for files in lake.streams.values_mut() {
            files.sort_by(|one, other| {
                let key = |file: &DataFile| (file.name.opened_at, file.object.name.clone());
                key(one).cmp(&key(other))
            });
        }
        Ok(lake)
    }
}
