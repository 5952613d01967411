//! The generated files are up to date, and what they say is what the module does.

use std::{fs, path::Path};

use fourfold_web::{
    generate,
    params::{
        Params,
        describe::{self, DefaultValue},
        read_simulation,
    },
};

#[test]
fn generated_files_are_as_they_would_be_written_now() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in generate::files() {
        let written = fs::read_to_string(web.join(path)).unwrap_or_default();
        assert!(written == text, "{path} is out of date: `cargo xtask web` writes it anew");
    }
}

#[test]
fn a_number_is_taken_within_its_bounds_and_refused_outside() {
    let run = describe::run().into_iter().chain([describe::tasks()]);
    for described in run.filter(|described| described.kind() == "count" && described.name() != "rate") {
        let (name, (min, max)) = (described.name(), described.bounds());
        let parse = |value: String| {
            // Keeps many tasks within the maximum number of attempts.
            let retries = if name == "retries" { "" } else { r#","retries":0"# };
            let tasks = if name == "tasks" { "" } else { r#","tasks":1"# };
            Params::parse(&format!(r#"{{"{name}":{value}{retries}{tasks}}}"#))
        };
        for allowed in [min, max] {
            parse(allowed.to_string()).unwrap_or_else(|error| panic!("{name} {allowed}: {error}"));
        }
        for refused in [min as f64 - 1.0, max as f64 * 2.0, 1.5] {
            let error = parse(refused.to_string()).unwrap_err();
            assert!(error.contains(name), "{name} {refused}: {error}");
        }
    }
}

#[test]
fn a_field_of_the_page_takes_only_values_that_the_module_takes() {
    let all = describe::run().into_iter().chain([describe::tasks()]).chain(describe::workload());
    let mut fields = 0;
    for described in all {
        let Some(field) = described.field else { continue };
        let (min, max) = described.bounds();
        assert!(min <= field.min && field.max <= max, "{}: {field:?} in {min}..={max}", described.name());
        fields += 1;
    }
    assert!(fields >= 15, "{fields} fields");
}

#[test]
fn the_default_of_a_parameter_is_what_a_run_without_it_has() {
    // An intervention that configures a run writes every setting.
    let given = r#"{"params":{},"interventions":[[0,{"configure":{}}]]}"#;
    let written = fourfold_web::params::write_interventions(&read_simulation(given).unwrap());
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    let configured = &written[0][1]["configure"];
    let mut compared = 0;
    for described in describe::run() {
        let found = &configured[described.name()];
        match described.default {
            DefaultValue::Number(number) => assert_eq!(found.as_f64(), Some(number as f64), "{}", described.name()),
            DefaultValue::Flag(flag) => assert_eq!(found.as_bool(), Some(flag), "{}", described.name()),
            DefaultValue::Pair(..) | DefaultValue::Words(_) => continue,
        }
        compared += 1;
    }
    assert!(compared >= 6, "{compared} defaults");
    let params = Params::parse("{}").unwrap();
    assert_eq!(describe::tasks().default, DefaultValue::Number(params.tasks));
}
