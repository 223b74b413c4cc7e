//! The target: from Singer messages to objects in a bucket or files in a directory.
