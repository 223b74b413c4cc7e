//! JSON text without taking it apart: where values begin and end, what an object's members are, how
//! bytes are cut out and put in. Knows nothing of what the text says.

pub mod duplicates;
pub mod edit;
pub mod members;
mod scalars;
pub mod scanner;
pub mod specials;
pub mod strings;
pub mod surrogates;
