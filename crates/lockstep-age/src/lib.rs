//! age identities and recipients; wraps and unwraps data keys.
