// The choice of a handler, its code, and the payloads that it is given.

import { h, setText } from '../dom.js';
import { count } from '../format.js';
import { OWN, OWN_PAYLOADS, PRESETS } from '../handlers/list.js';
import { editor } from './editor.js';

/**
 * @import { Translate } from '../translator.js'
 *
 * @typedef {object} Actions
 * @property {() => void} run
 * @property {() => void} onchange another handler was chosen
 */

const PAYLOADS_MAX = 10_000;
const NAMES = [...PRESETS.map(({ name }) => name), 'own'];

export class HandlerPanel {
  /** @param {Translate} tr @param {Actions} actions */
  constructor(tr, { run, onchange }) {
    this.tr = tr;
    this.onchange = onchange;
    this.chosen = NAMES[0];
    this.radios = NAMES.map((value) =>
      h('input', { type: 'radio', name: 'handler', value, onchange: () => void this.choose(value) }),
    );
    this.source = h('pre', { class: 'source', tabindex: 0, role: 'region', 'aria-label': tr('own.source') });
    const copy = h('button', { type: 'button', id: 'own-copy', onclick: () => void this.copy() }, tr('own.copy'));
    this.presetBox = h('details', {}, h('summary', {}, tr('own.source')), this.source, h('p', {}, copy));
    this.codeEditor = editor(tr, {
      id: 'own-code',
      label: tr('own.code'),
      value: OWN,
      run,
      class: 'code-area',
      help: tr('own.codeHelp'),
    });
    this.payloadEditor = editor(tr, {
      id: 'own-payloads',
      label: tr('own.payloads'),
      value: linesOf(PRESETS[0].payloads),
      run,
      class: 'payloads',
      help: tr('own.payloadsHelp'),
    });
    this.elements = [this.choices(), this.presetBox, this.codeEditor.element, this.payloadEditor.element];
  }

  choices() {
    const { tr } = this;
    const labels = NAMES.map((name, index) => {
      const title = h('strong', {}, tr(`own.${name}`));
      const help = h('span', { class: 'note' }, tr(`own.${name}.help`));
      return h('label', {}, this.radios[index], h('span', {}, title, help));
    });
    return h('fieldset', { class: 'choice-list' }, h('legend', {}, tr('own.handler')), ...labels);
  }

  /** The code that the visitor wrote. */
  get code() {
    return this.codeEditor.area.value;
  }

  /** Finds the preset that is chosen; undefined where the visitor's own code is. */
  preset() {
    return PRESETS.find(({ name }) => name === this.chosen);
  }

  /**
   * Chooses a handler, and its payloads unless others were written.
   * @param {string | undefined} name
   */
  async choose(name) {
    const { area } = this.payloadEditor;
    const known = name !== undefined && NAMES.includes(name) ? name : NAMES[0];
    const untouched = area.value === defaultPayloads(this.chosen);
    this.chosen = known;
    for (const radio of this.radios) radio.checked = radio.value === known;
    if (untouched) area.value = defaultPayloads(known);
    this.presetBox.hidden = known === 'own';
    this.codeEditor.element.hidden = known !== 'own';
    this.onchange();
    if (known !== 'own') setText(this.source, await sourceOf(known));
  }

  /** Copies the preset's code for the visitor to change. */
  async copy() {
    const { area } = this.payloadEditor;
    const payloads = area.value;
    this.codeEditor.area.value = (await sourceOf(this.chosen)).replace('export default ', '');
    await this.choose('own');
    area.value = payloads;
    this.codeEditor.area.focus();
  }

  /**
   * Sets code and payloads, where they are text.
   * @param {unknown} code
   * @param {unknown} payloads
   */
  set(code, payloads) {
    if (typeof code === 'string') this.codeEditor.area.value = code;
    if (typeof payloads === 'string') this.payloadEditor.area.value = payloads;
  }

  /** Says what differs from the defaults. */
  changed() {
    const { chosen, code } = this;
    const payloads = this.payloadEditor.area.value;
    return {
      chosen,
      code: chosen === 'own' && code !== OWN ? code : undefined,
      payloads: payloads === defaultPayloads(chosen) ? undefined : payloads,
    };
  }

  /** Reads the value of each line; an error names the line. @returns {unknown[]} */
  readPayloads() {
    const { area } = this.payloadEditor;
    area.setAttribute('aria-invalid', 'true');
    const values = area.value.split('\n').flatMap((line, index) => this.readLine(line, index));
    if (values.length === 0) throw new Error(this.tr('own.noPayloads'));
    if (values.length > PAYLOADS_MAX) throw new Error(this.tr('own.manyPayloads', { most: count(PAYLOADS_MAX) }));
    area.removeAttribute('aria-invalid');
    return values;
  }

  /** @param {string} line @param {number} index @returns {unknown[]} */
  readLine(line, index) {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line)];
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      throw new Error(this.tr('own.badPayload', { line: index + 1, message }));
    }
  }
}

/** Writes payloads as lines. @param {unknown[]} payloads */
function linesOf(payloads) {
  return payloads.map((payload) => JSON.stringify(payload)).join('\n');
}

/** Writes the payloads that a handler is given unless others are written. @param {string} name */
function defaultPayloads(name) {
  return linesOf(PRESETS.find((one) => one.name === name)?.payloads ?? OWN_PAYLOADS);
}

/** Loads a handler's own text. @param {string} name */
async function sourceOf(name) {
  const response = await fetch(new URL(`../handlers/${name}.js`, import.meta.url));
  return response.text();
}
