//! A subscriber that writes down what it sees.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::with_default,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// A span as it was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) target: String,
    /// The label of its parent.
    pub(crate) parent: Option<String>,
    fields: Fields,
    pub(crate) closed: bool,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.0.get(name).map(String::as_str)
    }

    pub(crate) fn fields_except(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let fields = self.fields.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        fields.filter(|(name, _)| !names.contains(name)).collect()
    }

    /// Its name, and which task it is about.
    fn label(&self) -> String {
        let task = if self.name == "task" { self.field("task") } else { None };
        task.map_or_else(|| self.name.clone(), |task| format!("{} {task}", self.name))
    }
}

/// All that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct All {
    spans: BTreeMap<u64, Seen>,
    /// In the order in which they came.
    order: Vec<u64>,
    /// `enter`, `exit` and so on, with the label of the span, and what was noted between them.
    pub(crate) log: Vec<String>,
    /// The label of the span, the level, and the message with the fields.
    pub(crate) events: Vec<(String, String, String)>,
}

impl All {
    /// The spans of a name, in the order in which they began.
    pub(crate) fn spans(&self, name: &str) -> Vec<&Seen> {
        self.order.iter().map(|id| &self.spans[id]).filter(|span| span.name == name).collect()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<All>>);

/// What is seen while something goes on.
pub(crate) fn watch(go: impl FnOnce(&Recorder)) -> All {
    let recorder = Recorder::default();
    with_default(tracing_subscriber::registry().with(recorder.clone()), || go(&recorder));
    recorder.all()
}

impl Recorder {
    pub(crate) fn note(&self, line: &str) {
        self.0.lock().unwrap().log.push(line.to_owned());
    }

    /// What is seen of it where only errors are wanted.
    pub(crate) fn quiet(&self, go: impl FnOnce()) -> All {
        with_default(tracing_subscriber::registry().with(self.clone().with_filter(LevelFilter::ERROR)), go);
        self.all()
    }

    fn all(&self) -> All {
        self.0.lock().unwrap().clone()
    }

    fn log(&self, what: &str, id: u64) {
        let mut all = self.0.lock().unwrap();
        let label = all.spans[&id].label();
        all.log.push(format!("{what} {label}"));
    }
}

/// The registry uses an id again when its span has ended.
#[derive(Clone, Copy)]
struct Number(u64);

fn number<S: Subscriber + for<'a> LookupSpan<'a>>(id: &Id, context: &Context<'_, S>) -> u64 {
    context.span(id).unwrap().extensions().get::<Number>().unwrap().0
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let parent = span.parent().map(|parent| number(&parent.id(), &context));
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let number = {
            let mut all = self.0.lock().unwrap();
            let number = all.order.len() as u64;
            let parent = parent.map(|parent| all.spans[&parent].label());
            let (name, target) = (span.name().to_owned(), attributes.metadata().target().to_owned());
            all.spans.insert(number, Seen { name, target, parent, fields, closed: false });
            all.order.push(number);
            number
        };
        span.extensions_mut().insert(Number(number));
        self.log("new", number);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let number = number(id, &context);
        record.record(&mut self.0.lock().unwrap().spans.get_mut(&number).unwrap().fields);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let span = context.event_span(event).map(|span| number(&span.id(), &context));
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut text = fields.0.remove("message").unwrap_or_default();
        // As they stand in the source.
        for field in event.metadata().fields().iter().filter(|field| field.name() != "message") {
            text += &format!(" {}={}", field.name(), fields.0[field.name()]);
        }
        let mut all = self.0.lock().unwrap();
        let label = span.map(|span| all.spans[&span].label()).unwrap_or_default();
        all.events.push((label, event.metadata().level().to_string(), text));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.log("enter", number(id, &context));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.log("exit", number(id, &context));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let number = number(&id, &context);
        self.0.lock().unwrap().spans.get_mut(&number).unwrap().closed = true;
        self.log("close", number);
    }
}

#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}
