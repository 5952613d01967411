//! The text formats of Prometheus: OpenMetrics 1.0 and the classic one, from the same calls.

use alloc::string::String;
use core::fmt::{Display, Write};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    OpenMetrics,
    Classic,
}

impl Format {
    /// Names the format for the header `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
    StateSet,
}

/// Families, one after the other.
#[derive(Debug)]
pub(super) struct Exposition {
    format: Format,
    text: String,
    /// Of the family that is being written.
    name: &'static str,
}

impl Exposition {
    pub(super) fn new(format: Format) -> Self {
        Self { format, text: String::new(), name: "" }
    }

    /// Begins a family. `name` is without the suffix of its kind; a `unit` is the last part of it.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, unit: Option<&str>, help: &str) {
        self.name = name;
        let open = self.format == Format::OpenMetrics;
        let (suffix, kind) = match kind {
            Kind::Counter if open => ("", "counter"),
            Kind::Counter => ("_total", "counter"),
            Kind::Gauge => ("", "gauge"),
            Kind::Histogram => ("", "histogram"),
            Kind::Info if open => ("", "info"),
            Kind::Info => ("_info", "gauge"),
            Kind::StateSet if open => ("", "stateset"),
            Kind::StateSet => ("", "gauge"),
        };
        self.write(format_args!("# TYPE {name}{suffix} {kind}\n"));
        if let Some(unit) = unit.filter(|_| open) {
            self.write(format_args!("# UNIT {name} {unit}\n"));
        }
        self.write(format_args!("# HELP {name}{suffix} {help}\n"));
    }

    /// A sample of the family: the suffix of its kind, its labels, its value.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let name = self.name;
        self.write(format_args!("{name}{suffix}"));
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            self.write(format_args!("{before}{label}=\"{text}\""));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.write(format_args!("{after} {value}\n"));
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn write(&mut self, text: core::fmt::Arguments<'_>) {
        // Text in memory takes everything.
        let _ = self.text.write_fmt(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: Format) -> String {
        let mut exposition = Exposition::new(format);
        exposition.family("work_seconds", Kind::Counter, Some("seconds"), "Time at work.");
        exposition.sample("_total", &[("a", "b"), ("c", "d")], 1.5);
        exposition.family("build", Kind::Info, None, "What it is.");
        exposition.sample("_info", &[], 1);
        exposition.finish()
    }

    #[test]
    fn the_same_calls_come_to_both_formats() {
        assert_eq!(
            text(Format::OpenMetrics),
            "# TYPE work_seconds counter\n# UNIT work_seconds seconds\n# HELP work_seconds Time at work.\n\
             work_seconds_total{a=\"b\",c=\"d\"} 1.5\n# TYPE build info\n# HELP build What it is.\nbuild_info 1\n# EOF\n"
        );
        assert_eq!(
            text(Format::Classic),
            "# TYPE work_seconds_total counter\n# HELP work_seconds_total Time at work.\n\
             work_seconds_total{a=\"b\",c=\"d\"} 1.5\n# TYPE build_info gauge\n# HELP build_info What it is.\nbuild_info 1\n"
        );
    }
}
