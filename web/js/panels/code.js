// The crate's source code of the pattern that runs; the line that the last event came from is lit.

import { h, setText } from '../dom.js';

/** @import { Services } from '../page.js' */

const KEYWORDS =
  /\b(async|await|break|const|continue|else|enum|fn|for|if|impl|in|let|loop|match|move|mut|pub|ref|return|self|Self|struct|super|trait|type|use|where|while)\b/;
const TOKEN = /(\/\/.*$)|("(?:[^"\\]|\\.)*")|(\b\d[\d_]*\b)|([A-Za-z_]\w*!?)|(\s+|.)/g;

/** Colours a line of Rust. @param {string} line */
function coloured(line) {
  /** @type {(Node | string)[]} */
  const parts = [];
  for (const [text, comment, string, number, word] of line.matchAll(TOKEN)) {
    const name = comment
      ? 'c'
      : string
        ? 's'
        : number
          ? 'n'
          : word && KEYWORDS.test(word)
            ? 'k'
            : word && /^[A-Z]/.test(word)
              ? 't'
              : '';
    parts.push(name ? h('span', { class: name }, text) : text);
  }
  return parts;
}

export class CodePanel {
  /** @param {Services} services */
  constructor({ playback, sources, tr }) {
    this.playback = playback;
    this.sources = sources;
    this.tr = tr;
    this.body = h('div', { class: 'code', role: 'region', 'aria-label': this.tr('code.title'), tabindex: 0 });
    this.note = h('p', { class: 'note' });
    /** Chooses the run whose code is shown. */
    this.choice = h('select', {
      id: 'code-run',
      'aria-label': this.tr('code.which'),
      hidden: true,
      onchange: () => void this.follow(),
    });
    this.element = h('div', { class: 'tab-body' }, this.note, this.choice, this.body);
    this.shown = '';
    /** @type {HTMLElement | null} */
    this.lit = null;
    /** @type {Map<string, HTMLElement>} */
    this.marks = new Map();
    playback.on('settle', () => void this.follow());
    playback.on('runs', () => this.offer());
    this.offer();
  }

  /** Offers the runs that have code of their own. */
  offer() {
    const names = this.playback.runs.map((_, index) => this.nameOf(index));
    const first = names
      .map((name, index) => ({ name, index }))
      .filter(({ name, index }) => names.indexOf(name) === index);
    this.choice.replaceChildren(
      ...first.map(({ index }) => h('option', { value: index }, this.playback.runs[index].title)),
    );
    this.choice.hidden = first.length < 2;
    void this.follow();
  }

  /** Names the code of a run: its pattern, or its program. @param {number} index */
  nameOf(index) {
    return this.playback.runs[index].program ?? this.playback.snapshots[index]?.pattern ?? '';
  }

  async follow() {
    if (!this.element.isConnected || this.element.closest('[hidden]') !== null) return;
    const index = Number(this.choice.value) || 0;
    const snapshot = this.playback.snapshots[index];
    if (!snapshot) return;
    const name = this.nameOf(index);
    if (name !== this.shown) {
      this.shown = name;
      setText(this.note, this.tr(this.playback.runs[index].program ? 'code.helpProgram' : 'code.help'));
      await this.build(name);
    }
    this.light(snapshot.kind);
  }

  /** @param {string} name */
  async build(name) {
    const source = await this.sources.of(name);
    if (!source) return;
    this.marks.clear();
    /** @type {HTMLElement[][]} */
    const lines = source.sections.map(({ lines: text, first_line: first }) =>
      text.map((line, index) => h('span', { class: 'line', 'data-line': first + index }, ...coloured(line), '\n')),
    );
    for (const [kind, [section, line]] of Object.entries(source.marks)) {
      const at = lines[section]?.[line - source.sections[section].first_line];
      if (at) this.marks.set(kind, at);
    }
    this.body.replaceChildren(
      ...source.sections.flatMap(({ file, title }, index) => [
        h('h3', { class: 'file' }, h('span', { class: 'mono' }, file), title ? ` ${title}` : ''),
        h('pre', {}, h('code', {}, ...lines[index])),
      ]),
    );
    this.lit = null;
  }

  /** @param {string} kind */
  light(kind) {
    const line = this.marks.get(kind) ?? null;
    if (line === this.lit) return;
    this.lit?.classList.remove('lit');
    this.lit?.removeAttribute('aria-current');
    this.lit = line;
    if (!line) return;
    line.classList.add('lit');
    line.setAttribute('aria-current', 'step');
    const { offsetTop } = line;
    const { scrollTop, clientHeight } = this.body;
    if (offsetTop < scrollTop + 20 || offsetTop > scrollTop + clientHeight - 40)
      this.body.scrollTop = offsetTop - clientHeight / 2;
  }
}
