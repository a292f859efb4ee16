//! Server-side apply, inventory, prune and drift, as a team.
