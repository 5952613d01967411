//! The page, from inside the executable.

use fourfold::listen::{File, Page};

/// Its files, in the order of their paths; none where the page was not built before the command.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What is served in the place of a page that was not built.
static ABSENT: &[File] = &[File::new(
    "/index.html",
    b"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>fourfold</title>\n\
        <p>The page is not in this executable. <code>cargo xtask web</code> builds it; then build <code>fourfold</code> again.</p>\n\
        <p>While a run listens, its <a href=\"metrics\">metrics</a> and <a href=\"events\">events</a> are here all the same.</p>\n",
    None,
    "\"absent\"",
)];

/// Returns the page, or one that says how to build it.
pub(crate) fn page() -> Page {
    Page::new(if FILES.is_empty() { ABSENT } else { FILES })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_files_are_in_order() {
        assert!(FILES.is_sorted_by_key(|file| file.path));
        assert!(FILES.iter().all(|file| file.path.starts_with('/') && !file.path.ends_with(".gz")));
    }

    #[test]
    fn the_page_begins_with_its_index() {
        assert!(page().files().iter().any(|file| file.path == "/index.html"));
    }
}
