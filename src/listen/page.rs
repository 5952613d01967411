//! The page that a listener serves: files that its program brings along.

/// One file of a page, with what a browser has to know about it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct File {
    /// The path from the root, with its slash: `/index.html`.
    pub path: &'static str,
    /// The content of the file, uncompressed.
    pub bytes: &'static [u8],
    /// The content as gzip compresses it, for clients that take it.
    pub gzip: Option<&'static [u8]>,
    /// The entity tag of the content, in double quotes.
    pub tag: &'static str,
}

/// The files of a page, in the order of their paths.
///
/// ```
/// use fourfold::listen::{File, Page};
/// static FILES: [File; 1] = [File::new("/index.html", b"<!doctype html>", None, "\"1\"")];
/// static PAGE: Page = Page::new(&FILES);
/// assert_eq!(PAGE.files().len(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Page {
    files: &'static [File],
}

/// The answer where a program brings no page along.
static NONE: [File; 1] = [File {
    path: "/index.html",
    bytes: b"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>fourfold</title>\n\
        <p>This program serves no page. Its <a href=\"metrics\">metrics</a> and <a href=\"events\">events</a> are here.</p>\n",
    gzip: None,
    tag: "\"none\"",
}];

/// For scripts of the page's own and its wasm, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; worker-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'self'";
/// For the frame in which users' own code runs: it may reach anybody, and nothing of the page.
const SANDBOX_POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'self'; worker-src blob:; connect-src *; \
    frame-ancestors 'self'";

impl Page {
    /// Makes a page of files, which must be in the order of their paths.
    pub const fn new(files: &'static [File]) -> Self {
        Self { files }
    }

    /// Returns the files of the page.
    pub const fn files(&self) -> &'static [File] {
        self.files
    }

    /// Returns the file at this path; `/` is `/index.html`.
    pub(super) fn find(&self, path: &str) -> Option<&'static File> {
        let path = if path == "/" { "/index.html" } else { path };
        self.files.binary_search_by_key(&path, |file| file.path).ok().map(|place| &self.files[place])
    }
}

/// A page that says that there is none.
impl Default for Page {
    fn default() -> Self {
        Self::new(&NONE)
    }
}

impl File {
    /// Makes a file of its path, content, compressed content and entity tag.
    pub const fn new(path: &'static str, bytes: &'static [u8], gzip: Option<&'static [u8]>, tag: &'static str) -> Self {
        Self { path, bytes, gzip, tag }
    }

    /// For the header `Content-Security-Policy`.
    pub(super) fn policy(&self) -> &'static str {
        if self.path == "/sandbox.html" { SANDBOX_POLICY } else { POLICY }
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("wasm") => "application/wasm",
            Some("json" | "map") => "application/json",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            Some("webmanifest") => "application/manifest+json",
            Some("txt" | "md") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SOME: &[File] = &[
        File { path: "/app.wasm", bytes: b"w", gzip: None, tag: "\"1\"" },
        File { path: "/index.html", bytes: b"i", gzip: None, tag: "\"2\"" },
        File { path: "/js/main.js", bytes: b"j", gzip: None, tag: "\"3\"" },
        File { path: "/sandbox.html", bytes: b"s", gzip: None, tag: "\"4\"" },
    ];

    #[test]
    fn files_are_found_by_their_path_and_by_nothing_else() {
        let tag = |path| Page::new(SOME).find(path).map(|file| file.tag);
        assert_eq!((tag("/"), tag("/js/main.js"), tag("/app.wasm")), (Some("\"2\""), Some("\"3\""), Some("\"1\"")));
        for path in ["", "/js", "/js/", "//index.html", "/../Cargo.toml", "/js/../index.html", "/%2e%2e/x", "*"] {
            assert_eq!(tag(path), None, "{path}");
        }
        let types: Vec<_> = SOME.iter().map(File::content_type).collect();
        assert_eq!(types[0], "application/wasm");
        assert!(types[2].starts_with("text/javascript"));
        assert!(
            SOME[3].policy().starts_with("sandbox allow-scripts;") && SOME[1].policy().contains("'wasm-unsafe-eval'")
        );
        // No foreign page can show one of them in a frame and lay something over it.
        assert!(SOME.iter().all(|file| file.policy().contains("frame-ancestors 'self'")));
    }

    #[test]
    fn a_program_without_a_page_says_so() {
        let page = Page::default();
        assert!(core::str::from_utf8(page.find("/").unwrap().bytes).unwrap().contains("no page"));
        assert!(page.find("/js/main.js").is_none());
    }
}
