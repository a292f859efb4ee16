//! The API kinds Repository, Sync and Team, and their condition reasons.
