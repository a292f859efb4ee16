//! Validated names, parsed at the edge and trusted afterwards.
