//! The page, from inside the executable.

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct File {
    /// From the root, with its slash.
    pub(super) path: &'static str,
    pub(super) bytes: &'static [u8],
    pub(super) gzip: Option<&'static [u8]>,
    /// Of the bytes, in quotes.
    pub(super) tag: &'static str,
}

/// In the order of their paths; none where the page was not built before this was.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What is shown in the place of a page that is not there.
static ABSENT: File = File {
    path: "/index.html",
    bytes: b"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>fourfold</title>\n\
        <p>The page is not in this executable. <code>cargo xtask web</code> builds it; then build <code>fourfold</code> again.</p>\n\
        <p>While a run listens, its <a href=\"metrics\">metrics</a> and <a href=\"events\">events</a> are here all the same.</p>\n",
    gzip: None,
    tag: "\"absent\"",
};

/// For scripts of the page's own and its wasm, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; worker-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'";
/// For the frame in which users' own code runs: it may reach anybody, and nothing of the page.
const SANDBOX_POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'self'; worker-src blob:; connect-src *; \
    frame-ancestors 'self'";

/// The file at this path.
pub(super) fn find(path: &str) -> Option<&'static File> {
    find_in(FILES, path)
}

fn find_in(files: &'static [File], path: &str) -> Option<&'static File> {
    let path = if path == "/" { "/index.html" } else { path };
    let found = files.binary_search_by_key(&path, |file| file.path).ok().map(|place| &files[place]);
    found.or_else(|| Some(&ABSENT).filter(|absent| files.is_empty() && path == absent.path))
}

impl File {
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
        let tag = |path| find_in(SOME, path).map(|file| file.tag);
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
    }

    #[test]
    fn a_page_that_is_not_there_says_how_to_build_it() {
        let page = find_in(&[], "/").unwrap();
        assert!(core::str::from_utf8(page.bytes).unwrap().contains("cargo xtask web"));
        assert!(find_in(&[], "/js/main.js").is_none());
    }

    #[test]
    fn embedded_files_are_in_order() {
        assert!(FILES.is_sorted_by_key(|file| file.path));
        assert!(FILES.iter().all(|file| file.path.starts_with('/') && !file.path.ends_with(".gz")));
    }
}
