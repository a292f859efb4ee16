//! The reference page in `docs` says what the program does.

use std::path::Path;

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/cli.md");
    let page = lockstep::reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == page,
        "docs/reference/cli.md is not current: run `UPDATE_DOCS=1 cargo test -p lockstep --test reference`"
    );
}
