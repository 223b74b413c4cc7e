//! The Singer wire: messages, catalog, state, metrics. Knows neither Intercom nor storage.
