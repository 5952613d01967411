//! Writes the files that are generated for the page and for the npm package; `cargo xtask web` runs it.
#![forbid(unsafe_code)]

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in fourfold_web::generate::files() {
        let path = web.join(path);
        // A file that stays as it is keeps its time.
        if fs::read_to_string(&path).is_ok_and(|written| written == text) {
            continue;
        }
        fs::write(&path, text)?;
        println!("{}: written", path.display());
    }
    Ok(())
}
