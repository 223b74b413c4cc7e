//! The catalog with what only a workspace can say: which datasets its reports are made of, and what their
//! rows may hold.

use serde_json::json;

use super::api::client::Client;
use super::fault::Fault;
use super::plan::discover;
use super::read::export::datasets;
use super::streams::{DATASETS, add_datasets, stream_of_dataset};
use crate::cli::Failure;
use crate::cli::foreign::told;
use crate::singer::catalog::Catalog;

/// The catalog of everything there is. What the workspace doesn't say isn't in it, and is told.
pub fn discover_with(client: &Client) -> Result<Catalog, Failure> {
    let datasets = match datasets(client, DATASETS) {
        Ok(datasets) => datasets,
        Err(fault) => {
            if let Some(signal) = client.stop().received() {
                return Err(Failure::signal(signal));
            }
            tell(fault);
            return Ok(discover());
        }
    };
    let names: Vec<String> = datasets
        .iter()
        .map(|dataset| stream_of_dataset(&dataset.id))
        .collect();
    add_datasets(names.iter().map(String::as_str));
    let mut catalog = discover();
    for (dataset, name) in datasets.iter().zip(&names) {
        let mut streams = catalog.streams.iter_mut();
        let Some(stream) = streams.find(|stream| stream.tap_stream_id == *name) else {
            continue;
        };
        for (column, called, is_time) in dataset.columns() {
            let schema = json!({
                "description": format!("{}, as text.", told(called)),
                "type": ["null", "string"],
            });
            stream.declare(column, schema, is_time);
        }
    }
    Ok(catalog)
}

fn tell(fault: Fault) {
    let failure = Failure::from(fault);
    tracing::warn!(
        "the workspace can't be asked which datasets its reports are made of; the catalog has those that \
         workspaces are known to have: {failure}"
    );
}
