// The crate's real source of the pattern that runs, with the line lit that the last event came from.

import { h } from '../dom.js';
import { ask } from '../engine.js';
import { t } from '../i18n.js';

/**
 * @typedef {{file: string, title?: string, first_line: number, lines: string[]}} Section
 * @typedef {{sections: Section[], marks: Record<string, [number, number]>}} Source
 */

/** @type {Promise<Record<string, Source>> | null} */
let sources = null;

function load() {
  sources ??= fetch(new URL('../../code.json', import.meta.url)).then((response) => response.json());
  return sources;
}

const KEYWORDS = /\b(async|await|break|const|continue|else|enum|fn|for|if|impl|in|let|loop|match|move|mut|pub|ref|return|self|Self|struct|super|trait|type|use|where|while)\b/;
const TOKEN = /(\/\/.*$)|("(?:[^"\\]|\\.)*")|(\b\d[\d_]*\b)|([A-Za-z_]\w*!?)|(\s+|.)/g;

/** A line of Rust, coloured. @param {string} line */
function coloured(line) {
  /** @type {(Node | string)[]} */
  const parts = [];
  for (const [text, comment, string, number, word] of line.matchAll(TOKEN)) {
    const name = comment ? 'c' : string ? 's' : number ? 'n' : word && KEYWORDS.test(word) ? 'k' : word && /^[A-Z]/.test(word) ? 't' : '';
    parts.push(name ? h('span', { class: name }, text) : text);
  }
  return parts;
}

export class CodePanel {
  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.body = h('div', { class: 'code', role: 'region', 'aria-label': t('code.title'), tabindex: 0 });
    this.element = h('div', { class: 'tab-body' }, h('p', { class: 'note' }, t('code.help')), this.body);
    this.shown = '';
    /** @type {HTMLElement | null} */
    this.lit = null;
    /** @type {Map<string, HTMLElement>} */
    this.marks = new Map();
    session.on('settle', () => void this.follow());
    session.on('runs', () => void this.follow());
  }

  async follow() {
    if (!this.element.isConnected || this.element.closest('[hidden]') !== null) return;
    const index = Math.max(0, this.latest());
    const snapshot = this.session.snapshots[index];
    if (!snapshot) return;
    const name = this.session.runs[index].program ?? snapshot.pattern;
    if (name !== this.shown) {
      this.shown = name;
      await this.build(name);
    }
    this.light(snapshot.kind);
  }

  /** The panel whose event was the last one. */
  latest() {
    const times = this.session.snapshots.map((snapshot) => snapshot.of('t_ns'));
    return times.indexOf(Math.max(...times));
  }

  /** @param {string} name */
  async build(name) {
    const source = (await load())[name] ?? (await this.program(name));
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
      ...source.sections.flatMap(({ file, title }, index) => [h('h3', { class: 'file' }, h('span', { class: 'mono' }, file), title ? ` ${title}` : ''), h('pre', {}, h('code', {}, ...lines[index]))]),
    );
    this.lit = null;
  }

  /** A user program, whose source the module has. @param {string} name @returns {Promise<Source | undefined>} */
  async program(name) {
    /** @type {(Source & {name: string})[]} */
    const programs = JSON.parse(await ask('programs'));
    return programs.find((program) => program.name === name);
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
    if (offsetTop < scrollTop + 20 || offsetTop > scrollTop + clientHeight - 40) this.body.scrollTop = offsetTop - clientHeight / 2;
  }
}
