//! Parts of long lists.

/// Which part of a list is wanted, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many rows to pass over.
    pub skip: u32,
    /// How many rows to give at most.
    pub limit: u32,
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this part, newest first.
    pub items: Vec<T>,
    /// How many rows the whole list has.
    pub total: u64,
}
