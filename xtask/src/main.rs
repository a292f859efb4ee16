//! The one script surface: demo, test, bench and the checks they call.

fn main() {}
